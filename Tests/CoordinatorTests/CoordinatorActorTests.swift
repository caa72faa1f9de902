import AuditLog
import CoordinatorCore
import Crypto
import FleetModel
import FleetStore
import Logging
import Messaging
import SearchSpace
import Testing
import WireProtocol

@testable import Coordinator

/// The shell around the coordinator's decisions: what is not durable is not spoken of.
@Suite struct CoordinatorActorTests {
    private let store = FailingStore()
    private let transport: InMemoryCoordinatorTransport
    private let board: BoardDescription
    private let keys: CurveKeyPair
    private let agent: InMemoryAgentTransport

    init() async throws {
        keys = try CurveKeyPair.generate()
        let model = DeployedModel(
            name: try #require(ModelName("classifier")), framesPerSecond: 30,
            points: (1...4).map {
                OperatingPoint(
                    configuration: SubnetConfiguration(
                        resolution: 28, depths: [2], kernelSizes: [3, 3], expandRatios: [3, 3]),
                    accuracy: 0.8 + Double($0) / 100, latencyMilliseconds: Double($0) * 4, flops: $0)
            })
        board = BoardDescription(
            id: try #require(BoardID("edge-1")), boardClass: "test", labels: [:], cores: 1, memoryBytes: 1,
            engineVersion: "1", models: [model])
        try await store.saveBoard(
            BoardRecord(
                description: board, publicKey: keys.publicKey.z85, enrolledAtMilliseconds: 1, lastSeenMilliseconds: 1))
        transport = InMemoryCoordinatorTransport(allowList: AllowList([keys.publicKey: board.id]))
        agent = transport.connect(keys.publicKey)
    }

    private func makeActor(gatheringTime: Duration = .zero) async throws -> CoordinatorActor {
        var settings = CoordinatorActor.Machine.Settings()
        settings.resend = .zero
        // The tests' messages may be far apart on a busy machine.
        settings.heartbeat = .seconds(3_600)
        return try await CoordinatorActor(
            settings: settings, store: store, transport: transport, logger: Logger(label: "test"),
            retryPause: .zero, gatheringTime: gatheringTime)
    }

    /// Says the message as the board and lets the coordinator take it to its end.
    private func say(_ message: Message, to actor: CoordinatorActor) async throws {
        try agent.send(message)
        for await incoming in transport.incoming {
            await actor.received(incoming)
            break
        }
    }

    /// What has reached the board so far.
    private func heard() async -> [Message] {
        await transport.stop()
        await agent.stop()
        var messages: [Message] = []
        for await message in agent.incoming { messages.append(message) }
        return messages
    }

    private var hello: Message { .hello(board, incarnation: 1, reportedGeneration: 0) }

    private static func policy(_ milliseconds: Double) -> Policy {
        Policy(
            name: "p", selector: [:],
            models: [
                ModelPolicy(
                    model: "classifier", latency: LatencyConstraint(milliseconds: milliseconds, percentile: 99),
                    accuracyFloor: nil, priority: 10)
            ])
    }

    private static func generations(_ messages: [Message]) -> [UInt64] {
        messages.compactMap { if case .assign(let assignment) = $0 { assignment.generation } else { nil } }
    }

    @Test func aPolicyIsStoredAndItsAssignmentSent() async throws {
        let actor = try await makeActor()
        try await say(hello, to: actor)
        _ = try await actor.apply(Self.policy(10), text: "", by: "test")

        #expect(Self.generations(await heard()) == [1])
        #expect(try await store.assignments()[board.id]?.generation == 1)
    }

    @Test func aHelloThatCannotBeStoredIsNotWelcomedUntilItCan() async throws {
        let actor = try await makeActor()
        await store.set(isFull: true)
        try await say(hello, to: actor)
        #expect(try await store.board(board.id)?.incarnation == 0)
        await store.set(isFull: false)
        try await say(hello, to: actor)

        #expect(try await store.board(board.id)?.incarnation == 1)
        #expect(await heard().count { if case .welcome = $0 { true } else { false } } == 1)
    }

    @Test func anAssignmentThatCannotBeStoredIsNotSentUntilItCan() async throws {
        _ = try await store.savePolicy(Self.policy(10), text: "")
        let actor = try await makeActor()
        try await say(.heartbeat, to: actor)
        await store.set(isFull: true)
        // The board is known as it is stored, so only the assignment needs the disk.
        try await say(.hello(board, incarnation: 1, reportedGeneration: 0), to: actor)
        await actor.timerFired()
        #expect(try await store.assignments().isEmpty)
        await store.set(isFull: false)
        await actor.timerFired()

        #expect(try await store.assignments()[board.id]?.generation == 1)
        #expect(Self.generations(await heard()) == [1])
    }

    @Test func aRevokedBoardIsSilencedAndItsNameMayEnrolAgain() async throws {
        let actor = try await makeActor()
        try await say(hello, to: actor)
        _ = try await actor.apply(Self.policy(10), text: "", by: "test")
        #expect(try await actor.revoke(board.id, by: "test"))
        #expect(try await !actor.revoke(board.id, by: "test"))
        #expect(await actor.states.isEmpty)
        #expect(transport.allowList.board(of: keys.publicKey) == nil)

        let token = "token"
        try await store.addToken(
            EnrolmentToken(
                hash: Array(SHA256.hash(data: Array(token.utf8))), expiresAtMilliseconds: .init(Int64.max),
                remainingUses: 1), atMilliseconds: 0)
        let newKey = try CurveKeyPair.generate().publicKey
        var bare = board
        bare.models = []
        let stranger = transport.connectStranger(newKey)
        try stranger.send(.enrol(token: token, board: bare))
        for await incoming in transport.incoming {
            await actor.received(incoming)
            break
        }
        #expect(transport.allowList.board(of: newKey) == board.id)
        // Generations go on where they were, or the board would be told less than it has kept.
        #expect(await actor.states.first?.desired.generation == 1)
    }

    @Test func telemetryThatCannotBeStoredIsNotAcknowledged() async throws {
        let actor = try await makeActor()
        try await say(hello, to: actor)
        let record = Self.record(1)
        await store.set(isFull: true)
        try await say(.telemetry([record]), to: actor)
        await store.set(isFull: false)
        try await say(.telemetry([record]), to: actor)

        let acknowledgements = await heard().filter { if case .telemetryAcknowledged = $0 { true } else { false } }
        #expect(acknowledgements == [.telemetryAcknowledged(incarnation: 1, sequence: 1)])
    }

    private static func record(_ sequence: UInt64, startMilliseconds: UInt64 = 1) -> TelemetryRecord {
        TelemetryRecord(
            incarnation: 1, sequence: sequence, startMilliseconds: startMilliseconds, durationMilliseconds: 1_000,
            generation: 0, models: [],
            board: BoardTelemetry(
                memoryBytes: 1, cpuLoad: nil, cpuFrequencyMegahertz: nil, temperatureCelsius: nil, droppedRecords: 0))
    }

    @Test func telemetryThatComesTogetherIsStoredTogether() async throws {
        let actor = try await makeActor(gatheringTime: .seconds(3_600))
        try await say(hello, to: actor)
        for sequence in 1...3 { try await say(.telemetry([Self.record(UInt64(sequence))]), to: actor) }
        #expect(await store.appended.isEmpty)
        await actor.inTurn { await actor.storeGathered() }

        #expect(await store.appended == [[1, 1, 1]])
        let acknowledgements = await heard().filter { if case .telemetryAcknowledged = $0 { true } else { false } }
        #expect(acknowledgements == [.telemetryAcknowledged(incarnation: 1, sequence: 3)])
    }

    @Test func telemetryThatCannotBeKeptHoldsUpNoOther() async throws {
        let actor = try await makeActor(gatheringTime: .seconds(3_600))
        try await say(hello, to: actor)
        try await say(.telemetry([Self.record(1)]), to: actor)
        // No message can carry this.
        let endless = Self.record(2, startMilliseconds: .max)
        await actor.inTurn {
            await actor.gather([endless], of: board.id)
            await actor.storeGathered()
        }

        #expect(await store.appended == [[1, 1], [1], [1]])
        let acknowledgements = await heard().filter { if case .telemetryAcknowledged = $0 { true } else { false } }
        #expect(acknowledgements == [.telemetryAcknowledged(incarnation: 1, sequence: 1)])
    }

    @Test func telemetryOfManyBoardsDoesNotWaitForTheTime() async throws {
        let actor = try await makeActor(gatheringTime: .seconds(3_600))
        try await say(hello, to: actor)
        for sequence in 1...GatheredTelemetry.most {
            try await say(.telemetry([Self.record(UInt64(sequence))]), to: actor)
        }
        #expect(await store.appended.map(\.count) == [GatheredTelemetry.most])
    }

    /// Events take their turns in the order in which they came, also those that come while one waits for the store.
    @Test func policiesTakeTheirTurns() async throws {
        let actor = try await makeActor()
        await store.hold()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<6 {
                group.addTask {
                    _ = try await actor.apply(Self.policy(10 + Double(number)), text: "\(number)", by: "test")
                }
                if number == 0 {
                    while await store.heldCount == 0 { await Task.yield() }
                } else {
                    while await actor.waitingCount < number { await Task.yield() }
                }
            }
            await store.release()
            try await group.waitForAll()
        }

        #expect(try await store.policies().map(\.text) == ["5"])
        #expect(try await store.policies().first?.version == 6)
        let versions = try await store.events(limit: 100).filter { $0.kind == .policyApplied }.map(\.message)
        #expect(versions.reversed() == (1...6).map { "policy p version \($0)" })
    }

    @Test func aPolicyThatIsAppliedAlreadyIsNoNewVersion() async throws {
        let actor = try await makeActor()
        try await say(hello, to: actor)
        for (text, milliseconds, version) in [("a", 10.0, 1), ("a", 10, 1), ("b", 10, 2), ("b", 20, 3), ("b", 20, 3)] {
            let stored = try await actor.apply(Self.policy(milliseconds), text: text, by: "ann")
            #expect(stored.version == version)
        }
        #expect(try await store.audit(after: nil, sinceMilliseconds: 0, limit: 10).count == 3)
        #expect(try await store.events(limit: 10).filter { $0.kind == .policyApplied }.count == 3)
    }

    @Test func aPolicyThatIsWithdrawnLeavesTheBoardToItself() async throws {
        let actor = try await makeActor()
        try await say(hello, to: actor)
        _ = try await actor.apply(Self.policy(10), text: "", by: "ann")
        #expect(try await actor.withdraw("q", by: "ann") == nil)
        #expect(try await actor.withdraw("p", by: "ann")?.version == 1)
        #expect(try await actor.withdraw("p", by: "ann") == nil)

        #expect(try await store.policies().isEmpty)
        #expect(await actor.states.first?.desired == Assignment(generation: 2, models: []))
        #expect(Self.generations(await heard()) == [1, 2])
        let entries = try await store.audit(after: nil, sinceMilliseconds: 0, limit: 10)
        #expect(entries.map(\.action) == ["policyApplied", "policyWithdrawn"])
        #expect(entries.last?.before?.hasPrefix("version 1") == true && entries.last?.after == nil)
        #expect(try await store.events(limit: 10).contains { $0.kind == .policyWithdrawn })
    }

    /// What a board says of its shares and its clock is there for people; records that come late do not replace it.
    @Test func theNewestOfABoardIsKept() async throws {
        let actor = try await makeActor()
        try await say(hello, to: actor)
        for (sequence, means) in [(2, ShareTelemetry.Means.affinity), (1, .none)] {
            var record = Self.record(UInt64(sequence))
            record.board.shares = ShareTelemetry(means: means, detail: "", reason: "r")
            try await say(.telemetry([record]), to: actor)
        }
        let newest = await actor.newestOfBoards
        #expect(newest[board.id]?.board.shares?.means == .affinity)
        #expect(await actor.sharesOfBoards == [.affinity: 1])
    }
}
