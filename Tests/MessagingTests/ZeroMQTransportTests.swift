import CZeroMQ
import FleetModel
import WireProtocol
import Testing

@testable import Messaging

/// What only the real transport can show: handshakes, hostile sockets, restarts.
@Suite(.timeLimit(.minutes(3)), .serialized) struct ZeroMQTransportTests {
    private let server: CurveKeyPair
    private let keys: CurveKeyPair
    private let board: BoardID

    init() throws {
        server = try CurveKeyPair.generate()
        keys = try CurveKeyPair.generate()
        board = try Samples.board("board-1")
    }

    private func coordinator(
        binding endpoints: ZeroMQCoordinatorTransport.Endpoints = .local, allowing allowList: AllowList? = nil
    ) throws -> ZeroMQCoordinatorTransport {
        try ZeroMQCoordinatorTransport(
            binding: endpoints, keys: server, allowList: allowList ?? AllowList([keys.publicKey: board]))
    }

    private func agent(_ endpoint: String, serverKey: PublicKey? = nil) throws -> ZeroMQAgentTransport {
        try ZeroMQAgentTransport(
            connectingTo: endpoint, serverKey: serverKey ?? server.publicKey, keys: keys, settings: .impatient)
    }

    @Test func wildcardPortsAreReported() async throws {
        let transport = try coordinator()

        #expect(transport.boundEndpoints.fleet.hasPrefix("tcp://127.0.0.1:"))
        #expect(!transport.boundEndpoints.fleet.contains("*"))
        #expect(transport.boundEndpoints.fleet != transport.boundEndpoints.enrolment)
        await transport.stop()
    }

    @Test func anEndpointThatIsTakenIsAnErrorInOneSentence() async throws {
        let first = try coordinator()

        do {
            _ = try coordinator(binding: first.boundEndpoints)
            Issue.record("bound twice")
        } catch let failure as ZeroMQFailure {
            #expect(failure.description.contains("bind \(first.boundEndpoints.fleet)"))
        }
        await first.stop()
    }

    @Test func aWrongServerKeyDeliversNothing() async throws {
        let transport = try coordinator()
        let wrong = try agent(transport.boundEndpoints.fleet, serverKey: try CurveKeyPair.generate().publicKey)
        try wrong.send(.heartbeat)
        try await eventually("failed handshake") { transport.counters()[.unauthenticated] > 0 }

        let right = try agent(transport.boundEndpoints.fleet)
        try right.send(.heartbeat)
        _ = try await next(of: transport.incoming)

        #expect(transport.counters().received == 1)
        #expect(wrong.counters().sent == 0)
        await wrong.stop()
        await right.stop()
        await transport.stop()
    }

    /// `shoal check` does that, and so do port scanners and load balancers; no key was wrong.
    @Test func aConnectionThatOnlyLooksIsNoWrongKey() async throws {
        let transport = try coordinator()
        let port = try #require(UInt16(transport.boundEndpoints.fleet.split(separator: ":").last ?? ""))

        try RawConnection(port: port).close()

        try await eventually("an abandoned handshake") { transport.counters()[.abandoned] > 0 }
        #expect(transport.counters()[.unauthenticated] == 0)
        await transport.stop()
    }

    @Test func aKeyThatIsListedLaterGetsThroughWithoutARestart() async throws {
        let allowList = AllowList()
        let transport = try coordinator(allowing: allowList)
        let early = try agent(transport.boundEndpoints.fleet)
        try early.send(.heartbeat)
        try await eventually("refusal") { transport.counters()[.unauthenticated] > 1 }

        #expect(allowList.allow(keys.publicKey, as: board))

        #expect(try await next(of: transport.incoming).source == .board(board))
        await early.stop()
        await transport.stop()
    }

    @Test func aCoordinatorOnTheSamePortIsFoundAgain() async throws {
        let first = try coordinator()
        let agent = try agent(first.boundEndpoints.fleet)
        try agent.send(.heartbeat)
        _ = try await next(of: first.incoming)
        let endpoints = first.boundEndpoints
        await first.stop()

        let second = try coordinator(binding: endpoints)
        // A frame that was under way when the connection broke may be lost, so the agent speaks until it is heard.
        let speaking = Task {
            while !Task.isCancelled {
                try agent.send(.heartbeat)
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        #expect(try await next(of: second.incoming).source == .board(board))
        speaking.cancel()
        try second.send(.assign(Samples.assignment), to: board)
        #expect(try await next(of: agent.incoming) == .assign(Samples.assignment))
        await agent.stop()
        await second.stop()
    }

    @Test func anImpostorIsRefusedUntilTheRightCoordinatorIsBack() async throws {
        let impostor = try ZeroMQCoordinatorTransport(
            binding: .local, keys: try CurveKeyPair.generate(), allowList: AllowList([keys.publicKey: board]))
        let agent = try agent(impostor.boundEndpoints.fleet)
        try agent.send(.goodbye)
        try await eventually("a second failed handshake") { impostor.counters()[.unauthenticated] > 1 }
        let endpoints = impostor.boundEndpoints
        await impostor.stop()

        let right = try coordinator(binding: endpoints)

        #expect(try await next(of: right.incoming).message == .goodbye)
        #expect(impostor.counters().received == 0)
        await agent.stop()
        await right.stop()
    }

    @Test func enrolmentReturnsTheAnswer() async throws {
        let transport = try coordinator(allowing: AllowList())
        let serving = Task {
            for await incoming in transport.incoming {
                guard case .stranger(let stranger) = incoming.source,
                    case .enrol(let token, let description) = incoming.message
                else { continue }
                let answer: Message = token == "good" ? .enrolled(board: description.id) : .refused(reason: "No.")
                try transport.reply(answer, to: stranger)
            }
        }
        func enrol(_ token: String) async throws -> BoardID {
            try await Enrolment.enrol(
                at: transport.boundEndpoints.enrolment, serverKey: server.publicKey, keys: keys, token: token,
                board: try Samples.description("board-1"), timeout: .seconds(20))
        }

        #expect(try await enrol("good") == board)
        await #expect(throws: EnrolmentFailure.refused("No.")) { try await enrol("bad") }
        await transport.stop()
        try await serving.value
    }

    @Test func enrolmentAtNobodyEndsInTime() async throws {
        let transport = try coordinator()
        let endpoint = transport.boundEndpoints.enrolment
        await transport.stop()

        await #expect(throws: EnrolmentFailure.noAnswer(endpoint: endpoint, within: .milliseconds(100))) {
            try await Enrolment.enrol(
                at: endpoint, serverKey: server.publicKey, keys: keys, token: "token",
                board: try Samples.description("board-1"), timeout: .milliseconds(100))
        }
    }

    @Test func hostileFramesAreCountedAndTheTransportStillServes() async throws {
        let transport = try coordinator()
        let raw = try RawDealer(transport.boundEndpoints.fleet, server.publicKey, keys)
        let codec = MessageCodec()
        let good = try codec.encode(.heartbeat, header: FrameHeader(session: 1, sequence: 10))
        func counted(_ reason: DropReason, _ count: UInt64) async throws {
            try await eventually("\(reason) x \(count)") { transport.counters()[reason] == count }
        }

        raw.send([good.header, good.payload])
        #expect(try await next(of: transport.incoming).header == FrameHeader(session: 1, sequence: 10))
        raw.send([good.header, good.payload])
        try await counted(.replayed, 1)
        raw.send([good.header])
        raw.send([[], []])
        raw.send([good.header, good.payload, []])
        raw.send([[UInt8]](repeating: [1], count: 40))
        raw.send([Array(good.header.dropLast()), good.payload])
        try await counted(.malformed, 5)
        raw.send([[9] + good.header.dropFirst(), good.payload])
        try await counted(.unknownVersion, 1)
        raw.send([good.header, [UInt8](repeating: 0, count: FleetLimits.payloadBytes + 1)])
        try await counted(.oversized, 1)
        let command = try codec.encode(.helloWanted, header: FrameHeader(session: 1, sequence: 11))
        raw.send([command.header, command.payload])
        try await counted(.unexpected, 1)

        // Far over the limit: ZeroMQ ends the connection before the frame is read, and the socket dials again.
        raw.send([good.header, [UInt8](repeating: 0, count: FleetLimits.payloadBytes * 5)])
        let later = try agent(transport.boundEndpoints.fleet)
        try later.send(.goodbye)
        #expect(try await next(of: transport.incoming).message == .goodbye)
        #expect(transport.counters().received == 2)
        raw.close()
        await later.stop()
        await transport.stop()
    }

    @Test func enrolmentTakesOnlySmallFrames() async throws {
        let transport = try coordinator()
        let raw = try RawDealer(transport.boundEndpoints.enrolment, server.publicKey, try CurveKeyPair.generate())
        let header = MessageCodec().header(
            FrameHeader(session: 1, sequence: 1), code: .enrol, payloadBytes: FleetLimits.enrolmentPayloadBytes + 1)

        raw.send([header, [UInt8](repeating: 0, count: FleetLimits.enrolmentPayloadBytes + 1)])

        try await eventually("oversized") { transport.counters()[.oversized] == 1 }
        raw.close()
        await transport.stop()
    }

    @Test func aSocketWithoutCurveIsNotHeard() async throws {
        let transport = try coordinator()
        let plain = try RawDealer(plain: transport.boundEndpoints.fleet)
        let frame = try MessageCodec().encode(.heartbeat, header: FrameHeader(session: 1, sequence: 1))

        plain.send([frame.header, frame.payload])
        try await eventually("failed handshake") { transport.counters()[.unauthenticated] > 0 }

        #expect(transport.counters().received == 0)
        plain.close()
        await transport.stop()
    }

    @Test func anAbsentCoordinatorLeavesTheNewestMessages() async throws {
        let first = try coordinator()
        let endpoints = first.boundEndpoints
        await first.stop()
        var settings = TransportSettings.impatient
        settings.outgoingMessages = 3
        let agent = try ZeroMQAgentTransport(
            connectingTo: endpoints.fleet, serverKey: server.publicKey, keys: keys, settings: settings)

        for generation in 1...10 { try agent.send(.assignmentReported(generation: UInt64(generation))) }
        let second = try coordinator(binding: endpoints)

        var heard: [Message] = []
        for _ in 0..<3 { heard.append(try await next(of: second.incoming).message) }
        #expect(heard == (8...10).map { .assignmentReported(generation: $0) })
        #expect(agent.counters()[.overflowed] == 7)
        await agent.stop()
        await second.stop()
    }
}
