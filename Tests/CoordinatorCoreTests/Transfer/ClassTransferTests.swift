import FleetModel
import SearchSpace
import Testing

@testable import CoordinatorCore

@Suite struct ClassTransferTests {
    private let like = SimulatedClass(name: "like", speed: 1)
    private let alike = SimulatedClass(name: "alike", speed: 0.4, depthwise: 1.1)
    /// Depthwise convolutions cost most there.
    private let other = SimulatedClass(name: "other", speed: 2, depthwise: 30, overhead: 0.02)
    private let new = SimulatedClass(name: "new", speed: 3, depthwise: 1.05, noise: 0.02)

    /// Each has measured 20 subnets.
    private func lenders(_ classes: [SimulatedClass]) throws -> [ClassMeasurements] {
        try classes.flatMap { one in
            let board = try one.board()
            let measured = try SimulatedClass.subnets(20, seed: 5).map { try one.measurement($0, on: board) }
            return ClassMeasurements.all(boards: [board], measured: measured)
        }
    }

    /// On subnets that nobody measured.
    private func errors(
        _ new: SimulatedClass, _ measured: [MeasuredSubnet], _ others: [ClassMeasurements]
    ) throws -> (median: Double, spearman: Double?, within: Double) {
        let unseen = SimulatedClass.subnets(200, seed: 99)
        let own = ClassMeasurements.all(boards: [try new.board()], measured: measured)
        let transfer = ClassTransfer(of: own[0], among: own + others, predicting: unseen)
        let told = try unseen.map { try #require(transfer.expectation(of: $0)) }
        let truth = unseen.map { new.measured($0, by: "x") }
        let relative = zip(told, truth).map { abs($0.milliseconds - $1) / $1 }
        return (
            try #require(RankStatistics.median(relative)), RankStatistics.spearman(told.map(\.milliseconds), truth),
            Double(zip(told, truth).count { $0.contains($1) }) / 200
        )
    }

    @Test func tenMeasurementsAndSimilarClassesPredictTheRest() throws {
        let others = try lenders([like, alike, other])
        let (measured, transfer) = try new.measuredOnRequest(beside: others, board: try new.board())

        #expect((10...20).contains(measured.count) && transfer.measured == measured.count)
        #expect(Set(measured.map { "\($0.configuration)" }).count == measured.count, "nothing is asked for twice")
        let weights = Dictionary(uniqueKeysWithValues: transfer.sources.map { ($0.key.boardClass, $0.weight) })
        let least = min(try #require(weights["like"]), try #require(weights["alike"]))
        #expect(weights["other"] ?? 0 < 0.7 * least, "\(weights)")
        #expect(abs(weights.values.reduce(0, +) - 1) < 1e-9)
        let found = try errors(new, measured, others)
        #expect(found.median < 0.08, "\(found)")
        #expect(try #require(found.spearman) > 0.97, "\(found)")
        #expect(found.within > 0.8, "\(found)")
        // Less is known by a class that nobody lends anything.
        let alone = try errors(new, measured, [])
        #expect(found.median < alone.median, "\(found), \(alone)")
        print(
            "transfer: \(measured.count) measured, median error \(found.median), within \(found.within);",
            "alone \(alone.median); weights \(weights)")
    }

    @Test func whereNobodyIsSimilarTheClassStandsByItself() throws {
        let odd = SimulatedClass(name: "odd", speed: 1, depthwise: 0, overhead: 3)
        let (measured, transfer) = try odd.measuredOnRequest(
            beside: try lenders([other]), board: try odd.board())
        #expect((10...20).contains(measured.count))
        #expect(transfer.refusal == nil && transfer.relativeMargin != nil)
        #expect(transfer.sources.first?.spread ?? 0 > 0.03)
    }

    @Test func theOrderOfMeasurementsChangesNothing() throws {
        let others = try lenders([like, other])
        let board = try new.board()
        let measured = try SimulatedClass.subnets(9, seed: 3).map { try new.measurement($0, on: board) }
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        func transfer(_ measured: [MeasuredSubnet], _ others: [ClassMeasurements]) -> ClassTransfer {
            let own = ClassMeasurements.all(boards: [board], measured: measured)
            return ClassTransfer(of: own[0], among: others + own)
        }
        let first = transfer(measured, others)
        let second = transfer(measured.shuffled(using: &generator), others.reversed())

        #expect(first.next == second.next && first.next != nil, "seed \(seed)")
        #expect(first.checks == second.checks && !first.checks.isEmpty, "seed \(seed)")
        #expect(first.sources == second.sources, "seed \(seed)")
    }

    /// The boards' operating points are no part of the fit: where they lie outside the margin, more is asked for, and
    /// never more than twenty.
    @Test func aMarginThatDoesNotHoldAsksForMore() throws {
        var busy = try new.board()
        for place in busy.models[0].points.indices where place.isMultiple(of: 2) {
            busy.models[0].points[place].latencyMilliseconds *= 2.5
        }
        let (measured, transfer) = try new.measuredOnRequest(
            beside: try lenders([like, alike]), board: busy)
        #expect(measured.count == 20 && transfer.wanted == 20)
        #expect(try #require(transfer.coverage) < ClassTransfer.statedCoverage)
        #expect(measured.count { $0.expected != nil } == 10, "what comes after the first ten is predicted before")
        #expect(transfer.checked == transfer.checks.count + 10)
    }

    @Test func withoutMeasurementsThereIsNoPredictorButSomethingToMeasure() throws {
        let own = ClassMeasurements.all(boards: [try new.board()], measured: [])
        let transfer = ClassTransfer(of: own[0], among: own)
        #expect(transfer.refusal != nil && transfer.next != nil && transfer.coverage == nil)
        let unknown = SubnetConfiguration(resolution: 28, depths: [], kernelSizes: [], expandRatios: [])
        #expect(transfer.expectation(of: unknown) == nil)
    }

    @Test func manyClassesAreBounded() throws {
        let classes = (0..<40).map { SimulatedClass(name: "c\($0)", speed: 1 + 0.1 * Double($0)) }
        let others = try lenders(classes)
        let board = try new.board()
        let measured = try SimulatedClass.subnets(10, seed: 8).map { try new.measurement($0, on: board) }
        let own = ClassMeasurements.all(boards: [board], measured: measured)
        let transfer = ClassTransfer(of: own[0], among: others + own)
        #expect(transfer.sources.count == ClassTransfer.Settings().sources)
    }
}
