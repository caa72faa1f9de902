import CZeroMQ
import Foundation

/// Sockets of one process that share I/O threads and `inproc` names.
final class ZeroMQContext: @unchecked Sendable {  // @unchecked because a ZeroMQ context may be used by any thread
    let pointer: UnsafeMutableRawPointer

    init() throws(ZeroMQFailure) {
        guard let pointer = zmq_ctx_new() else { throw ZeroMQFailure("make a context") }
        self.pointer = pointer
    }

    /// Waits until every socket's linger time has passed; all sockets must be closed.
    func terminate() {
        while zmq_ctx_term(pointer) != 0 && zmq_errno() == EINTR {}
    }
}

/// A ZeroMQ socket. Belongs to one thread: made by whoever starts that thread, then used by it alone.
final class ZeroMQSocket {
    struct Received {
        /// At most `partLimit`.
        var parts: [[UInt8]]
        /// More parts came than were kept.
        var hasMore: Bool
        /// What the ZAP handler said of the connection.
        var userID: String?
    }

    enum SendOutcome { case sent, wouldBlock, unreachable }

    /// No message here has more parts; those beyond are read and forgotten.
    private static let partLimit = 8

    private let socket: UnsafeMutableRawPointer
    private let part = UnsafeMutablePointer<zmq_msg_t>.allocate(capacity: 1)
    private var isOpen = true

    init(_ context: ZeroMQContext, type: Int32) throws(ZeroMQFailure) {
        guard let socket = zmq_socket(context.pointer, type) else { throw ZeroMQFailure("make a socket") }
        self.socket = socket
    }

    deinit {
        close()
        part.deallocate()
    }

    func close() {
        guard isOpen else { return }
        isOpen = false
        zmq_close(socket)
    }

    // MARK: Setting up

    func set(_ option: Int32, _ value: Int) throws(ZeroMQFailure) {
        var value = Int32(clamping: value)
        try check(zmq_setsockopt(socket, option, &value, MemoryLayout<Int32>.size), "set option \(option)")
    }

    func set(_ option: Int32, wide value: Int64) throws(ZeroMQFailure) {
        var value = value
        try check(zmq_setsockopt(socket, option, &value, MemoryLayout<Int64>.size), "set option \(option)")
    }

    func set(_ option: Int32, _ value: [UInt8]) throws(ZeroMQFailure) {
        try check(zmq_setsockopt(socket, option, value, value.count), "set option \(option)")
    }

    func bind(_ endpoint: String) throws(ZeroMQFailure) {
        try check(zmq_bind(socket, endpoint), "bind \(endpoint)")
    }

    func connect(_ endpoint: String) throws(ZeroMQFailure) {
        try check(zmq_connect(socket, endpoint), "connect to \(endpoint)")
    }

    /// `false` when there is no such connection any more.
    func disconnect(_ endpoint: String) -> Bool { zmq_disconnect(socket, endpoint) == 0 }

    func monitor(_ endpoint: String, events: Int32) throws(ZeroMQFailure) {
        try check(zmq_socket_monitor(socket, endpoint, events), "watch a socket")
    }

    /// With the port that a wildcard was given.
    func lastEndpoint() throws(ZeroMQFailure) -> String {
        var text = [CChar](repeating: 0, count: 256)
        var count = text.count
        try check(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, &text, &count), "tell the endpoint")
        return String(decoding: text.prefix(max(0, count - 1)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private func check(_ result: Int32, _ operation: String) throws(ZeroMQFailure) {
        guard result == 0 else { throw ZeroMQFailure(operation) }
    }

    // MARK: Moving messages

    func pollItem(writable: Bool) -> zmq_pollitem_t {
        let events = writable ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN
        return zmq_pollitem_t(socket: socket, fd: 0, events: Int16(events), revents: 0)
    }

    /// `nil` when nothing waits. Parts of a message arrive together, so only the first can be missing.
    func receive() -> Received? {
        var received = Received(parts: [], hasMore: false, userID: nil)
        repeat {
            zmq_msg_init(part)
            defer { zmq_msg_close(part) }
            guard receivePart() else { return nil }
            if received.parts.count < Self.partLimit {
                received.parts.append(
                    Array(UnsafeRawBufferPointer(start: zmq_msg_data(part), count: zmq_msg_size(part))))
            } else {
                received.hasMore = true
            }
            if received.userID == nil, let text = zmq_msg_gets(part, "User-Id") {
                received.userID = String(cString: text)
            }
            if zmq_msg_more(part) == 0 { return received }
        } while true
    }

    private func receivePart() -> Bool {
        while zmq_msg_recv(part, socket, ZMQ_DONTWAIT) < 0 {
            guard zmq_errno() == EINTR else { return false }
        }
        return true
    }

    /// All parts or none.
    func send(_ parts: [[UInt8]]) -> SendOutcome {
        for (index, bytes) in parts.enumerated() {
            let flags = ZMQ_DONTWAIT | (index == parts.count - 1 ? 0 : ZMQ_SNDMORE)
            while zmq_send(socket, bytes, bytes.count, flags) < 0 {
                switch zmq_errno() {
                case EINTR: continue
                case EAGAIN: return .wouldBlock
                default: return .unreachable
                }
            }
        }
        return .sent
    }
}
