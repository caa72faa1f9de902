import Dispatch
import FleetStore
import Foundation
import Synchronization

/// A fixed number of threads with a session each. libpq blocks the thread that asks, so that none of Swift's own few
/// threads may ask: requests wait in one queue, and whichever of these is free takes the next.
final class PostgreSQLPool: Sendable {
    /// Requests that may wait; one more is refused at once.
    static let waiting = 4_096

    typealias Request = @Sendable (PostgreSQLSession) -> Void

    private struct Queue {
        var requests: [Request] = []
        /// Of the next; what lies before it was taken.
        var head = 0
        var isClosed = false

        mutating func next() -> Request? {
            guard head < requests.count else { return nil }
            defer {
                head += 1
                if head == requests.count { (requests, head) = ([], 0) }
            }
            return requests[head]
        }
    }

    /// What the threads hold, so that they do not keep the pool itself.
    private final class Counter: Sendable {
        let queue = Mutex(Queue())
        let arrived = DispatchSemaphore(value: 0)
        let left = DispatchGroup()

        func serve(_ session: PostgreSQLSession) {
            while true {
                arrived.wait()
                guard let request = queue.withLock({ $0.next() }) else { return session.drop() }
                request(session)
            }
        }
    }

    private let counter = Counter()
    private let threads: Int

    init(_ address: PostgreSQLAddress, _ settings: PostgreSQLSettings) {
        threads = settings.sessions
        for number in 0..<settings.sessions {
            let counter = counter
            counter.left.enter()
            let thread = Thread {
                counter.serve(PostgreSQLSession(address, answerTime: settings.answerTime))
                counter.left.leave()
            }
            thread.name = "store-\(number)"
            thread.start()
        }
    }

    deinit { finish() }

    /// Lets the threads answer what waits, and end.
    func close() async {
        finish()
        await withCheckedContinuation { continuation in
            counter.left.notify(queue: .global()) { continuation.resume() }
        }
    }

    private func finish() {
        let isFirst = counter.queue.withLock { queue in
            defer { queue.isClosed = true }
            return !queue.isClosed
        }
        // One for each thread, behind those of the requests that wait: who finds nothing ends.
        if isFirst { for _ in 0..<threads { counter.arrived.signal() } }
    }

    /// Runs the body on one of the threads.
    func perform<Value: Sendable>(
        path: String, _ body: @escaping @Sendable (PostgreSQLSession) -> Result<Value, FleetStoreFailure>
    ) async throws(FleetStoreFailure) -> Value {
        let result: Result<Value, FleetStoreFailure> = await withCheckedContinuation { continuation in
            let refusal: String? = counter.queue.withLock { queue in
                if queue.isClosed { return "the store is closed" }
                guard queue.requests.count - queue.head < Self.waiting else { return "too many requests wait for it" }
                queue.requests.append { continuation.resume(returning: body($0)) }
                return nil
            }
            guard let refusal else {
                counter.arrived.signal()
                return
            }
            continuation.resume(returning: .failure(.unavailable(path: path, detail: refusal)))
        }
        return try result.get()
    }
}

/// A thread's connection: made when it is needed first, and again after it was lost.
final class PostgreSQLSession {
    private let address: PostgreSQLAddress
    private let answerTime: Duration
    private var open: PostgreSQLConnection?

    init(_ address: PostgreSQLAddress, answerTime: Duration) {
        self.address = address
        self.answerTime = answerTime
    }

    func connection() throws(PostgreSQLFailure) -> PostgreSQLConnection {
        if let open { return open }
        let connection = try PostgreSQLConnection(address, answerTime: answerTime)
        open = connection
        return connection
    }

    func drop() { open = nil }
}
