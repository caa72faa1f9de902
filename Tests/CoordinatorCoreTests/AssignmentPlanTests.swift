import CoordinatorCore
import FleetModel
import ResourceAllocation
import Testing
import WireProtocol

/// A fleet's coordinator and `shoal allocate` decide by one rule: of a board described to either the same becomes.
@Suite struct AssignmentPlanTests {
    private typealias Machine = FleetStateMachine<ContinuousClock.Instant>

    private static func file(_ extra: String = "") throws -> BoardFile {
        try BoardFile.parse(
            """
            name: a
            labels: { tier: edge }
            cores: 1
            memoryBytes: 1000
            \(extra)
            interference: { classifier: { detector: 1.2 } }
            models:
            """
                + ["classifier", "detector"].map { name in
                    """

                      - model: \(name)
                        framesPerSecond: 30
                        points:
                          - { accuracy: 0.81, latencyMilliseconds: 4, memoryBytes: 100, energyMillijoules: 20 }
                          - { accuracy: 0.85, latencyMilliseconds: 8, memoryBytes: 200, energyMillijoules: 40 }
                          - { accuracy: 0.9, latencyMilliseconds: 16, memoryBytes: 400, energyMillijoules: 80 }
                          - { accuracy: 0.92, latencyMilliseconds: 24, memoryBytes: 600, energyMillijoules: 99 }
                    """
                }.joined(), file: "b")
    }

    private static func desired(_ file: BoardFile, _ policies: [Policy], clock: Int64 = 0) -> [ModelAssignment] {
        var board = file.description
        board.interference = file.interference
        let now = ContinuousClock.now
        var machine = Machine(
            settings: .init(), boards: [EnrolledBoard(board: board, publicKey: "k")], policies: policies,
            clockSeconds: clock, at: now)
        _ = machine.messageReceived(.hello(board, incarnation: 1, reportedGeneration: 0), from: board.id, at: now)
        return machine.state(of: board.id)?.desired.models ?? []
    }

    private static func policy(
        _ name: String, _ models: [String], selector: [String: String] = [:], reserve: BoardReserve? = nil,
        share: Double? = nil, energy: Double? = nil
    ) -> Policy {
        Policy(
            name: name, selector: selector,
            models: models.map {
                ModelPolicy(
                    model: $0, latency: LatencyConstraint(milliseconds: 33, percentile: 95), accuracyFloor: nil,
                    priority: 10, cpuShare: share, energyMillijoules: energy)
            }, reserve: reserve)
    }

    private static let both = ["classifier", "detector"]
    private static let cases: [(String, [Policy])] = [
        ("", [policy("p", both)]), ("watts: 5", [policy("p", both)]),
        ("watts: 5", [policy("p", both, reserve: BoardReserve(watts: 2))]),
        ("watts: 5", [policy("p", both, reserve: BoardReserve(cpu: 0.4, memoryBytes: 500, watts: 0.5))]),
        ("", [policy("p", both, share: 0.3)]), ("", [policy("p", both, energy: 50)]),
        // Reserves of policies that rule nothing here do not count: one selects other boards, one comes too late.
        ("", [policy("a", both, selector: ["tier": "x"], reserve: BoardReserve(cpu: 0.9)), policy("p", both)]),
        ("", [policy("p", both), policy("q", both, reserve: BoardReserve(cpu: 0.9))]),
        ("", [policy("p", ["classifier"]), policy("q", ["detector"], reserve: BoardReserve(cpu: 0.5))]),
    ]

    @Test(arguments: cases) func theFleetDecidesAsAllocateDoes(extra: String, policies: [Policy]) throws {
        let file = try Self.file(extra)
        let ruled = BoardRules(for: file, policies: policies, reserve: BoardBudget.usualReserve)
        let allocated = Allocator.allocate(ruled.requests, within: ruled.budget)
        let desired = Self.desired(file, policies)
        #expect(desired.map(\.model) == allocated.models.map(\.model) && desired.count == 2)
        #expect(desired.map(\.preferredPoint) == allocated.models.map(\.preferredPoint))
        #expect(desired.map(\.lowestPoint) == allocated.models.map(\.lowestPoint))
        #expect(desired.map(\.highestPoint) == allocated.models.map(\.highestPoint))
        #expect(desired.map(\.cpuShare) == ruled.rules.map(\.model.cpuShare))
    }

    /// 24 and 24 ms at 30 frames per second are 1.58 cores with interference: what is kept back shows in the choice.
    @Test func whatIsReservedIsMissingFromTheChoice() throws {
        func points(_ extra: String, _ reserve: BoardReserve?) throws -> [Int] {
            Self.desired(try Self.file(extra), [Self.policy("p", Self.both, reserve: reserve)]).map(\.preferredPoint)
        }
        let free = try points("", nil)
        #expect(try points("", BoardReserve(cpu: 0.6)).reduce(0, +) < free.reduce(0, +))
        // 3 W keep one of the points of 2.4 W at most, 1 W neither.
        #expect(try points("watts: 9", nil) == free)
        #expect(try points("watts: 9", BoardReserve(watts: 7.8)).reduce(0, +) < free.reduce(0, +))
        // Where no power is known none can be reserved.
        #expect(try points("", BoardReserve(watts: 7.8)) == free)
        let file = try Self.file()
        #expect(BoardRules(for: file, policies: []).budget.reserve == 0)
        #expect(Machine.Settings().reserve == BoardBudget.usualReserve)
    }

    /// One class of boards switches seldom, the others as they like.
    @Test func aClassHasItsOwnLimitOfSwitches() throws {
        var careful = Self.policy("a-class", Self.both, selector: [Policy.classLabel: "old"])
        careful.switchesPerMinute = 6
        var file = try Self.file()
        let policies = [careful, Self.policy("p", Self.both)]
        #expect(Self.desired(file, policies).map(\.switchesPerMinute) == [nil, nil])
        file.boardClass = "old"
        #expect(Self.desired(file, policies).map(\.switchesPerMinute) == [6, 6])
    }
}
