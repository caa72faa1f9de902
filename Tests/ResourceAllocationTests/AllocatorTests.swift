import FleetModel
import ResourceAllocation
import SearchSpace
import Testing

@Suite struct AllocatorTests {
    @Test(arguments: [UInt64(1), 2, 3, 4, .random(in: 0...UInt64.max)])
    func equalsExhaustiveSearch(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var (solved, refused) = (0, 0)
        for _ in 0..<150 {
            let requests = Instances.requests(
                models: .random(in: 1...4, using: &generator), points: .random(in: 1...8, using: &generator),
                using: &generator)
            let budget = CPUBudget(cores: .random(in: 0.2...2, using: &generator), reserve: 0.2)

            let allocation = Allocator.allocate(requests, within: budget)

            if let expected = Instances.exhaustive(requests, capacity: budget.usableCores) {
                solved += 1
                #expect(allocation.infeasible.isEmpty, "seed \(seed)")
                #expect(abs(allocation.objective - expected) < 1e-9, "seed \(seed)")
                #expect(allocation.cores <= budget.usableCores + 1e-9, "seed \(seed)")
                #expect(allocation.isProvenOptimal)
            } else {
                refused += 1
                #expect(!allocation.infeasible.isEmpty, "seed \(seed)")
            }
            expectEnvelopes(allocation, of: requests, seed: seed)
        }
        #expect(solved > 10 && refused > 10, "seed \(seed): \(solved) solved, \(refused) refused")
    }

    private func expectEnvelopes(_ allocation: Allocation, of requests: [AllocationRequest], seed: UInt64) {
        #expect(allocation.models.map(\.model) == requests.map(\.policy.model).sorted(), "seed \(seed)")
        let refused = Set(allocation.infeasible.compactMap(\.model))
        for request in requests where !refused.contains(request.policy.model) {
            guard let model = allocation.models.first(where: { $0.model == request.policy.model }) else { continue }
            #expect((model.lowestPoint...model.highestPoint).contains(model.preferredPoint), "seed \(seed)")
            for (index, point) in request.points.enumerated() {
                let fits =
                    point.latencyMilliseconds <= request.policy.latency.milliseconds
                    && point.accuracy >= request.policy.accuracyFloor ?? 0
                #expect((model.lowestPoint...model.highestPoint).contains(index) == fits, "seed \(seed)")
            }
        }
    }

    @Test func orderOfRequestsPlaysNoPart() {
        var generator = SeededGenerator(seed: 7)
        let requests = Instances.requests(models: 6, points: 10, using: &generator)
        let budget = CPUBudget(cores: 1.5, reserve: 0.1)
        let expected = Allocator.allocate(requests, within: budget)
        for _ in 0..<20 {
            #expect(Allocator.allocate(requests.shuffled(using: &generator), within: budget) == expected)
        }
    }

    @Test func equalAccuracyGoesToLessCPUTime() {
        let request = Instances.request("m", points: [(1, 0.9), (2, 0.9), (3, 0.9)])
        let allocation = Allocator.allocate([request], within: CPUBudget(cores: 1, reserve: 0))
        #expect(allocation.models.first?.preferredPoint == 0)
        #expect(allocation.models.first?.highestPoint == 2)
    }

    @Test func scarceTimeGoesToThePriority() {
        let points = [(10.0, 0.5), (20.0, 0.9)]
        let requests = [
            Instances.request("a", points: points, priority: 1), Instances.request("b", points: points, priority: 2),
        ]
        let allocation = Allocator.allocate(requests, within: CPUBudget(cores: 0.3, reserve: 0))
        #expect(allocation.models.map(\.preferredPoint) == [0, 1])
        #expect(abs(allocation.objective - 2.3) < 1e-12)
    }

    @Test func budgetIsUsedToTheLastBit() {
        let requests = ["a", "b", "c"].map { Instances.request($0, points: [(10, 0.5), (20, 0.9)], fps: 10) }
        let allocation = Allocator.allocate(requests, within: CPUBudget(cores: 0.6, reserve: 0))
        #expect(allocation.models.map(\.preferredPoint) == [1, 1, 1])
    }

    @Test func latencyThatNoPointMeetsIsNamedAndTheFastestRuns() {
        let requests = [
            Instances.request("x", points: [(31, 0.8), (40, 0.9)], milliseconds: 25),
            Instances.request("y", points: [(5, 0.8), (9, 0.9)], milliseconds: 25),
        ]
        let allocation = Allocator.allocate(requests, within: CPUBudget(cores: 1, reserve: 0.2))
        #expect(allocation.infeasible.map(\.constraint) == [.latency])
        #expect(allocation.infeasible.map(\.model) == ["x"])
        #expect(
            allocation.infeasible.map(\.reason) == [
                "model x: its fastest point takes 31 ms, the constraint is 25 ms"
            ])
        #expect(allocation.models.map(\.preferredPoint) == [0, 1])
        #expect(allocation.models.map(\.highestPoint) == [0, 1])
    }

    @Test func floorAboveWhatTheLatencyAllowsIsNamedAndTheMostAccurateRuns() {
        let request = Instances.request(
            "x", points: [(5, 0.7), (20, 0.85), (40, 0.95)], milliseconds: 25, floor: 0.9)
        let allocation = Allocator.allocate([request], within: CPUBudget(cores: 1, reserve: 0))
        #expect(allocation.infeasible.map(\.constraint) == [.accuracyFloor])
        #expect(
            allocation.infeasible.map(\.reason) == [
                "model x: within 25 ms its accuracy reaches 0.85, the accuracy floor is 0.9"
            ])
        #expect(
            allocation.models == [
                ModelAllocation(model: "x", lowestPoint: 1, highestPoint: 1, preferredPoint: 1, cores: 0.2)
            ])
    }

    @Test func cpuThatDoesNotSufficeIsNamedAndTheCheapestRun() {
        let requests = ["a", "b"].map {
            Instances.request($0, points: [(20, 0.7), (30, 0.8), (50, 0.9)], fps: 20, floor: 0.75)
        }
        let allocation = Allocator.allocate(requests, within: CPUBudget(cores: 1, reserve: 0.2))
        #expect(allocation.infeasible.map(\.constraint) == [.cpu])
        #expect(
            allocation.infeasible.map(\.reason) == [
                "CPU: the cheapest permitted points need 1.2 cores together, the budget is 0.8 "
                    + "(1 cores less 20 % reserve)"
            ])
        #expect(allocation.models.map(\.preferredPoint) == [1, 1])
        #expect(allocation.models.map(\.lowestPoint) == [1, 1])
    }

    @Test func modelWithoutPointsIsNamedAndTheOthersRun() {
        let requests = [Instances.request("a", points: []), Instances.request("b", points: [(1, 0.9)])]
        let allocation = Allocator.allocate(requests, within: CPUBudget(cores: 1, reserve: 0))
        #expect(allocation.infeasible.map(\.constraint) == [.operatingPoints])
        #expect(allocation.models.map(\.model) == ["b"])
    }

    @Test func nothingAskedForIsNothingAllocated() {
        let allocation = Allocator.allocate([], within: CPUBudget(cores: 1, reserve: 0))
        #expect(allocation.models.isEmpty && allocation.infeasible.isEmpty && allocation.objective == 0)
    }
}
