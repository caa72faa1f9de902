import AdminAPI
import AuditLog
import CoordinatorCore
import FleetListings
import FleetModel
import FleetStore
import Logging
import Messaging
import Testing
import WireProtocol

@testable import Coordinator

/// Boards that are left alone, and boards that change their keys: what is stored, allowed, said and logged.
@Suite struct BoardCareTests {
    private let store = FailingStore()
    private let transport: InMemoryCoordinatorTransport
    private let board: BoardDescription
    private let old: CurveKeyPair
    private let new: CurveKeyPair
    private let agent: InMemoryAgentTransport

    init() async throws {
        (old, new) = (try CurveKeyPair.generate(), try CurveKeyPair.generate())
        board = BoardDescription(
            id: try #require(BoardID("edge-1")), boardClass: "test", labels: ["tier": "edge"], cores: 1,
            memoryBytes: 1, engineVersion: "1", models: [])
        try await store.saveBoard(
            BoardRecord(
                description: board, publicKey: old.publicKey.z85, enrolledAtMilliseconds: 1, lastSeenMilliseconds: 1))
        transport = InMemoryCoordinatorTransport(allowList: AllowList([old.publicKey: board.id]))
        agent = transport.connect(old.publicKey)
    }

    private func makeActor(longestKeyAge: Duration? = nil) async throws -> CoordinatorActor {
        var settings = CoordinatorActor.Machine.Settings()
        settings.heartbeat = .seconds(3_600)
        return try await CoordinatorActor(
            settings: settings, store: store, transport: transport, logger: Logger(label: "test"),
            retryPause: .zero, longestKeyAge: longestKeyAge)
    }

    private func say(_ message: Message, over agent: InMemoryAgentTransport, to actor: CoordinatorActor) async throws {
        try agent.send(message)
        for await incoming in transport.incoming {
            await actor.received(incoming)
            break
        }
    }

    private var hello: Message { .hello(board, incarnation: 1, reportedGeneration: 0) }

    private func number(of record: BoardRecord?) throws -> UInt64 { try #require(record?.keyRotation).number }

    @Test func aGoodbyeOutlivesTheCoordinator() async throws {
        let actor = try await makeActor()
        try await say(hello, over: agent, to: actor)
        #expect(try await store.board(board.id)?.hasLeft == false)
        try await say(.goodbye, over: agent, to: actor)
        #expect(try await store.board(board.id)?.hasLeft == true)

        let again = try await makeActor()
        try await say(.hello(board, incarnation: 2, reportedGeneration: 0), over: agent, to: again)
        #expect(try await store.board(board.id)?.hasLeft == false)
    }

    @Test func aKeyIsChangedAndTheOldOneIsNobodys() async throws {
        let actor = try await makeActor()
        try await say(hello, over: agent, to: actor)
        let begun = try await BoardCareDesk(actor: actor).rotateKeys(.init(board: "edge-1"), by: "ann")
        #expect(begun.boards == ["edge-1"] && begun.seconds == BoardKeyRotation.usualSeconds)
        let number = try number(of: try await store.board(board.id))

        try await say(.keyReport(KeyReport(number: number, key: new.publicKey.z85)), over: agent, to: actor)
        #expect(try await store.allowList().count == 2)
        #expect(transport.allowList.board(of: new.publicKey) == board.id)
        #expect(transport.allowList.board(of: old.publicKey) == board.id)

        let second = transport.connect(new.publicKey)
        try await say(hello, over: second, to: actor)
        let record = try #require(try await store.board(board.id))
        #expect(record.publicKey == new.publicKey.z85 && record.keyRotation == nil)
        #expect(try #require(record.keySinceMilliseconds) > 1)
        #expect(transport.allowList.board(of: old.publicKey) == nil && transport.allowList.count == 1)
        let actions = try await store.audit(after: nil, sinceMilliseconds: 0, limit: 10).map(\.action)
        #expect(actions == ["keyRotationBegun", "keyRotated"])
    }

    /// What is not durable has not happened: the board is not welcomed with a key that a restart would not know.
    @Test func aHelloWithTheNewKeyWaitsForTheDisk() async throws {
        let actor = try await makeActor()
        try await say(hello, over: agent, to: actor)
        _ = try await BoardCareDesk(actor: actor).rotateKeys(.init(selector: ["tier": "edge"]), by: "ann")
        let number = try number(of: try await store.board(board.id))
        try await say(.keyReport(KeyReport(number: number, key: new.publicKey.z85)), over: agent, to: actor)
        let second = transport.connect(new.publicKey)
        await store.set(isFull: true)
        try await say(hello, over: second, to: actor)
        #expect(try await store.board(board.id)?.publicKey == old.publicKey.z85)
        #expect(transport.allowList.board(of: old.publicKey) == board.id)
        await store.set(isFull: false)
        try await say(hello, over: second, to: actor)
        #expect(try await store.board(board.id)?.publicKey == new.publicKey.z85)
        await transport.stop()
        await second.stop()
        var welcomes = 0
        for await message in second.incoming { if case .welcome = message { welcomes += 1 } }
        #expect(welcomes == 1)
    }

    @Test func aRestartGoesOnWhereItWasAndRevocationTakesBothKeys() async throws {
        var actor = try await makeActor()
        try await say(hello, over: agent, to: actor)
        _ = try await BoardCareDesk(actor: actor).rotateKeys(.init(board: "edge-1"), by: "ann")
        let number = try number(of: try await store.board(board.id))
        actor = try await makeActor()
        try await say(hello, over: agent, to: actor)
        try await say(.keyReport(KeyReport(number: number, key: new.publicKey.z85)), over: agent, to: actor)
        actor = try await makeActor()
        #expect(await actor.keyMachines[board.id]?.rotation?.nextKey == new.publicKey.z85)

        #expect(try await actor.revoke(board.id, dryRun: true, by: "ann"))
        #expect(try await store.board(board.id)?.revokedAtMilliseconds == nil && transport.allowList.count > 0)
        #expect(try await actor.revoke(board.id, by: "ann"))
        #expect(try await !actor.revoke(board.id, dryRun: true, by: "ann"))
        #expect(transport.allowList.count == 0)
        #expect(try await store.allowList().isEmpty)
    }

    @Test func keysThatAreOldAreChangedWhereBoardsAreThere() async throws {
        let patient = try await makeActor(longestKeyAge: .seconds(4_000_000_000))
        try await say(hello, over: agent, to: patient)
        await patient.timerFired()
        #expect(await patient.keyMachines.isEmpty)
        let early = try await makeActor(longestKeyAge: .seconds(60))
        await early.timerFired()
        #expect(await early.keyMachines.isEmpty)
        let later = try await makeActor(longestKeyAge: .seconds(60))
        try await say(hello, over: agent, to: later)
        await later.timerFired()
        #expect(await later.keyMachines.keys.map(\.rawValue) == ["edge-1"])
    }

    @Test func dryRunsChangeNothingAndNobodyIsNotFound() async throws {
        let actor = try await makeActor()
        let desk = BoardCareDesk(actor: actor)
        #expect(try await desk.rotateKeys(.init(selector: [:], dryRun: true), by: "ann").boards == ["edge-1"])
        #expect(try await desk.drain(board: "edge-1", true, .init(dryRun: true), by: "ann").isUnchanged == false)
        #expect(try await store.board(board.id)?.drainedAtMilliseconds == nil)
        #expect(try await store.audit(after: nil, sinceMilliseconds: 0, limit: 10).isEmpty)
        for request in [KeyRotationRequest(board: "edge-9"), .init(selector: ["tier": "core"])] {
            let failure = await #expect(throws: AdminFailure.self) { try await desk.rotateKeys(request, by: "ann") }
            #expect(failure?.kind == .notFound)
        }
        for request in [
            KeyRotationRequest(), .init(board: "edge-1", selector: [:]), .init(board: "edge-1", seconds: 1),
        ] {
            let failure = await #expect(throws: AdminFailure.self) { try await desk.rotateKeys(request, by: "ann") }
            #expect(failure?.kind == .invalid)
        }
        let failure = await #expect(throws: AdminFailure.self) {
            try await desk.drain(board: "edge-9", true, .init(), by: "ann")
        }
        #expect(failure?.kind == .notFound)
    }

    @Test func aDrainedBoardStaysSoOverARestartAndIsAskedForNothing() async throws {
        var actor = try await makeActor()
        try await say(hello, over: agent, to: actor)
        #expect(await MeasuringFleet(actor).boards().count == 1)
        let drained = try await BoardCareDesk(actor: actor).drain(
            board: "edge-1", true, .init(reason: "new disk"), by: "ann")
        #expect(!drained.isUnchanged && drained.isDrained)
        #expect(await MeasuringFleet(actor).boards().isEmpty)
        #expect(try await BoardCareDesk(actor: actor).drain(board: "edge-1", true, .init(), by: "ann").isUnchanged)

        actor = try await makeActor()
        try await say(hello, over: agent, to: actor)
        #expect(await actor.isDrained(board.id))
        #expect(await actor.activeBoards.isEmpty)
        let back = try await BoardCareDesk(actor: actor).drain(board: "edge-1", false, .init(), by: "bob")
        #expect(!back.isUnchanged)
        let entries = try await store.audit(after: nil, sinceMilliseconds: 0, limit: 10)
        #expect(entries.map(\.action) == ["boardDrained", "boardUndrained"])
        #expect(entries.first?.after == "drained: new disk" && entries.last?.actor == "bob")
    }

    @Test func labelsAreWrittenAsPeopleWriteThem() {
        #expect(BoardSelector("tier=edge,site=a=b")?.labels == ["tier": "edge", "site": "a=b"])
        #expect(BoardSelector("site=")?.labels == ["site": ""])
        for text in ["", "tier", "=edge", "tier=a,", "tier=a,tier=b", "tier!=a", "tier==a"] {
            #expect(BoardSelector(text) == nil, "\(text)")
        }
    }
}
