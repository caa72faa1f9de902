import CZeroMQ
import FleetModel
import Foundation
import WireProtocol

/// Why a run cannot go on.
struct LoadFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Many agents on one thread, without a task or timer of their own: a turn goes through those that are due.
final class AgentFleet {
    struct Keys: Codable {
        var publicKey: String
        var secretKey: String
    }

    /// Boards that enrol over one socket, which is closed when all have.
    private static let enrolledAtOnce = 500
    /// Of one I/O thread, which looks through the timers of all its connections to cancel one.
    private static let connectionsPerThread = 1_000
    private static let turn: Duration = .milliseconds(50)

    private let context: UnsafeMutableRawPointer
    let keys: [Keys]
    private let serverKey: String
    private var connections: BoardConnections?
    private var endpoint = ""
    private(set) var agents: [SimulatedAgent] = []
    /// When each board connects first, rising; and how many have begun to.
    private var beginnings: [ContinuousClock.Instant] = []
    private(set) var begun = 0
    var measures = LoadMeasures()
    private let codec = MessageCodec()

    init(keys: [Keys], serverKey: String) throws {
        self.keys = keys
        self.serverKey = serverKey
        context = zmq_ctx_new()
        zmq_ctx_set(context, ZMQ_IO_THREADS, Int32(1 + keys.count / Self.connectionsPerThread))
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

    /// A socket as an agent's, beside those of the fleet.
    func dealer(with key: Keys, to endpoint: String) throws -> UnsafeMutableRawPointer {
        guard let socket = zmq_socket(context, ZMQ_DEALER) else {
            throw LoadFailure("a socket cannot be made: \(String(cString: zmq_strerror(zmq_errno())))")
        }
        BoardConnections.set(socket, ZMQ_CURVE_SERVERKEY, serverKey)
        BoardConnections.set(socket, ZMQ_CURVE_PUBLICKEY, key.publicKey)
        BoardConnections.set(socket, ZMQ_CURVE_SECRETKEY, key.secretKey)
        BoardConnections.set(socket, ZMQ_IMMEDIATE, 1)
        BoardConnections.likeAnAgent(socket)
        guard zmq_connect(socket, endpoint) == 0 else { throw LoadFailure("\(endpoint) is no endpoint") }
        return socket
    }

    // MARK: Enrolment

    /// Every board joins with the token, `perSecond` of them a second; those that get no answer ask again.
    func enrol(
        at endpoint: String, token: String, perSecond: Int, told: (_ enrolled: Int) -> Void = { _ in }
    ) throws {
        var enrolled = 0
        while enrolled < keys.count {
            let some = enrolled..<min(enrolled + Self.enrolledAtOnce, keys.count)
            try enrol(some, at: endpoint, token, perSecond)
            enrolled = some.upperBound
            told(enrolled)
        }
    }

    private func enrol(_ boards: Range<Int>, at endpoint: String, _ token: String, _ perSecond: Int) throws {
        let connections = try BoardConnections(context, serverKey: serverKey)
        defer { connections.close() }
        let began = ContinuousClock.now
        var next = boards.lowerBound
        var waiting: [Int: ContinuousClock.Instant] = [:]
        while next < boards.upperBound || !waiting.isEmpty {
            let now = ContinuousClock.now
            let allowed = boards.lowerBound + Int(began.duration(to: now) / .seconds(1) * Double(perSecond))
            while next < min(allowed, boards.upperBound) {
                try connections.connect(next, keys[next], to: endpoint)
                waiting[next] = now
                ask(next, token, over: connections)
                next += 1
            }
            for (board, asked) in waiting where asked.duration(to: now) >= .seconds(5) {
                waiting[board] = now
                ask(board, token, over: connections)
            }
            connections.wait(milliseconds: 5)
            while let (board, header, payload) = connections.receive() {
                guard let message = try? codec.decode(header: header, payload: payload).1 else { continue }
                if case .refused(let reason) = message {
                    measures.refusedEnrolments += 1
                    throw LoadFailure("board \(board) was refused: \(reason)")
                }
                if case .enrolled = message { waiting[board] = nil }
            }
        }
    }

    private func ask(_ index: Int, _ token: String, over connections: BoardConnections) {
        guard var board = LoadFigures.board(index) else { return }
        board.models = []
        let header = FrameHeader(session: 1, sequence: 1)
        guard let frame = try? codec.encode(.enrol(token: token, board: board), header: header) else { return }
        // What finds no place is asked again.
        _ = connections.send(frame.header, frame.payload, from: index)
    }

    // MARK: Life

    /// Boards connect one after another, `perSecond` of them a second, each at a random moment of its place; their
    /// reports are spread evenly over the period.
    func start(at endpoint: String, incarnation: UInt64, period: Duration, perSecond: Int) throws {
        let now = ContinuousClock.now
        self.endpoint = endpoint
        connections = try BoardConnections(context, serverKey: serverKey)
        for index in keys.indices {
            guard let board = LoadFigures.board(index) else { throw LoadFailure("load-\(index) is no name") }
            let begins = now + .seconds((Double(index) + Double.random(in: 0..<1)) / Double(perSecond))
            beginnings.append(begins)
            let offset = period * Double.random(in: 0..<1)
            agents.append(
                SimulatedAgent(board, index, incarnation: incarnation, firstReport: begins + offset, at: begins))
        }
        guard let first = agents.first else { return }
        let record = LoadFigures.record(.init(incarnation: incarnation, sequence: 1), of: first.description)
        measures.recordBytes = try codec.payload(of: .telemetry([record])).count
    }

    /// Lets the boards live until a time has passed or something has happened.
    func run(for duration: Duration, period: Duration, until isOver: () -> Bool = { false }) throws {
        guard let connections else { return }
        let began = ContinuousClock.now
        var ticked = began
        while began.duration(to: .now) < duration, !isOver() {
            connections.wait(milliseconds: 5)
            while let (board, header, payload) = connections.receive() {
                measures.received(header, payload)
                guard agents.indices.contains(board),
                    let message = try? codec.decode(header: header, payload: payload).1
                else { continue }
                agents[board].messageReceived(message, at: .now, over: connections, &measures)
            }
            let now = ContinuousClock.now
            guard ticked.duration(to: now) >= Self.turn else { continue }
            ticked = now
            try connectDue(at: now, connections)
            for index in 0..<begun where agents[index].isDue(at: now) {
                agents[index].timerFired(at: now, every: period, over: connections, &measures)
            }
        }
    }

    private func connectDue(at now: ContinuousClock.Instant, _ connections: BoardConnections) throws {
        while begun < agents.count, beginnings[begun] <= now {
            try connections.connect(begun, keys[begun], to: endpoint)
            begun += 1
        }
    }

    /// Boards that the coordinator has greeted since a moment.
    func welcomed(since moment: ContinuousClock.Instant) -> Int {
        agents.count { $0.welcomed.map { $0 >= moment } ?? false }
    }

    func stop() {
        connections?.close()
        zmq_ctx_term(context)
    }
}
