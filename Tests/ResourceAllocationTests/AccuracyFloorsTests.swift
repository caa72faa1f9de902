import FleetModel
import ResourceAllocation
import SearchSpace
import Testing

@Suite struct AccuracyFloorsTests {
    @Test func theFloorOfLeastPriorityIsGivenUpFirst() {
        let low = Instances.request("low", points: [(3, 0.7), (30, 0.8)], fps: 30, floor: 0.8, priority: 1)
        let high = Instances.request("high", points: [(4, 0.7), (6, 0.95)], fps: 30, floor: 0.9, priority: 100)
        let allocation = Allocator.allocate([low, high], within: BoardBudget(cores: 1, reserve: 0))
        #expect(allocation.infeasible.map(\.constraint) == [.cpu, .accuracyFloor])
        #expect(allocation.infeasible.map(\.model) == [nil, "low"])
        #expect(allocation.models.map(\.model) == ["high", "low"])
        #expect(allocation.models.map(\.preferredPoint) == [1, 0])
        #expect(allocation.models.map(\.lowestPoint) == [1, 0])
    }

    /// A floor that the board cannot keep whatever the others run costs no other model its own.
    @Test func aFloorOutOfTheBoardsReachCostsNoOther() {
        let low = Instances.request("low", points: [(1, 0.7), (15, 0.8)], floor: 0.8, priority: 1)
        var high = Instances.request(
            "high", points: [(1, 0.5), (38, 0.6), (50, 0.9)], fps: 10, floor: 0.9, priority: 100)
        high.points[2].demand = PointDemand(cpuMilliseconds: 500)
        let allocation = Allocator.allocate([low, high], within: BoardBudget(cores: 0.6, reserve: 0))
        #expect(allocation.models.map(\.model) == ["high", "low"])
        #expect(allocation.models.map(\.preferredPoint) == [1, 1])
        #expect(allocation.infeasible.map(\.model) == [nil, "high"])
        #expect(
            allocation.infeasible.last?.reason
                == "model high: beside the others its accuracy is 0.6, the accuracy floor is 0.9; with it CPU: the "
                + "cheapest permitted points need 5.15 cores together, the budget is 0.6 (0.6 cores less 0 % reserve)")
    }

    /// Two floors of equal priority are kept rather than one that leaves no room for them.
    @Test func ofEqualPriorityAsManyAsPossibleAreKept() {
        let requests = ["a", "b", "c"].map { name in
            Instances.request(name, points: [(1, 0.7), (name == "a" ? 70 : 30, 0.8)], floor: 0.8)
        }
        let allocation = Allocator.allocate(requests, within: BoardBudget(cores: 0.75, reserve: 0))
        #expect(allocation.models.map(\.preferredPoint) == [0, 1, 1])
        #expect(allocation.infeasible.map(\.model) == [nil, "a"])
    }

    @Test func whereNothingFitsEveryBrokenFloorIsNamed() {
        let requests = ["a", "b"].map { Instances.request($0, points: [(40, 0.7), (60, 0.8)], floor: 0.75) }
        let allocation = Allocator.allocate(requests, within: BoardBudget(cores: 0.5, reserve: 0))
        #expect(allocation.models.map(\.preferredPoint) == [0, 0])
        #expect(allocation.infeasible.map(\.model) == [nil, "a", "b"])
    }

    /// Against trying every set of floors: what is kept counts by priority first, and then by number.
    @Test(arguments: [UInt64(1), 2, .random(in: 0...UInt64.max)])
    func keepsWhatEverySetOfFloorsTriedSays(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var givenUp = 0
        for _ in 0..<200 {
            let requests = (0..<Int.random(in: 2...5, using: &generator)).map { index in
                Instances.request(
                    "m\(index)",
                    points: (0..<3).map { (.random(in: 5...60, using: &generator), 0.5 + 0.1 * Double($0)) },
                    floor: [0.5, 0.6, 0.7].randomElement(using: &generator),
                    priority: .random(in: 1...3, using: &generator))
            }
            let budget = BoardBudget(cores: .random(in: 0.3...1.2, using: &generator), reserve: 0)
            let allocation = Allocator.allocate(requests, within: budget)
            let kept = zip(requests, allocation.models).map { request, model in
                request.points[model.preferredPoint].accuracy >= (request.policy.accuracyFloor ?? 0) - 1e-9
            }
            /// How many floors of each priority are kept, the highest first.
            func counts(_ kept: [Bool]) -> [Int] {
                (1...3).reversed().map { priority in
                    zip(requests, kept).count { $0.policy.priority == priority && $1 }
                }
            }
            func least(_ request: AllocationRequest, _ isKept: Bool) -> Double {
                let floor = isKept ? (request.policy.accuracyFloor ?? 0) - 1e-9 : 0
                let fitting = request.points.filter { $0.accuracy >= floor }
                return (fitting.map(\.latencyMilliseconds).min() ?? .infinity) * request.framesPerSecond / 1_000
            }
            let sets = (0..<1 << requests.count).map { set in requests.indices.map { set >> $0 & 1 == 1 } }
            let fitting = sets.filter { set in
                zip(requests, set).reduce(0) { $0 + least($1.0, $1.1) } <= budget.cores
            }
            guard let best = fitting.map(counts).max(by: { $0.lexicographicallyPrecedes($1) }) else { continue }
            let named = Set(allocation.infeasible.compactMap(\.model))
            #expect(named == Set(zip(requests, kept).filter { !$1 }.map(\.0.policy.model)), "seed \(seed)")
            // Of lower priorities fewer may be left: which floors of the first leave most is judged all at once.
            #expect(counts(kept).first == best.first, "seed \(seed)")
            let more = requests.indices.filter { !kept[$0] }.filter { index in
                let set = kept.indices.map { kept[$0] || $0 == index }
                return zip(requests, set).reduce(0) { $0 + least($1.0, $1.1) } <= budget.cores
            }
            #expect(more.isEmpty, "seed \(seed): floors given up for nothing")
            if !named.isEmpty { givenUp += 1 }
        }
        #expect(givenUp > 10, "seed \(seed): \(givenUp)")
    }
}
