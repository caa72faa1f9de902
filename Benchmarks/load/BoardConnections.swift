import CZeroMQ
import Foundation

/// Connections of many boards over one socket: a ROUTER that dials out, each connection with a key and a routing
/// identifier of its own.
///
/// To the coordinator they are what as many agents' DEALER sockets are: a TCP connection each, a CURVE handshake with
/// the board's key, the same frames. Here they cost one descriptor each and share a mailbox, so that ten thousand fit
/// beside the coordinator. Unlike an agent's socket this one keeps what is sent while a connection is down, and sends
/// it afterwards; an agent keeps it in its own mailbox and does the same.
final class BoardConnections {
    private static let identifierBytes = 5

    private let socket: UnsafeMutableRawPointer
    private var part = zmq_msg_t()

    init(_ context: UnsafeMutableRawPointer, serverKey: String) throws {
        guard let socket = zmq_socket(context, ZMQ_ROUTER) else {
            throw LoadFailure("a socket cannot be made: \(String(cString: zmq_strerror(zmq_errno())))")
        }
        self.socket = socket
        Self.set(socket, ZMQ_ROUTER_MANDATORY, 1)
        Self.set(socket, ZMQ_CURVE_SERVERKEY, serverKey)
        Self.likeAnAgent(socket)
    }

    static func set(_ socket: UnsafeMutableRawPointer, _ option: Int32, _ value: Int32) {
        var value = value
        zmq_setsockopt(socket, option, &value, MemoryLayout<Int32>.size)
    }

    static func set(_ socket: UnsafeMutableRawPointer, _ option: Int32, _ text: String) {
        zmq_setsockopt(socket, option, text, text.utf8.count + 1)
    }

    /// As a real agent sets them.
    static func likeAnAgent(_ socket: UnsafeMutableRawPointer) {
        set(socket, ZMQ_LINGER, 0)
        set(socket, ZMQ_RECONNECT_IVL, 100)
        set(socket, ZMQ_RECONNECT_IVL_MAX, 1_000)
        set(socket, ZMQ_CONNECT_TIMEOUT, 2_000)
        set(socket, ZMQ_TCP_MAXRT, 5_000)
        set(socket, ZMQ_HEARTBEAT_IVL, 5_000)
        set(socket, ZMQ_HEARTBEAT_TIMEOUT, 15_000)
        set(socket, ZMQ_HANDSHAKE_IVL, 10_000)
    }

    /// The keys are those of the connections that are begun next.
    func connect(_ board: Int, _ keys: AgentFleet.Keys, to endpoint: String) throws {
        Self.set(socket, ZMQ_CURVE_PUBLICKEY, keys.publicKey)
        Self.set(socket, ZMQ_CURVE_SECRETKEY, keys.secretKey)
        let identifier = Self.identifier(of: board)
        guard zmq_setsockopt(socket, ZMQ_CONNECT_ROUTING_ID, identifier, identifier.count) == 0,
            zmq_connect(socket, endpoint) == 0
        else { throw LoadFailure("board \(board) cannot connect: \(String(cString: zmq_strerror(zmq_errno())))") }
    }

    func close() { zmq_close(socket) }

    /// - Returns: `false` when its connection has no place for the message now.
    func send(_ header: [UInt8], _ payload: [UInt8], from board: Int) -> Bool {
        let identifier = Self.identifier(of: board)
        return zmq_send(socket, identifier, identifier.count, ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0
            && zmq_send(socket, header, header.count, ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0
            && zmq_send(socket, payload, payload.count, ZMQ_DONTWAIT) >= 0
    }

    /// - Returns: board, header and payload; `nil` when nothing waits.
    func receive() -> (board: Int, header: [UInt8], payload: [UInt8])? {
        while true {
            var parts: [[UInt8]] = []
            var hasMore = true
            while hasMore {
                zmq_msg_init(&part)
                defer { zmq_msg_close(&part) }
                guard zmq_msg_recv(&part, socket, ZMQ_DONTWAIT) >= 0 else { return nil }
                parts.append(Array(UnsafeRawBufferPointer(start: zmq_msg_data(&part), count: zmq_msg_size(&part))))
                hasMore = zmq_msg_more(&part) != 0
            }
            if parts.count == 3, let board = Self.board(of: parts[0]) { return (board, parts[1], parts[2]) }
        }
    }

    /// Returns when something has come, or after so long.
    func wait(milliseconds: Int) {
        var item = zmq_pollitem_t(socket: socket, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0)
        zmq_poll(&item, 1, milliseconds)
    }

    /// Does not begin with zero, as those that ZeroMQ gives.
    private static func identifier(of board: Int) -> [UInt8] {
        [1] + withUnsafeBytes(of: UInt32(board).bigEndian, Array.init)
    }

    private static func board(of identifier: [UInt8]) -> Int? {
        guard identifier.count == identifierBytes, identifier[0] == 1 else { return nil }
        return identifier.dropFirst().reduce(0) { $0 << 8 | Int($1) }
    }
}
