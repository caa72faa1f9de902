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
            let budget = BoardBudget(cores: .random(in: 0.2...2, using: &generator), reserve: 0.2)

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
        // What does not fit together costs floors, whose envelopes begin lower.
        guard allocation.infeasible.allSatisfy({ $0.model != nil }) else { return }
        let refused = Set(allocation.infeasible.compactMap(\.model))
        for request in requests where !refused.contains(request.policy.model) {
            guard let model = allocation.models.first(where: { $0.model == request.policy.model }) else { continue }
            #expect((model.lowestPoint...model.highestPoint).contains(model.preferredPoint), "seed \(seed)")
            for (index, point) in request.points.enumerated() {
                #expect(
                    (model.lowestPoint...model.highestPoint).contains(index) == Instances.permits(request, point),
                    "seed \(seed)")
            }
        }
    }

    @Test func orderOfRequestsPlaysNoPart() {
        var generator = SeededGenerator(seed: 7)
        let requests = Instances.requests(models: 6, points: 10, using: &generator)
        let budget = BoardBudget(cores: 1.5, reserve: 0.1)
        let expected = Allocator.allocate(requests, within: budget)
        for _ in 0..<20 {
            #expect(Allocator.allocate(requests.shuffled(using: &generator), within: budget) == expected)
        }
    }

    @Test func equalAccuracyGoesToLessCPUTime() {
        let request = Instances.request("m", points: [(1, 0.9), (2, 0.9), (3, 0.9)])
        let allocation = Allocator.allocate([request], within: BoardBudget(cores: 1, reserve: 0))
        #expect(allocation.models.first?.preferredPoint == 0)
        #expect(allocation.models.first?.highestPoint == 2)
    }

    @Test func scarceTimeGoesToThePriority() {
        let points = [(10.0, 0.5), (20.0, 0.9)]
        let requests = [
            Instances.request("a", points: points, priority: 1), Instances.request("b", points: points, priority: 2),
        ]
        let allocation = Allocator.allocate(requests, within: BoardBudget(cores: 0.3, reserve: 0))
        #expect(allocation.models.map(\.preferredPoint) == [0, 1])
        #expect(abs(allocation.objective - 2.3) < 1e-12)
    }

    @Test func budgetIsUsedToTheLastBit() {
        let requests = ["a", "b", "c"].map { Instances.request($0, points: [(10, 0.5), (20, 0.9)], fps: 10) }
        let allocation = Allocator.allocate(requests, within: BoardBudget(cores: 0.6, reserve: 0))
        #expect(allocation.models.map(\.preferredPoint) == [1, 1, 1])
    }

    @Test func latencyThatNoPointMeetsIsNamedAndTheFastestRuns() {
        let requests = [
            Instances.request("x", points: [(31, 0.8), (40, 0.9)], milliseconds: 25),
            Instances.request("y", points: [(5, 0.8), (9, 0.9)], milliseconds: 25),
        ]
        let allocation = Allocator.allocate(requests, within: BoardBudget(cores: 1, reserve: 0.2))
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
        let allocation = Allocator.allocate([request], within: BoardBudget(cores: 1, reserve: 0))
        #expect(allocation.infeasible.map(\.constraint) == [.accuracyFloor])
        #expect(
            allocation.infeasible.map(\.reason) == [
                "model x: within 25 ms its accuracy reaches 0.85, the accuracy floor is 0.9"
            ])
        #expect(
            allocation.models == [
                ModelAllocation(
                    model: "x", lowestPoint: 0, highestPoint: 1, preferredPoint: 1, cores: 0.2, latencyMilliseconds: 20)
            ])
    }

    @Test func cpuThatDoesNotSufficeIsNamedAndTheCheapestRun() {
        let requests = ["a", "b"].map {
            Instances.request($0, points: [(20, 0.7), (30, 0.8), (50, 0.9)], fps: 20, floor: 0.75)
        }
        let allocation = Allocator.allocate(requests, within: BoardBudget(cores: 1, reserve: 0.2))
        #expect(allocation.infeasible.map(\.constraint) == [.cpu, .accuracyFloor, .accuracyFloor])
        #expect(
            allocation.infeasible.first?.reason
                == "CPU: the cheapest permitted points need 1.2 cores together, the budget is 0.8 "
                + "(1 cores less 20 % reserve)")
        // Better below the floor than late.
        #expect(allocation.models.map(\.preferredPoint) == [0, 0])
        #expect(allocation.models.map(\.highestPoint) == [2, 2])
    }

    /// Where all points break a limit alike, what else they are decides, and every limit that is broken is named.
    @Test(arguments: [[0, 1, 2], [2, 1, 0], [1, 2, 0]]) func pointsThatBreakALimitAlikeAreToldApart(order: [Int]) {
        let points = [(5.0, 0.5), (7.0, 0.7), (9.0, 0.9)]
        var request = Instances.request("x", points: order.map { points[$0] })
        (request.policy.memoryBytes, request.memoryBytes) = (10, 20)
        let allocation = Allocator.allocate([request], within: BoardBudget(cores: 1, reserve: 0))
        #expect(allocation.infeasible.map(\.constraint) == [.memory])
        #expect(allocation.models.map(\.preferredPoint) == [order.firstIndex(of: 2)])
        request.policy.accuracyFloor = 0.95
        let floored = Allocator.allocate([request], within: BoardBudget(cores: 1, reserve: 0))
        #expect(floored.infeasible.map(\.constraint) == [.memory, .accuracyFloor])
        #expect(floored.models == allocation.models)
    }

    @Test func aFloorIsNamedBesideTheLimitThatBreaksIt() {
        let late = Instances.request("x", points: [(6, 0.5), (8, 0.9)], milliseconds: 5, floor: 0.8)
        let found = Allocator.allocate([late], within: BoardBudget(cores: 1, reserve: 0))
        #expect(
            found.infeasible.map(\.reason) == [
                "model x: its fastest point takes 6 ms, the constraint is 5 ms",
                "model x: nearest to its constraint of 5 ms its accuracy reaches 0.5, the accuracy floor is 0.8",
            ])
        #expect(found.models.map(\.preferredPoint) == [0])
        let frequent = Instances.request("x", points: [(6, 0.5), (8, 0.9)], fps: 200, floor: 0.8)
        let named = Allocator.allocate([frequent], within: BoardBudget(cores: 4, reserve: 0)).infeasible
        #expect(named.map(\.constraint) == [.frameRate, .accuracyFloor])
    }

    /// Too little CPU time is no reason to run out of memory as well.
    @Test func whatSufficesIsNotOverdrawnForWhatIsShort() {
        let requests = ["a", "b"].map { name in
            var request = Instances.request(name, points: [(60, 0.8), (70, 0.8)])
            for (index, bytes) in [UInt64(100), 10].enumerated() {
                request.points[index].demand = PointDemand(memoryBytes: bytes)
            }
            return request
        }
        let scarce = Allocator.allocate(requests, within: BoardBudget(cores: 1, reserve: 0, memoryBytes: 100))
        #expect(scarce.infeasible.map(\.constraint) == [.cpu])
        #expect(scarce.models.map(\.preferredPoint) == [1, 1])
        let ample = Allocator.allocate(requests, within: BoardBudget(cores: 1, reserve: 0, memoryBytes: 200))
        #expect(ample.models.map(\.preferredPoint) == [0, 0])
    }

    /// A board cannot run the large model even alone. Its frames give way to those of what is as important or more.
    @Test(arguments: [1, 100, 101]) func whatNeverFitsTakesNothingFromTheMoreImportant(priority: Int) {
        let large = Instances.request("large", points: [(200, 0.6), (400, 0.9)], priority: priority)
        let small = Instances.request("small", points: [(1, 0.6), (5, 0.95)], floor: 0.9, priority: 100)
        let allocation = Allocator.allocate([large, small], within: BoardBudget(cores: 1, reserve: 0))
        let givesWay = priority <= 100
        #expect(allocation.models.map(\.preferredPoint) == [0, givesWay ? 1 : 0])
        #expect(
            allocation.infeasible.map(\.constraint)
                == (givesWay ? [.frameRate, .cpu] : [.frameRate, .cpu, .accuracyFloor]))
    }

    /// A floor out of reach takes nothing from the other models.
    @Test func aFloorOutOfReachLeavesRoomForTheOthers() {
        let low = Instances.request("low", points: [(3, 0.7), (30, 0.8)], fps: 30, floor: 0.81, priority: 1)
        let high = Instances.request("high", points: [(4, 0.7), (6, 0.95)], fps: 30, priority: 100)
        let allocation = Allocator.allocate([low, high], within: BoardBudget(cores: 1, reserve: 0))
        #expect(allocation.infeasible.map(\.constraint) == [.accuracyFloor])
        #expect(allocation.models.map(\.preferredPoint) == [1, 0])
        #expect(allocation.models.map(\.lowestPoint) == [0, 0])
    }

    /// Boards may run any point between the ends of the envelope.
    @Test func envelopesHoldNoPointThatIsForbidden() {
        var request = Instances.request("m", points: [(1, 0.5), (2, 0.6), (3, 0.7), (4, 0.8), (5, 0.9)])
        request.policy.energyMillijoules = 40
        for (index, energy) in [10.0, 90, 20, 30, 95].enumerated() {
            request.points[index].demand = PointDemand(energyMillijoules: energy)
        }
        let allocation = Allocator.allocate([request], within: BoardBudget(cores: 1, reserve: 0))
        #expect(allocation.models.map(\.preferredPoint) == [3])
        #expect(allocation.models.map(\.lowestPoint) == [2])
        #expect(allocation.models.map(\.highestPoint) == [3])
    }

    @Test func whatIsShortIsNamed() {
        let request = Instances.request("m", points: [(10, 0.5), (20, 0.9)])
        func named(_ change: (inout AllocationRequest) -> Void, _ budget: BoardBudget) -> [Infeasibility] {
            var changed = request
            change(&changed)
            return Allocator.allocate([changed], within: budget).infeasible
        }
        let board = BoardBudget(cores: 4, reserve: 0, memoryBytes: 100, watts: 1)
        let cases: [(Infeasibility.Constraint, (inout AllocationRequest) -> Void, BoardBudget)] = [
            (.frameRate, { $0.framesPerSecond = 101 }, board),
            (.cpuShare, { $0.policy.cpuShare = 0.01 }, board),
            (.memory, { ($0.memoryBytes, $0.policy.memoryBytes) = (50, 40) }, board),
            (.memory, { $0.memoryBytes = 101 }, board),
            (
                .energy,
                {
                    for index in $0.points.indices { $0.points[index].demand = PointDemand(energyMillijoules: 5) }
                    $0.policy.energyMillijoules = 4
                }, board
            ),
            (
                .power,
                { for index in $0.points.indices { $0.points[index].demand = PointDemand(energyMillijoules: 101) } },
                board
            ),
            (.cpu, { _ in }, BoardBudget(cores: 0.09, reserve: 0)),
        ]
        for (constraint, change, budget) in cases {
            #expect(named(change, budget).map(\.constraint) == [constraint])
        }
    }

    /// Each resource suffices alone: the small point needs memory, the large one CPU time.
    @Test func resourcesThatAreShortOnlyTogetherAreNamed() {
        var request = Instances.request("m", points: [(10, 0.5), (20, 0.9)])
        request.points[0].demand = PointDemand(memoryBytes: 100)
        let allocation = Allocator.allocate(
            [request], within: BoardBudget(cores: 0.15, reserve: 0, memoryBytes: 50, watts: 5))
        #expect(allocation.infeasible.map(\.constraint) == [.combined])
        #expect(allocation.infeasible.first?.reason.hasPrefix("cpu and memory:") == true)
        #expect(allocation.models.count == 1)
    }

    @Test func percentileAndNeighboursLengthenLatencies() {
        var request = Instances.request("m", points: [(10, 0.5), (11, 0.9)], fps: 10, milliseconds: 13)
        request.points[1].demand = PointDemand(percentiles: [
            LatencyConstraint(milliseconds: 12, percentile: 95), LatencyConstraint(milliseconds: 14, percentile: 99),
        ])
        let budget = BoardBudget(cores: 1, reserve: 0)
        #expect(Allocator.allocate([request], within: budget).models.map(\.preferredPoint) == [0])
        request.policy.latency.percentile = 90
        #expect(Allocator.allocate([request], within: budget).models.map(\.latencyMilliseconds) == [12])
        request.slowdown = 1.2
        let slowed = Allocator.allocate([request], within: budget).models
        #expect(slowed.map(\.preferredPoint) == [0])
        #expect(abs((slowed.first?.cores ?? 0) - 0.12) < 1e-12)
    }

    /// Figures that vary by less than the slack move neither the point nor the envelope; a real change does.
    @Test(arguments: [UInt64(1), 2, 13_213_287_820_446_717_425, .random(in: 0...UInt64.max)])
    func noiseDoesNotMovePoints(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var rejudged = 0
        for _ in 0..<100 {
            let requests = Instances.requests(models: 3, points: 12, using: &generator)
            let budget = BoardBudget(cores: 1.2, reserve: 0.1)
            let first = Allocator.allocate(requests, within: budget)
            guard first.infeasible.isEmpty else { continue }
            let incumbents = Dictionary(
                uniqueKeysWithValues: first.models.map {
                    (
                        $0.model,
                        Allocator.Incumbent(
                            envelope: $0.lowestPoint...$0.highestPoint, preferredPoint: $0.preferredPoint)
                    )
                })
            let noisy = requests.map { request in
                var changed = request
                for index in changed.points.indices {
                    changed.points[index].latencyMilliseconds *= .random(in: 0.98...1.02, using: &generator)
                }
                return changed
            }
            let second = Allocator.allocate(noisy, within: budget, keeping: incumbents)
            func envelopes(_ allocation: Allocation) -> [[Int]] {
                allocation.models.map { [$0.lowestPoint, $0.highestPoint] }
            }
            #expect(envelopes(first) == envelopes(second), "seed \(seed)")
            let weights = requests.reduce(0) { $0 + Double($1.policy.priority) }
            let isSame = second.models.map(\.preferredPoint) == first.models.map(\.preferredPoint)
            #expect(isSame || second.objective - first.objective >= 0.002 * weights, "seed \(seed)")
            if Allocator.allocate(noisy, within: budget).models.map(\.preferredPoint)
                != first.models.map(\.preferredPoint)
            {
                rejudged += 1
            }
            var tripled = noisy
            for index in tripled.indices { tripled[index].framesPerSecond *= 3 }
            let third = Allocator.allocate(tripled, within: budget, keeping: incumbents)
            #expect(!third.infeasible.isEmpty || third.cores <= budget.usableCores * 1.03 + 1e-9, "seed \(seed)")
        }
        #expect(rejudged > 5, "seed \(seed): noise would have moved \(rejudged)")
    }

    /// A better point that another limit rules out is not passed over in silence, and figures that differ are told
    /// apart.
    @Test(arguments: [
        ("memory", "the smallest point within 10 ms takes 10000000 bytes, its limit is 5000000"),
        ("cpuShare", "the point of least CPU time within 10 ms takes 0.6 cores, its share is 0.2 (20 % of 1)"),
        ("energy", "the point of least energy within 10 ms takes 30.0004 mJ per frame, its limit is 30 mJ"),
        ("both", "the smallest point within 10 ms and within its share of 0.2 cores takes 300 bytes, its limit is 50"),
        ("neither", "the smallest point takes 1000 bytes, its limit is 500"),
    ])
    func whatBarsABetterPointIsNamed(limit: String, sentence: String) {
        func point(_ milliseconds: Double, cpu: Double, bytes: UInt64, energy: Double) -> OperatingPoint {
            var point = Instances.request("m", points: [(milliseconds, 0.9)]).points[0]
            point.demand = PointDemand(cpuMilliseconds: cpu, memoryBytes: bytes, energyMillijoules: energy)
            return point
        }
        var request = Instances.request("m", points: [(5, 0.9)], milliseconds: 10)
        request.points = [
            point(5, cpu: 60, bytes: 10_000_000, energy: 30.0004), point(50, cpu: 10, bytes: 1_000, energy: 1),
        ]
        switch limit {
        case "memory": request.policy.memoryBytes = 5_000_000
        case "cpuShare": request.policy.cpuShare = 0.2
        case "energy": request.policy.energyMillijoules = 30
        case "both":
            (request.policy.memoryBytes, request.policy.cpuShare) = (50, 0.2)
            request.points += [
                point(5, cpu: 20, bytes: 300, energy: 1), point(5, cpu: 60, bytes: 200, energy: 1),
                point(50, cpu: 20, bytes: 100, energy: 1),
            ]
        default:
            request.policy.memoryBytes = 500
            request.points[1].latencyMilliseconds = 6
        }
        let found = Allocator.allocate([request], within: BoardBudget(cores: 1, reserve: 0)).infeasible
        #expect(found.map(\.reason) == ["model m: \(sentence)"])
    }

    @Test func modelWithoutPointsIsNamedAndTheOthersRun() {
        let requests = [Instances.request("a", points: []), Instances.request("b", points: [(1, 0.9)])]
        let allocation = Allocator.allocate(requests, within: BoardBudget(cores: 1, reserve: 0))
        #expect(allocation.infeasible.map(\.constraint) == [.operatingPoints])
        #expect(allocation.models.map(\.model) == ["b"])
    }

    @Test func nothingAskedForIsNothingAllocated() {
        let allocation = Allocator.allocate([], within: BoardBudget(cores: 1, reserve: 0))
        #expect(allocation.models.isEmpty && allocation.infeasible.isEmpty && allocation.objective == 0)
    }

    /// The accurate point keeps every limit but one: that one is named, and no other.
    @Test(arguments: ["latency", "energy", "memory", "cpuShare", "none"])
    func theLimitThatBarsTheFloorIsNamed(limit: String) {
        func point(_ accuracy: Double, _ milliseconds: Double, _ demand: PointDemand) -> OperatingPoint {
            OperatingPoint(
                configuration: .init(resolution: 0, depths: [], kernelSizes: [], expandRatios: []), accuracy: accuracy,
                latencyMilliseconds: milliseconds, flops: 0, demand: demand)
        }
        let small = PointDemand(cpuMilliseconds: 1, memoryBytes: 10, energyMillijoules: 10)
        let large = PointDemand(
            cpuMilliseconds: limit == "cpuShare" ? 20 : 1, memoryBytes: limit == "memory" ? 100 : 10,
            energyMillijoules: limit == "energy" ? 100 : 10)
        let request = AllocationRequest(
            policy: ModelPolicy(
                model: "m", latency: LatencyConstraint(milliseconds: 25, percentile: 95),
                accuracyFloor: limit == "none" ? 0.95 : 0.9, priority: 10, cpuShare: 0.1, memoryBytes: 50,
                energyMillijoules: 40),
            points: [point(0.8, 5, small), point(0.9, limit == "latency" ? 30 : 6, large)], framesPerSecond: 10)
        let found = Allocator.allocate([request], within: BoardBudget(cores: 1, reserve: 0)).infeasible
        let phrase = [
            "latency": "within 25 ms ", "energy": "within 40 mJ per frame ", "memory": "within 50 bytes ",
            "cpuShare": "within its share of 0.1 cores ", "none": "",
        ]
        let (reached, floor) = limit == "none" ? ("0.9", "0.95") : ("0.8", "0.9")
        #expect(found.map(\.constraint) == [.accuracyFloor])
        #expect(
            found.map(\.reason) == [
                "model m: \(phrase[limit] ?? "?")its accuracy reaches \(reached), the accuracy floor is \(floor)"
            ])
    }
}
