import CZeroMQ
import Foundation
import Synchronization

/// What a thread that owns sockets does. Every method runs on that thread.
protocol SocketLoop: AnyObject {
    func pollItems() -> [zmq_pollitem_t]
    /// Longest wait for the next turn, in milliseconds; `nil` waits for sockets alone.
    func patienceMilliseconds() -> Int?
    /// Moves what can be moved without waiting, a bounded number of messages each time.
    func takeTurn()
    /// Closes the sockets.
    func close()
}

/// Wakes a thread that waits for sockets, from any other thread: a pipe that never blocks.
final class Wakeup: Sendable {
    private let reading: Int32
    private let writing: Int32

    init() throws(ZeroMQFailure) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw ZeroMQFailure("make a pipe", code: errno) }
        (reading, writing) = (ends[0], ends[1])
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
    }

    deinit {
        close(reading)
        close(writing)
    }

    var pollItem: zmq_pollitem_t { zmq_pollitem_t(socket: nil, fd: reading, events: Int16(ZMQ_POLLIN), revents: 0) }

    /// A pipe that is full has woken the thread already, so a failed write needs no answer.
    func signal() {
        var byte: UInt8 = 1
        _ = write(writing, &byte, 1)
    }

    func clear() {
        var bytes = [UInt8](repeating: 0, count: 256)
        while read(reading, &bytes, bytes.count) == bytes.count {}
    }
}

/// What other threads leave for the thread that owns the sockets.
final class Mailbox<Element: Sendable>: Sendable {
    private struct State {
        var queue: BoundedQueue<Element>
        var isStopping = false
    }

    private let state: Mutex<State>
    let wakeup: Wakeup

    init(limit: Int) throws(ZeroMQFailure) {
        state = Mutex(State(queue: BoundedQueue(limit: limit)))
        wakeup = try Wakeup()
    }

    var isStopping: Bool { state.withLock { $0.isStopping } }
    var isEmpty: Bool { state.withLock { $0.queue.isEmpty } }

    func post(_ element: Element) throws(SendFailure) {
        let failure: SendFailure? = state.withLock { state in
            guard !state.isStopping else { return .stopped }
            return state.queue.append(element) ? nil : .queueFull(limit: state.queue.limit)
        }
        if let failure { throw failure }
        wakeup.signal()
    }

    /// Drops the oldest when there is no place; `true` when it did.
    func postDroppingOldest(_ element: Element) throws(SendFailure) -> Bool {
        let dropped: Bool? = state.withLock { state in
            guard !state.isStopping else { return nil }
            if state.queue.append(element) { return false }
            _ = state.queue.popFirst()
            return state.queue.append(element)
        }
        guard let dropped else { throw .stopped }
        wakeup.signal()
        return dropped
    }

    func take() -> Element? { state.withLock { $0.queue.popFirst() } }

    /// `false` when newer messages have taken the place.
    func putBack(_ element: Element) -> Bool { state.withLock { $0.queue.prepend(element) } }

    func stop() {
        state.withLock { $0.isStopping = true }
        wakeup.signal()
    }
}

/// One thread that alone touches a set of sockets until its mailbox is stopped.
final class SocketThread<Element: Sendable>: Sendable {
    private let mailbox: Mailbox<Element>
    private let finished: Completion

    init(
        named name: String, context: ZeroMQContext, mailbox: Mailbox<Element>, loop: sending any SocketLoop,
        atEnd: @escaping @Sendable () -> Void
    ) {
        self.mailbox = mailbox
        let finished = Completion()
        self.finished = finished
        let handover = Handover(loop)
        let thread = Thread {
            Self.run(handover.loop, mailbox)
            handover.loop.close()
            context.terminate()
            atEnd()
            finished.fulfil()
        }
        thread.name = name
        thread.start()
    }

    deinit { mailbox.stop() }

    func stop() async {
        mailbox.stop()
        await finished.wait()
    }

    private static func run(_ loop: any SocketLoop, _ mailbox: Mailbox<Element>) {
        while !mailbox.isStopping {
            var items = [mailbox.wakeup.pollItem] + loop.pollItems()
            zmq_poll(&items, Int32(items.count), loop.patienceMilliseconds() ?? -1)
            mailbox.wakeup.clear()
            loop.takeTurn()
        }
    }
}

/// Carries the loop into its thread.
private final class Handover: @unchecked Sendable {
    // @unchecked because the loop is sent here by its maker and is touched by the started thread alone
    let loop: any SocketLoop

    init(_ loop: sending any SocketLoop) { self.loop = loop }
}

/// Something that happens once and can be waited for.
final class Completion: Sendable {
    private struct State {
        var isFulfilled = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func fulfil() {
        let waiting = state.withLock { state in
            state.isFulfilled = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isFulfilled = state.withLock { state in
                if !state.isFulfilled { state.waiting.append(continuation) }
                return state.isFulfilled
            }
            if isFulfilled { continuation.resume() }
        }
    }
}
