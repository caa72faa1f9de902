import CEpoll
import CZeroMQ
import FleetModel
import Foundation
import WireProtocol

/// Why a run cannot go on.
struct LoadFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Many agents on one thread: one ZeroMQ context, one DEALER socket with CURVE for each, `epoll` over their
/// descriptors.
///
/// A ZeroMQ descriptor tells of changes, not of states: after every call on a socket, all that can be received is.
final class AgentFleet {
    struct Keys: Codable {
        var publicKey: String
        var secretKey: String
    }

    private let context: UnsafeMutableRawPointer
    private let poller: Int32
    private let keys: [Keys]
    /// Number of the first board.
    private let first: Int
    private let serverKey: String
    private(set) var agents: [SimulatedAgent] = []
    var measures = LoadMeasures()
    private let codec = MessageCodec()
    private var part = zmq_msg_t()

    init(keys: [Keys], from first: Int, serverKey: String) throws {
        self.keys = keys
        self.first = first
        self.serverKey = serverKey
        context = zmq_ctx_new()
        poller = epoll_create1(0)
        // A thread looks through the timers of all its connections to cancel one.
        zmq_ctx_set(context, ZMQ_IO_THREADS, Int32(1 + keys.count / 1_000))
        guard zmq_ctx_set(context, ZMQ_MAX_SOCKETS, Int32(keys.count + 512)) == 0, poller >= 0 else {
            throw LoadFailure("\(keys.count) sockets are more than ZeroMQ or the system allows")
        }
    }

    static func makeKeys(_ count: Int) -> [Keys] {
        (0..<count).map { _ in
            var (publicText, secretText) = ([CChar](repeating: 0, count: 41), [CChar](repeating: 0, count: 41))
            zmq_curve_keypair(&publicText, &secretText)
            func text(_ characters: [CChar]) -> String {
                String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            }
            return Keys(publicKey: text(publicText), secretKey: text(secretText))
        }
    }

    // MARK: Sockets

    func connected(_ index: Int, to endpoint: String) throws -> UnsafeMutableRawPointer {
        let socket = try connected(with: keys[index], to: endpoint)
        var (descriptor, size) = (Int32(0), MemoryLayout<Int32>.size)
        zmq_getsockopt(socket, ZMQ_FD, &descriptor, &size)
        // EPOLLIN, edge-triggered.
        var event = epoll_event(events: 0x8000_0001, data: epoll_data_t(u64: UInt64(index)))
        guard epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) == 0 else {
            throw LoadFailure("the descriptor of socket \(index) cannot be watched")
        }
        return socket
    }

    /// A socket that nobody watches.
    func connected(with key: Keys, to endpoint: String) throws -> UnsafeMutableRawPointer {
        guard let socket = zmq_socket(context, ZMQ_DEALER) else {
            throw LoadFailure("a socket cannot be made: \(String(cString: zmq_strerror(zmq_errno())))")
        }
        func set(_ option: Int32, _ value: Int32) {
            var value = value
            zmq_setsockopt(socket, option, &value, MemoryLayout<Int32>.size)
        }
        func set(_ option: Int32, _ text: String) { zmq_setsockopt(socket, option, text, text.utf8.count + 1) }
        set(ZMQ_CURVE_SERVERKEY, serverKey)
        set(ZMQ_CURVE_PUBLICKEY, key.publicKey)
        set(ZMQ_CURVE_SECRETKEY, key.secretKey)
        // As a real agent sets them.
        set(ZMQ_IMMEDIATE, 1)
        set(ZMQ_LINGER, 0)
        set(ZMQ_RECONNECT_IVL, 100)
        set(ZMQ_RECONNECT_IVL_MAX, 1_000)
        set(ZMQ_CONNECT_TIMEOUT, 2_000)
        set(ZMQ_TCP_MAXRT, 5_000)
        set(ZMQ_HEARTBEAT_IVL, 5_000)
        set(ZMQ_HEARTBEAT_TIMEOUT, 15_000)
        set(ZMQ_HANDSHAKE_IVL, 10_000)
        guard zmq_connect(socket, endpoint) == 0 else { throw LoadFailure("\(endpoint) is no endpoint") }
        return socket
    }

    private func readySockets(within milliseconds: Int32) -> [Int] {
        var events = [epoll_event](repeating: epoll_event(), count: 1_024)
        let count = epoll_wait(poller, &events, Int32(events.count), milliseconds)
        return events.prefix(Int(max(0, count))).map { Int($0.data.u64) }
    }

    private func receive(_ socket: UnsafeMutableRawPointer) -> Message? {
        var parts: [[UInt8]] = []
        repeat {
            zmq_msg_init(&part)
            defer { zmq_msg_close(&part) }
            guard zmq_msg_recv(&part, socket, ZMQ_DONTWAIT) >= 0 else { return nil }
            parts.append(Array(UnsafeRawBufferPointer(start: zmq_msg_data(&part), count: zmq_msg_size(&part))))
            if zmq_msg_more(&part) == 0 { break }
        } while true
        guard parts.count == 2 else { return nil }
        measures.received(parts[0], parts[1])
        return try? codec.decode(header: parts[0], payload: parts[1]).1
    }

    // MARK: Enrolment

    /// Every board joins with the token, `perSecond` of them a second; those that get no answer ask again.
    func enrol(at endpoint: String, token: String, perSecond: Int) throws {
        let began = ContinuousClock.now
        var sockets: [Int: UnsafeMutableRawPointer] = [:]
        var askedAt: [Int: ContinuousClock.Instant] = [:]
        var (next, enrolled) = (0, 0)
        while enrolled < keys.count {
            let now = ContinuousClock.now
            let allowed = Int(began.duration(to: now) / .seconds(1) * Double(perSecond))
            while next < keys.count, next < allowed, sockets.count < 1_000 {
                sockets[next] = try connected(next, to: endpoint)
                next += 1
            }
            for (index, socket) in sockets {
                if let asked = askedAt[index], asked.duration(to: now) < .seconds(5) { continue }
                if ask(index, token, over: socket) { askedAt[index] = now }
            }
            _ = readySockets(within: 10)
            for (index, socket) in sockets {
                while let message = receive(socket) {
                    switch message {
                    case .enrolled: enrolled += 1
                    case .refused(let reason):
                        measures.refusedEnrolments += 1
                        throw LoadFailure("board \(index) was refused: \(reason)")
                    default: continue
                    }
                    zmq_close(socket)
                    sockets[index] = nil
                }
            }
        }
    }

    private func ask(_ index: Int, _ token: String, over socket: UnsafeMutableRawPointer) -> Bool {
        guard var board = LoadFigures.board(first + index) else { return false }
        board.models = []
        let header = FrameHeader(session: 1, sequence: 1)
        guard let frame = try? codec.encode(.enrol(token: token, board: board), header: header) else { return false }
        return zmq_send(socket, frame.header, frame.header.count, ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0
            && zmq_send(socket, frame.payload, frame.payload.count, ZMQ_DONTWAIT) >= 0
    }

    // MARK: Life

    /// Reports of the boards are spread evenly over the period.
    func start(at endpoint: String, incarnation: UInt64, period: Duration) throws {
        let now = ContinuousClock.now
        for index in keys.indices {
            guard let board = LoadFigures.board(first + index) else {
                throw LoadFailure("load-\(first + index) is no name")
            }
            let offset = period * (Double(index) / Double(keys.count))
            agents.append(
                SimulatedAgent(
                    board, incarnation: incarnation, socket: try connected(index, to: endpoint),
                    firstReport: now + period + offset, at: now))
        }
        guard let first = agents.first else { return }
        let record = LoadFigures.record(.init(incarnation: incarnation, sequence: 1), of: first.description)
        measures.recordBytes = try codec.payload(of: .telemetry([record])).count
    }

    /// Lets the boards live until a time has passed or something has happened.
    func run(for duration: Duration, period: Duration, until isOver: () -> Bool = { false }) {
        let began = ContinuousClock.now
        var ticked = began
        var swept = began
        while began.duration(to: .now) < duration, !isOver() {
            for index in readySockets(within: 5) { drain(index) }
            let now = ContinuousClock.now
            guard ticked.duration(to: now) >= .milliseconds(50) else { continue }
            ticked = now
            for index in agents.indices { agents[index].timerFired(at: now, every: period, &measures) }
            guard swept.duration(to: now) >= .seconds(1) else { continue }
            swept = now
            for index in agents.indices { drain(index) }
        }
    }

    private func drain(_ index: Int) {
        while let message = receive(agents[index].socket) {
            agents[index].messageReceived(message, at: .now, &measures)
        }
        agents[index].flush(&measures)
    }

    /// Boards that the coordinator has greeted since a moment.
    func welcomed(since moment: ContinuousClock.Instant) -> Int {
        agents.count { $0.welcomed.map { $0 >= moment } ?? false }
    }

    func stop() {
        for agent in agents { zmq_close(agent.socket) }
        zmq_ctx_term(context)
    }
}
