import FleetModel
import Messaging
import Testing
import WireProtocol

/// What every transport promises, over the real one and its twin.
@Suite(.timeLimit(.minutes(2))) struct TransportTests {
    @Test(arguments: TransportHarness.all)
    func messagesTravelBothWays(harness: TransportHarness) async throws {
        let keys = try CurveKeyPair.generate()
        let board = try Samples.board("board-1")
        let ends = try harness.start(AllowList([keys.publicKey: board]), .coordinator)
        let agent = try ends.agent(keys)

        try agent.send(.hello(try Samples.description("board-1"), incarnation: 1, reportedGeneration: 0))
        let hello = try await next(of: ends.coordinator.incoming)
        try ends.coordinator.send(.assign(Samples.assignment), to: board)
        let assign = try await next(of: agent.incoming)

        #expect(hello.source == .board(board))
        #expect(hello.publicKey == keys.publicKey)
        #expect(hello.message.code == .hello)
        #expect(assign == .assign(Samples.assignment))
        await agent.stop()
        await ends.coordinator.stop()
    }

    @Test(arguments: TransportHarness.all)
    func messagesOfABoardArriveInOrder(harness: TransportHarness) async throws {
        let keys = try CurveKeyPair.generate()
        let ends = try harness.start(AllowList([keys.publicKey: try Samples.board("board-1")]), .coordinator)
        let agent = try ends.agent(keys)

        for generation in 1...100 { try agent.send(.assignmentReported(generation: UInt64(generation))) }

        for generation in 1...100 {
            let incoming = try await next(of: ends.coordinator.incoming)
            #expect(incoming.message == .assignmentReported(generation: UInt64(generation)))
        }
        #expect(ends.coordinator.counters().received == 100)
        await agent.stop()
        await ends.coordinator.stop()
    }

    @Test(arguments: TransportHarness.all)
    func aStrangerMayOnlyEnrolAndIsAnswered(harness: TransportHarness) async throws {
        let keys = try CurveKeyPair.generate()
        let ends = try harness.start(AllowList(), .coordinator)
        let stranger = try ends.stranger(keys)

        try stranger.send(.heartbeat)
        try stranger.send(.enrol(token: "token", board: try Samples.description("board-1")))
        let enrol = try await next(of: ends.coordinator.incoming)
        guard case .stranger(let source) = enrol.source else {
            Issue.record("\(enrol.source)")
            return
        }
        try ends.coordinator.reply(.enrolled(board: try Samples.board("board-1")), to: source)

        #expect(enrol.message.code == .enrol)
        #expect(source.publicKey == keys.publicKey)
        #expect(ends.coordinator.counters()[.unexpected] == 1)
        #expect(try await next(of: stranger.incoming) == .enrolled(board: try Samples.board("board-1")))
        await stranger.stop()
        await ends.coordinator.stop()
    }

    @Test(arguments: TransportHarness.all)
    func anUnlistedKeyIsCountedAndNeverHeard(harness: TransportHarness) async throws {
        let keys = try CurveKeyPair.generate()
        let ends = try harness.start(AllowList([keys.publicKey: try Samples.board("board-1")]), .coordinator)
        let unlisted = try ends.agent(try CurveKeyPair.generate())
        try unlisted.send(.heartbeat)
        try await eventually("refusal") { ends.coordinator.counters()[.unauthenticated] > 0 }

        let agent = try ends.agent(keys)
        try agent.send(.heartbeat)
        let first = try await next(of: ends.coordinator.incoming)

        #expect(first.publicKey == keys.publicKey)
        #expect(ends.coordinator.counters().received == 1)
        await unlisted.stop()
        await agent.stop()
        await ends.coordinator.stop()
    }

    @Test(arguments: TransportHarness.all)
    func aRevokedKeyIsSilencedWhileConnected(harness: TransportHarness) async throws {
        let keys = try CurveKeyPair.generate()
        let board = try Samples.board("board-1")
        let allowList = AllowList([keys.publicKey: board])
        let ends = try harness.start(allowList, .coordinator)
        let agent = try ends.agent(keys)
        try agent.send(.heartbeat)
        _ = try await next(of: ends.coordinator.incoming)

        allowList.revoke(board)
        try agent.send(.heartbeat)
        try await eventually("refusal") { ends.coordinator.counters()[.unauthenticated] == 1 }
        try ends.coordinator.send(.heartbeat, to: board)
        try await eventually("unreachable") { ends.coordinator.counters()[.unreachable] == 1 }

        #expect(ends.coordinator.counters().received == 1)
        await agent.stop()
        await ends.coordinator.stop()
    }

    @Test(arguments: TransportHarness.all)
    func whatTheConsumerDoesNotTakeIsDroppedAndCounted(harness: TransportHarness) async throws {
        var settings = TransportSettings.coordinator
        settings.incomingMessages = 4
        let keys = try CurveKeyPair.generate()
        let ends = try harness.start(AllowList([keys.publicKey: try Samples.board("board-1")]), settings)
        let agent = try ends.agent(keys)

        for _ in 0..<6 { try agent.send(.heartbeat) }
        try await eventually("overflow") { ends.coordinator.counters()[.overflowed] == 2 }

        #expect(ends.coordinator.counters().received == 4)
        await agent.stop()
        await ends.coordinator.stop()
    }

    @Test(arguments: TransportHarness.all)
    func messagesToNobodyAreCounted(harness: TransportHarness) async throws {
        let ends = try harness.start(AllowList(), .coordinator)

        try ends.coordinator.send(.heartbeat, to: try Samples.board("board-1"))

        try await eventually("unreachable") { ends.coordinator.counters()[.unreachable] == 1 }
        await ends.coordinator.stop()
    }

    @Test(arguments: TransportHarness.all)
    func whatThePeerWouldRefuseIsNotSent(harness: TransportHarness) async throws {
        let ends = try harness.start(AllowList(), .coordinator)
        let long = String(repeating: "x", count: FleetLimits.textBytes + 1)

        #expect(throws: SendFailure.self) {
            try ends.coordinator.send(.refused(reason: long), to: try Samples.board("board-1"))
        }
        await ends.coordinator.stop()
    }

    @Test(arguments: TransportHarness.all)
    func stoppingEndsTheStreamAndRefusesMessages(harness: TransportHarness) async throws {
        let ends = try harness.start(AllowList(), .coordinator)
        let agent = try ends.agent(try CurveKeyPair.generate())

        await agent.stop()
        await ends.coordinator.stop()

        for await _ in ends.coordinator.incoming { Issue.record("a message after the end") }
        for await _ in agent.incoming { Issue.record("a message after the end") }
        #expect(throws: SendFailure.stopped) { try agent.send(.heartbeat) }
        #expect(throws: SendFailure.stopped) {
            try ends.coordinator.send(.heartbeat, to: try Samples.board("board-1"))
        }
    }
}
