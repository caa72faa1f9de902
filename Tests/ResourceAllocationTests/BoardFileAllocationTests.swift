import FleetModel
import ResourceAllocation
import SearchSpace
import Testing

/// What a board's file and its policies come to together.
@Suite struct BoardFileAllocationTests {
    private static func board(_ change: (String) -> String = { $0 }) throws -> BoardFile {
        try BoardFile.parse(
            change(
                """
                cores: 1
                memoryBytes: 100
                watts: 2
                reserve: { cpu: 0.1, memoryBytes: 20 }
                interference: { a: { b: 2 } }
                models:
                  - model: a
                    framesPerSecond: 10
                    memoryBytes: 5
                    points:
                      - { accuracy: 0.5, latencyMilliseconds: 10, memoryBytes: 10, energyMillijoules: 10 }
                      - { accuracy: 0.9, latencyMilliseconds: 20, memoryBytes: 60, energyMillijoules: 50 }
                  - model: b
                    framesPerSecond: 20
                    points:
                      - { accuracy: 0.5, latencyMilliseconds: 10, memoryBytes: 10, energyMillijoules: 10 }
                      - { accuracy: 0.8, latencyMilliseconds: 20, memoryBytes: 30, energyMillijoules: 60 }
                """), file: "b")
    }

    private static func policy(_ reserve: BoardReserve? = nil) -> Policy {
        Policy(
            name: "p", selector: [:],
            models: ["b", "a"].map {
                ModelPolicy(
                    model: $0, latency: LatencyConstraint(milliseconds: 50, percentile: 95), accuracyFloor: nil,
                    priority: 10)
            }, reserve: reserve)
    }

    @Test func reservesAndInterferenceCount() throws {
        let board = try Self.board()
        let ruled = BoardRules(
            for: board, policies: [Self.policy(BoardReserve(cpu: 0.3, memoryBytes: 10, watts: 0.5))])
        let (requests, budget) = (ruled.requests, ruled.budget)
        #expect(requests.map(\.slowdown) == [2, 1])
        #expect(budget == BoardBudget(cores: 1, reserve: 0.3, isReserveKept: true, memoryBytes: 80, watts: 1.5))

        let allocation = Allocator.allocate(requests, within: budget)

        // Both large points need 95 bytes of 80; a's gains more and b's small one fits beside it: 75 bytes, 0.7 W.
        #expect(allocation.models.map(\.preferredPoint) == [1, 0])
        #expect(allocation.models.map(\.cores) == [0.4, 0.2])
        #expect(allocation.models.map(\.memoryBytes) == [65, 10])
        #expect(allocation.models.map(\.latencyMilliseconds) == [40, 10])
        #expect(abs(allocation.objective - 14) < 1e-12 && allocation.isProvenOptimal)
    }

    @Test func memoryThatDoesNotSufficeIsNamed() throws {
        let board = try Self.board { $0.replacing("memoryBytes: 100", with: "memoryBytes: 40") }
        let ruled = BoardRules(for: board, policies: [Self.policy()])
        let allocation = Allocator.allocate(ruled.requests, within: ruled.budget)
        #expect(allocation.infeasible.map(\.constraint) == [.memory])
        #expect(
            allocation.infeasible.map(\.reason) == [
                "memory: the smallest permitted points need 25 bytes together, the budget is 20"
            ])
        #expect(allocation.models.map(\.preferredPoint) == [0, 0])
    }

    @Test func reserveAboveWhatThereIsLeavesNothing() {
        let budget = BoardBudget(
            cores: 1, memoryBytes: 10, watts: 1, less: BoardReserve(memoryBytes: 20, watts: 3), cpuReserve: 0)
        #expect(budget.memoryBytes == 0 && budget.watts == 0)
    }
}
