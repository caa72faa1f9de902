import FleetModel
import SearchSpace
import Testing

@testable import ResourceAllocation

@Suite struct JointEnvelopesTests {
    /// Two models that fit alone, and together only while one of them stays low.
    private func requests(millijoules: [Double]) -> [AllocationRequest] {
        ["a", "b"].map { name in
            var request = Instances.request(
                name, points: millijoules.indices.map { (1 + Double($0) / 10, 0.5 + 0.1 * Double($0)) })
            for (index, energy) in millijoules.enumerated() {
                request.points[index].demand = PointDemand(memoryBytes: UInt64(energy * 10), energyMillijoules: energy)
            }
            return request
        }
    }

    @Test func boardsStayWithinPowerWhateverTheyRun() {
        // 10 frames a second: 10 to 250 mW each.
        let requests = requests(millijoules: [1, 3, 6, 12, 25])
        let narrow = Allocator.allocate(requests, within: BoardBudget(cores: 4, reserve: 0, watts: 0.2))
        #expect(narrow.infeasible.isEmpty)
        let tops = narrow.models.map { requests[0].watts(at: $0.highestPoint) }
        #expect(tops.reduce(0, +) <= 0.2 + 1e-9 && narrow.models.allSatisfy { $0.lowestPoint == 0 })
        let wide = Allocator.allocate(requests, within: BoardBudget(cores: 4, reserve: 0, watts: 0.5))
        #expect(wide.models.map(\.highestPoint) == [4, 4])
    }

    @Test func aReserveThatWasSaidIsKeptAndAUsualOneIsTheManagers() {
        let requests = requests(millijoules: [1, 1, 1, 1, 1])
        // The points take 0.01 to 0.014 cores each.
        let said = BoardBudget(cores: 1, reserve: 0.976, isReserveKept: true)
        let kept = Allocator.allocate(requests, within: said).models
        #expect(kept.map { requests[0].cores(at: $0.highestPoint) }.reduce(0, +) <= 0.024 + 1e-9)
        let usual = Allocator.allocate(requests, within: BoardBudget(cores: 1, reserve: 0.976)).models
        #expect(usual.map(\.preferredPoint) == kept.map(\.preferredPoint))
        #expect(usual.map(\.highestPoint) == [4, 4])
    }

    /// Whatever points boards choose within their envelopes, memory, power and the reserve are kept; and no envelope
    /// could be wider by a point.
    @Test(arguments: [UInt64(1), 2, 3, .random(in: 0...UInt64.max)])
    func envelopesKeepTheBudgetsTogether(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var bounded = 0
        for _ in 0..<100 {
            var requests = Instances.requests(models: 3, points: 6, using: &generator)
            for model in requests.indices {
                requests[model].policy.accuracyFloor = nil
                for point in requests[model].points.indices {
                    requests[model].points[point].demand = PointDemand(
                        memoryBytes: .random(in: 0...100, using: &generator),
                        energyMillijoules: .random(in: 0...40, using: &generator))
                }
            }
            let budget = BoardBudget(
                cores: 2, reserve: .random(in: 0...0.6, using: &generator), isReserveKept: true,
                memoryBytes: .random(in: 50...300, using: &generator), watts: .random(in: 0.3...3, using: &generator))
            let allocation = Allocator.allocate(requests, within: budget)
            guard allocation.infeasible.isEmpty else { continue }
            func dearest(_ range: (String) -> ClosedRange<Int>) -> MultipleChoiceKnapsack.Costs {
                requests.reduce(.zero) { sum, request in
                    sum + range(request.policy.model).reduce(.zero) { pointwiseMax($0, request.costs(at: $1)) }
                }
            }
            let envelopes = Dictionary(
                uniqueKeysWithValues: allocation.models.map { ($0.model, $0.lowestPoint...$0.highestPoint) })
            let capacity = budget.capacity + 1e-6
            #expect(all(dearest { envelopes[$0] ?? 0...0 } .<= capacity), "seed \(seed)")
            for request in requests {
                let name = request.policy.model
                guard let own = envelopes[name], own.upperBound < request.points.count - 1,
                    Instances.permits(request, request.points[own.upperBound + 1])
                else { continue }
                bounded += 1
                let wider = dearest { $0 == name ? own.lowerBound...own.upperBound + 1 : envelopes[$0] ?? 0...0 }
                #expect(!all(wider .<= budget.capacity - 1e-6), "seed \(seed)")
            }
        }
        #expect(bounded > 10, "seed \(seed): \(bounded) envelopes were bounded")
    }

    @Test func envelopesInForceStayWhileOnlyNoiseIsAgainstThem() {
        var requests = requests(millijoules: [1, 1, 1, 1, 1])
        let budget = BoardBudget(cores: 1, reserve: 0.976, isReserveKept: true)
        let first = Allocator.allocate(requests, within: budget)
        let incumbents = Dictionary(
            uniqueKeysWithValues: first.models.map {
                (
                    $0.model,
                    Allocator.Incumbent(
                        envelope: $0.lowestPoint...$0.highestPoint, preferredPoint: $0.preferredPoint)
                )
            })
        for index in requests[0].points.indices { requests[0].points[index].latencyMilliseconds *= 1.02 }
        let second = Allocator.allocate(requests, within: budget, keeping: incumbents)
        #expect(second.models.map(\.highestPoint) == first.models.map(\.highestPoint))
        #expect(second.models.map(\.lowestPoint) == first.models.map(\.lowestPoint))
    }
}
