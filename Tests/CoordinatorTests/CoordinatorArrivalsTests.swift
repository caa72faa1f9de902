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

/// Boards that come together are stored together, each is answered only then, and in the order of what it said.
@Suite struct CoordinatorArrivalsTests {
    private let store = FailingStore()
    private let transport: InMemoryCoordinatorTransport
    private let boards: [BoardDescription]
    private let agents: [InMemoryAgentTransport]
    private let actor: CoordinatorActor

    /// Waits an hour for company, so that a test decides when it is stored.
    init() async throws {
        let model = DeployedModel(
            name: try #require(ModelName("classifier")), framesPerSecond: 30,
            points: (1...4).map {
                OperatingPoint(
                    configuration: SubnetConfiguration(
                        resolution: 28, depths: [2], kernelSizes: [3, 3], expandRatios: [3, 3]),
                    accuracy: 0.8 + Double($0) / 100, latencyMilliseconds: Double($0) * 4, flops: $0)
            })
        let allowList = AllowList()
        transport = InMemoryCoordinatorTransport(allowList: allowList)
        var (boards, agents) = ([BoardDescription](), [InMemoryAgentTransport]())
        for number in 0..<5 {
            let keys = try CurveKeyPair.generate()
            let board = BoardDescription(
                id: try #require(BoardID("edge-\(number)")), boardClass: "test", labels: [:], cores: 1, memoryBytes: 1,
                engineVersion: "1", models: [model])
            try await store.saveBoard(
                BoardRecord(
                    description: board, publicKey: keys.publicKey.z85, enrolledAtMilliseconds: 1,
                    lastSeenMilliseconds: 1))
            #expect(allowList.allow(keys.publicKey, as: board.id))
            boards.append(board)
            agents.append(transport.connect(keys.publicKey))
        }
        (self.boards, self.agents) = (boards, agents)
        var settings = CoordinatorActor.Machine.Settings()
        // The tests' messages may be far apart on a busy machine.
        settings.heartbeat = .seconds(3_600)
        actor = try await CoordinatorActor(
            settings: settings, store: store, transport: transport, logger: Logger(label: "test"), retryPause: .zero,
            gatheringTime: .seconds(3_600))
    }

    private var ids: [BoardID] { boards.map(\.id) }

    /// Says the message and lets the coordinator take it to its end.
    private func say(_ message: Message, by agent: InMemoryAgentTransport) async throws {
        try agent.send(message)
        for await incoming in transport.incoming {
            await actor.received(incoming)
            break
        }
    }

    private func hello(_ number: Int, incarnation: UInt64 = 1) -> Message {
        .hello(boards[number], incarnation: incarnation, reportedGeneration: 0)
    }

    private func storeAll() async { await actor.inTurn {} }

    /// What has reached the board so far; nothing reaches any after.
    private func heard(_ agent: InMemoryAgentTransport) async -> [Message] {
        await transport.stop()
        await agent.stop()
        var messages: [Message] = []
        for await message in agent.incoming { messages.append(message) }
        return messages
    }

    private static func isWelcome(_ message: Message) -> Bool { if case .welcome = message { true } else { false } }

    private static func policy(_ milliseconds: Double) -> Policy {
        Policy(
            name: "p", selector: [:],
            models: [
                ModelPolicy(
                    model: "classifier", latency: LatencyConstraint(milliseconds: milliseconds, percentile: 99),
                    accuracyFloor: nil, priority: 10)
            ])
    }

    @Test func boardsThatComeTogetherAreStoredTogether() async throws {
        for number in boards.indices { try await say(hello(number), by: agents[number]) }
        #expect(await store.greeted.isEmpty)
        await storeAll()

        #expect(await store.greeted == [ids])
        #expect(try await store.boards().map(\.incarnation) == [1, 1, 1, 1, 1])
        for agent in agents { #expect(await heard(agent).count(where: Self.isWelcome) == 1) }
    }

    @Test func noneIsWelcomedBefore() async throws {
        try await say(hello(0), by: agents[0])
        #expect(await heard(agents[0]).isEmpty)
    }

    @Test func whatABoardSaysNextComesAfterItsHello() async throws {
        try await say(hello(0), by: agents[0])
        try await say(hello(1), by: agents[1])
        try await say(.heartbeat, by: agents[1])

        #expect(await store.greeted == [[ids[0], ids[1]]])
        let messages = await heard(agents[1])
        #expect(messages.count == 2 && Self.isWelcome(messages[0]) && messages[1] == .heartbeat)
    }

    @Test func aPolicyComesAfterBoardsThatWait() async throws {
        for number in boards.indices { try await say(hello(number), by: agents[number]) }
        _ = try await actor.apply(Self.policy(10), text: "", by: "test")

        #expect(await store.greeted == [ids])
        // One transaction for all.
        #expect(await store.assigned == [ids])
        let messages = await heard(agents[3])
        #expect(messages.count == 2 && Self.isWelcome(messages[0]))
        guard case .assign(let assignment) = messages.last else { return #expect(Bool(false), "no assignment") }
        #expect(assignment.generation == 1)
    }

    @Test func aWelcomeComesBeforeTheAssignmentThatItBrings() async throws {
        _ = try await actor.apply(Self.policy(10), text: "", by: "test")
        for number in boards.indices { try await say(hello(number, incarnation: 2), by: agents[number]) }
        // Events too.
        await actor.stopped()

        let messages = await heard(agents[2])
        #expect(messages.count == 2 && Self.isWelcome(messages[0]))
        guard case .assign = messages.last else { return #expect(Bool(false), "no assignment") }
        let events = try await store.events(limit: 100).filter { $0.kind == .assignmentChanged }
        #expect(events.count == boards.count)
    }

    @Test func aHelloThatCannotBeKeptHoldsUpNoOther() async throws {
        await store.forget(ids[1])
        for number in 0..<3 { try await say(hello(number), by: agents[number]) }
        await storeAll()

        #expect(await store.greeted == [[ids[0], ids[1], ids[2]], [ids[0]], [ids[1]], [ids[2]]])
        #expect(await heard(agents[0]).contains(where: Self.isWelcome))
        #expect(await !heard(agents[1]).contains(where: Self.isWelcome))
        #expect(await heard(agents[2]).contains(where: Self.isWelcome))
    }

    @Test func hellosThatCannotBeStoredAreNotWelcomedUntilTheyCan() async throws {
        await store.set(isFull: true)
        for number in boards.indices { try await say(hello(number), by: agents[number]) }
        await storeAll()
        #expect(try await store.boards().allSatisfy { $0.incarnation == 0 })
        await store.set(isFull: false)
        for number in boards.indices { try await say(hello(number), by: agents[number]) }
        await storeAll()

        #expect(try await store.boards().allSatisfy { $0.incarnation == 1 })
        for agent in agents { #expect(await heard(agent).count(where: Self.isWelcome) == 1) }
    }

    // MARK: Enrolment

    private func addToken(_ token: String, uses: UInt32, labels: [String: String] = [:]) async throws {
        try await store.addToken(
            EnrolmentToken(
                hash: Array(SHA256.hash(data: Array(token.utf8))), expiresAtMilliseconds: .init(Int64.max),
                remainingUses: uses, labels: labels), atMilliseconds: 0)
    }

    private func bare(_ name: String) throws -> BoardDescription {
        var board = boards[0]
        board.id = try #require(BoardID(name))
        board.models = []
        return board
    }

    @Test func enrolmentsThatComeTogetherAreStoredTogether() async throws {
        try await addToken("token", uses: 2)
        let keys = try (0..<3).map { _ in try CurveKeyPair.generate().publicKey }
        let strangers = keys.map { transport.connectStranger($0) }
        for (number, stranger) in strangers.enumerated() {
            try await say(.enrol(token: "token", board: try bare("new-\(number)")), by: stranger)
        }
        #expect(await store.enrolled.isEmpty)
        await storeAll()

        #expect(await store.enrolled.map(\.count) == [3])
        #expect(keys.map { transport.allowList.board(of: $0)?.rawValue } == ["new-0", "new-1", nil])
        #expect(await actor.states.count == boards.count + 2)
        let entries = try await store.audit(after: nil, sinceMilliseconds: 0, limit: 9)
        #expect(entries.map(\.target) == ["board new-0", "board new-1"])
        #expect(await heard(strangers[0]) == [.enrolled(board: try bare("new-0").id)])
        guard case .refused = await heard(strangers[2]).first else { return #expect(Bool(false), "not refused") }
    }

    /// Told what it lacks; the use is left for a board that has it.
    @Test func aBoardWithoutTheTokensLabelsIsRefusedAndSpendsNoUse() async throws {
        try await addToken("token", uses: 1, labels: ["site": "north", "tier": "edge"])
        let stranger = transport.connectStranger(try CurveKeyPair.generate().publicKey)
        let bearer = transport.connectStranger(try CurveKeyPair.generate().publicKey)
        var board = try bare("new")
        board.labels = ["tier": "edge"]
        try await say(.enrol(token: "token", board: board), by: stranger)
        await storeAll()
        board.labels["site"] = "north"
        try await say(.enrol(token: "token", board: board), by: bearer)
        await storeAll()

        #expect(
            await heard(stranger) == [
                .refused(reason: "The token is for boards with other labels; this one does not carry site=north.")
            ])
        #expect(await heard(bearer) == [.enrolled(board: board.id)])
    }

    /// What a refusal may hold is bounded, labels are not short.
    @Test func aRefusalForManyLabelsIsStillSent() async throws {
        let labels = Dictionary(
            uniqueKeysWithValues: (10..<42).map { ("\($0)", String(repeating: "x", count: FleetLimits.labelBytes)) })
        try await addToken("token", uses: 1, labels: labels)
        let stranger = transport.connectStranger(try CurveKeyPair.generate().publicKey)
        try await say(.enrol(token: "token", board: try bare("new")), by: stranger)
        await storeAll()

        guard case .refused(let reason) = await heard(stranger).first else {
            return #expect(Bool(false), "not refused")
        }
        #expect(reason.contains("10=xxx") && reason.hasSuffix("more."))
    }

    /// The answer was late or lost, and the board asks again.
    @Test func aBoardThatAsksAgainIsEnrolledOnce() async throws {
        try await addToken("token", uses: 1)
        let stranger = transport.connectStranger(try CurveKeyPair.generate().publicKey)
        let enrol = Message.enrol(token: "token", board: try bare("new"))
        for _ in 0..<3 { try await say(enrol, by: stranger) }

        #expect(await store.enrolled.map(\.count) == [1])
        let answer = Message.enrolled(board: try bare("new").id)
        #expect(await heard(stranger) == [answer, answer, answer])
    }

    @Test func aNameIsGivenToTheFirstThatAsks() async throws {
        try await addToken("token", uses: 2)
        let keys = try (0..<2).map { _ in try CurveKeyPair.generate().publicKey }
        let strangers = keys.map { transport.connectStranger($0) }
        for stranger in strangers { try await say(.enrol(token: "token", board: try bare("new")), by: stranger) }

        #expect(keys.map { transport.allowList.board(of: $0)?.rawValue } == ["new", nil])
        guard case .refused = await heard(strangers[1]).first else { return #expect(Bool(false), "not refused") }
    }

    /// A key that is another board's is refused, and its neighbours are not.
    @Test func anEnrolmentThatCannotBeKeptHoldsUpNoOther() async throws {
        try await addToken("token", uses: 9)
        let taken = try #require(PublicKey(z85: try await store.boards()[4].publicKey))
        let strangers = [try CurveKeyPair.generate().publicKey, taken].map { transport.connectStranger($0) }
        for (number, stranger) in strangers.enumerated() {
            try await say(.enrol(token: "token", board: try bare("new-\(number)")), by: stranger)
        }
        await storeAll()

        #expect(transport.allowList.board(of: taken)?.rawValue == "edge-4")
        #expect(await heard(strangers[0]) == [.enrolled(board: try bare("new-0").id)])
        guard case .refused = await heard(strangers[1]).first else { return #expect(Bool(false), "not refused") }
    }

    /// What waits when the coordinator ends as it should is stored.
    @Test func whatWaitsIsStoredAtTheEnd() async throws {
        try await say(hello(0), by: agents[0])
        await actor.stopped()
        #expect(await store.greeted == [[ids[0]]])
    }
}
