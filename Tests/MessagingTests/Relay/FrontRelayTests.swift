import CZeroMQ
import FleetModel
import Testing
import WireProtocol

@testable import Messaging

/// A leader, fronts and boards over real sockets.
@Suite(.timeLimit(.minutes(3)), .serialized) struct FrontRelayTests {
    private let server: CurveKeyPair
    private let keys: CurveKeyPair
    private let board: BoardID

    init() throws {
        server = try CurveKeyPair.generate()
        keys = try CurveKeyPair.generate()
        board = try Samples.board("board-1")
    }

    private struct Front {
        let transport: ZeroMQCoordinatorTransport
        let relay: FrontRelay

        func stop() async {
            await relay.stop()
            await transport.stop()
        }
    }

    private func leader(
        _ allowList: AllowList, at relay: String = "tcp://127.0.0.1:*"
    ) throws -> (transport: ZeroMQCoordinatorTransport, relay: String) {
        let transport = try ZeroMQCoordinatorTransport(binding: .local, keys: server, allowList: allowList)
        return (transport, try transport.serveFronts(at: relay))
    }

    private func front(of relay: String?, keys: CurveKeyPair? = nil) throws -> Front {
        let transport = try ZeroMQCoordinatorTransport(
            binding: .local, keys: keys ?? server, allowList: AllowList(), isFront: true)
        let link = try FrontRelay(
            for: transport,
            as: FrontDescription(
                instance: UInt64.random(in: 0...UInt64.max), fleetEndpoint: transport.boundEndpoints.fleet,
                enrolmentEndpoint: transport.boundEndpoints.enrolment))
        link.follow(relay)
        return Front(transport: transport, relay: link)
    }

    private func agent(_ endpoints: [String]) throws -> ZeroMQAgentTransport {
        try ZeroMQAgentTransport(
            connectingTo: endpoints, as: board.rawValue, serverKey: server.publicKey, keys: keys, settings: .impatient)
    }

    /// Says heartbeats until the body is through: a frame that is under way when something breaks is lost.
    private func speaking<Result>(_ agent: ZeroMQAgentTransport, _ body: () async throws -> Result) async throws
        -> Result
    {
        let ticker = Task {
            while !Task.isCancelled {
                try agent.send(.heartbeat)
                try await Task.sleep(for: .milliseconds(20))
            }
        }
        defer { ticker.cancel() }
        return try await body()
    }

    @Test func whatIsSaidThroughAFrontArrivesAndIsAnsweredThroughIt() async throws {
        let (transport, relay) = try leader(AllowList([keys.publicKey: board]))
        let front = try front(of: relay)
        #expect(front.relay.obstacle != nil)
        try await eventually("the link") { front.relay.obstacle == nil }

        let agent = try agent([front.transport.boundEndpoints.fleet])
        try agent.send(.assignmentReported(generation: 3))
        let incoming = try await next(of: transport.incoming)
        #expect(incoming.source == .board(board) && incoming.publicKey == keys.publicKey)
        #expect(incoming.message == .assignmentReported(generation: 3))
        try transport.send(.assign(Samples.assignment), to: board)
        #expect(try await next(of: agent.incoming) == .assign(Samples.assignment))

        #expect(transport.connectedFronts().map(\.boards) == [1])
        #expect(transport.connectedFronts().map(\.description.fleetEndpoint) == [front.transport.boundEndpoints.fleet])
        try await eventually("the front's figures") {
            transport.connectedFronts().first?.description.received == 1
        }
        await agent.stop()
        await front.stop()
        try await eventually("an empty roster") { transport.connectedFronts().isEmpty }
        await transport.stop()
    }

    /// A board changes between a front and the leader itself; it hears one session, whose numbers rise.
    @Test func aBoardIsAnsweredWhereItSpokeLast() async throws {
        let (transport, relay) = try leader(AllowList([keys.publicKey: board]))
        let fronts = [try front(of: relay), try front(of: relay)]
        for front in fronts { try await eventually("the link") { front.relay.obstacle == nil } }
        let here = transport.boundEndpoints.fleet
        let places = [fronts[0].transport.boundEndpoints.fleet, here, fronts[1].transport.boundEndpoints.fleet, here]

        let all = try self.agent(places)
        var incoming = transport.incoming.makeAsyncIterator()
        var answers = all.incoming.makeAsyncIterator()
        for round in 1...8 {
            try all.send(.assignmentReported(generation: UInt64(round)))
            while let heard = await incoming.next(), heard.message != .assignmentReported(generation: UInt64(round)) {}
            try transport.send(.assign(Assignment(generation: UInt64(round), models: [])), to: board)
            #expect(await answers.next() == .assign(Assignment(generation: UInt64(round), models: [])))
            all.unanswered()
            // What is sent before the change may go to the place that is left.
            try await Task.sleep(for: .milliseconds(200))
        }

        #expect(all.counters()[.replayed] == 0)
        #expect(transport.counters()[.replayed] == 0)
        await all.stop()
        for front in fronts { await front.stop() }
        await transport.stop()
    }

    @Test func aBoardThatIsRevokedIsSilentAtOnceAndShutOutOfFronts() async throws {
        let allowList = AllowList([keys.publicKey: board])
        let (transport, relay) = try leader(allowList)
        let front = try front(of: relay)
        let agent = try agent([front.transport.boundEndpoints.fleet])
        try await speaking(agent) {
            _ = try await next(of: transport.incoming)

            allowList.revoke(board)

            try await eventually("the front's list") { front.transport.allowList.count == 0 }
            try await eventually("refused frames") { front.transport.counters()[.unauthenticated] > 0 }
        }
        #expect(transport.connectedFronts().map(\.boards) == [0])
        await agent.stop()
        await front.stop()
        await transport.stop()
    }

    /// The key may speak at the front by the time that the stranger has its answer.
    @Test func strangersEnrolThroughAFrontAndSpeakAtOnce() async throws {
        let allowList = AllowList()
        let (transport, relay) = try leader(allowList)
        let front = try front(of: relay)
        try await eventually("the link") { front.relay.obstacle == nil }
        let (heard, tell) = AsyncStream.makeStream(of: Incoming.self)
        let serving = Task {
            for await incoming in transport.incoming {
                guard case .stranger(let stranger) = incoming.source, case .enrol(_, let told) = incoming.message else {
                    tell.yield(incoming)
                    continue
                }
                #expect(allowList.allow(incoming.publicKey, as: told.id))
                try transport.reply(.enrolled(board: told.id), to: stranger)
            }
        }

        let name = try await Enrolment.enrol(
            at: front.transport.boundEndpoints.enrolment, serverKey: server.publicKey, keys: keys, token: "token",
            board: try Samples.description("board-1"), timeout: .seconds(20))
        #expect(name == board)
        let agent = try agent([front.transport.boundEndpoints.fleet])
        try agent.send(.goodbye)
        #expect(try await next(of: heard).source == .board(board))
        #expect(front.transport.counters()[.unauthenticated] == 0)
        await agent.stop()
        await front.stop()
        await transport.stop()
        try await serving.value
    }

    @Test func withoutALeaderBoardsAreTakenInAndDroppedByReason() async throws {
        let (first, relay) = try leader(AllowList([keys.publicKey: board]))
        let front = try front(of: relay)
        let agent = try agent([front.transport.boundEndpoints.fleet])
        try await speaking(agent) {
            _ = try await next(of: first.incoming)
            await first.stop()
            try await eventually("the loss") { front.relay.obstacle != nil }
            try await eventually("dropped frames") { front.transport.counters()[.unreachable] > 0 }

            // Another one leads, at another address.
            let (second, other) = try leader(AllowList([keys.publicKey: board]))
            front.relay.follow(other)
            #expect(try await next(of: second.incoming).source == .board(board))
            try second.send(.assign(Samples.assignment), to: board)
            #expect(try await next(of: agent.incoming) == .assign(Samples.assignment))
            await second.stop()
        }
        await agent.stop()
        await front.stop()
    }

    /// The front comes to lead: its board's connection stays, and nothing is dialled anew.
    @Test func aFrontThatLeadsKeepsItsBoards() async throws {
        let (first, relay) = try leader(AllowList([keys.publicKey: board]))
        let front = try front(of: relay)
        try await eventually("the link") { front.relay.obstacle == nil }
        let agent = try agent([front.transport.boundEndpoints.fleet])
        try await speaking(agent) {
            _ = try await next(of: first.incoming)
            await first.stop()
            await front.relay.stop()

            front.transport.lead([keys.publicKey: board])

            #expect(try await next(of: front.transport.incoming).source == .board(board))
            try front.transport.send(.assign(Samples.assignment), to: board)
            #expect(try await next(of: agent.incoming) == .assign(Samples.assignment))
        }
        #expect(agent.counters()[.unauthenticated] == 0)
        await agent.stop()
        await front.transport.stop()
    }

    @Test func onlyTheCoordinatorsOwnKeyIsAFront() async throws {
        let allowList = AllowList([keys.publicKey: board])
        let (transport, relay) = try leader(allowList)
        let raw = try RawDealer(relay, server.publicKey, keys)
        let frame = try MessageCodec().encode(.heartbeat, header: FrameHeader(session: 1, sequence: 1))
        raw.send(RelayMessage.board(key: keys.publicKey, frame).parts)

        try await eventually("a refused handshake") { transport.counters()[.unauthenticated] > 0 }
        #expect(transport.counters().received == 0)
        #expect(transport.connectedFronts().isEmpty)
        raw.close()
        await transport.stop()
    }

    @Test func whatIsNoMessageIsCountedAndTheLeaderServesOn() async throws {
        let (transport, relay) = try leader(AllowList([keys.publicKey: board]))
        let raw = try RawDealer(relay, server.publicKey, server)
        let frame = try MessageCodec().encode(.heartbeat, header: FrameHeader(session: 1, sequence: 1))
        func counted(_ reason: DropReason, _ count: UInt64) async throws {
            try await eventually("\(reason) x \(count)") { transport.counters()[reason] == count }
        }

        raw.send([[1]])
        raw.send([[UInt8]](repeating: [7], count: 30))
        raw.send([[1, 2], [1], frame.header, frame.payload])
        try await counted(.malformed, 3)
        raw.send(RelayMessage.board(key: keys.publicKey, frame).parts)
        try await counted(.unexpected, 1)
        let told = FrontDescription(instance: 1, fleetEndpoint: "a", enrolmentEndpoint: "b")
        raw.send(RelayMessage.joined(told).parts)
        raw.send(RelayMessage.toBoard(board, frame).parts)
        try await counted(.unexpected, 2)
        raw.send(RelayMessage.board(key: keys.publicKey, Frame(header: [1], payload: [])).parts)
        try await counted(.malformed, 4)
        raw.send(RelayMessage.board(key: try CurveKeyPair.generate().publicKey, frame).parts)
        try await counted(.unauthenticated, 1)
        raw.send(RelayMessage.board(key: keys.publicKey, frame).parts)
        raw.send(RelayMessage.board(key: keys.publicKey, frame).parts)
        try await counted(.replayed, 1)
        #expect(try await next(of: transport.incoming).source == .board(board))
        raw.close()
        await transport.stop()
    }

    /// A board with two addresses, of which one goes away.
    @Test func aBoardFindsTheAddressThatIsLeft() async throws {
        let list = AllowList([keys.publicKey: board])
        let coordinators = [
            try ZeroMQCoordinatorTransport(binding: .local, keys: server, allowList: list),
            try ZeroMQCoordinatorTransport(binding: .local, keys: server, allowList: list),
        ]
        var settings = TransportSettings.impatient
        settings.addresses.patience = .milliseconds(300)
        let agent = try ZeroMQAgentTransport(
            connectingTo: coordinators.map(\.boundEndpoints.fleet), as: board.rawValue, serverKey: server.publicKey,
            keys: keys, settings: settings)
        try await speaking(agent) {
            try await eventually("a place") { coordinators.contains { $0.counters().received > 0 } }
            let used = try #require(coordinators.firstIndex { $0.counters().received > 0 })
            await coordinators[used].stop()

            let other = coordinators[1 - used]
            #expect(try await next(of: other.incoming).source == .board(board))
            await other.stop()
        }
        await agent.stop()
    }
}
