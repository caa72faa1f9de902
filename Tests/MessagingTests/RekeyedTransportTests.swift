import FleetModel
import Messaging
import Testing
import WireProtocol

/// A board's connection that is made anew with another key while it is in use, over both transports.
@Suite(.timeLimit(.minutes(3))) struct RekeyedTransportTests {
    @Test(arguments: TransportHarness.all)
    func messagesGoOverTheNewestConnectionAndSayWhichOneBroughtThem(harness: TransportHarness) async throws {
        let (old, new) = (try CurveKeyPair.generate(), try CurveKeyPair.generate())
        let board = try Samples.board("board-1")
        let allowList = AllowList([old.publicKey: board])
        let ends = try harness.start(allowList, .coordinator)
        let transport = try RekeyedTransport(keys: old) { try ends.agent($0) }
        var incoming = ends.coordinator.incoming.makeAsyncIterator()
        var received = transport.received.makeAsyncIterator()

        try transport.send(.heartbeat)
        let first = await incoming.next()
        #expect(first?.publicKey == old.publicKey)
        try ends.coordinator.send(.heartbeat, to: board)
        let beat = await received.next()
        #expect(beat?.connection == 1)

        #expect(allowList.allowNext(new.publicKey, as: board))
        try transport.reconnect(with: new)
        #expect(transport.connection == 2)
        try transport.send(.assignmentReported(generation: 3))
        let second = await incoming.next()
        #expect(second?.publicKey == new.publicKey && second?.source == .board(board))
        allowList.revoke(old.publicKey)
        try ends.coordinator.send(.helloWanted, to: board)
        let answer = await received.next()
        #expect(answer?.connection == 2 && answer?.message == .helloWanted)

        await transport.stop()
        let end = await received.next()
        #expect(end == nil)
        await ends.coordinator.stop()
    }

    @Test func aConnectionThatCannotBeMadeLeavesTheOneBefore() async throws {
        struct Broken: Error {}
        let (keys, other) = (try CurveKeyPair.generate(), try CurveKeyPair.generate())
        let board = try Samples.board("board-1")
        let coordinator = InMemoryCoordinatorTransport(allowList: AllowList([keys.publicKey: board]))
        let transport = try RekeyedTransport(keys: keys) { pair in
            guard pair == keys else { throw Broken() }
            return coordinator.connect(pair.publicKey)
        }
        #expect(throws: Broken.self) { try transport.reconnect(with: other) }
        #expect(transport.connection == 1)
        try transport.send(.heartbeat)
        for await incoming in coordinator.incoming {
            #expect(incoming.publicKey == keys.publicKey)
            break
        }
        await transport.stop()
        await coordinator.stop()
    }

    @Test func theListOfKeysHoldsTwoOfABoardAndNoKeyTwice() throws {
        let (first, second) = (try CurveKeyPair.generate().publicKey, try CurveKeyPair.generate().publicKey)
        let (one, two) = (try Samples.board("board-1"), try Samples.board("board-2"))
        let list = AllowList([first: one])
        #expect(list.allowNext(second, as: one) && list.allowNext(second, as: one))
        #expect(!list.allowNext(first, as: two))
        #expect(list.board(of: second) == one && list.count == 2)
        list.revoke(one)
        #expect(list.count == 0)
    }
}
