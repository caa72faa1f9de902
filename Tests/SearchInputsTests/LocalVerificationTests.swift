import LatencyPrediction
import SearchSpace
import Testing

@testable import SearchInputs

@Suite struct LocalVerificationTests {
    private let space = SearchInputsFixture.space

    /// A machine on which every subnet takes `factor` of what the table says, but those of `stalls` ten times that.
    private func machine(
        _ table: LatencyTable, _ factor: Double, stalls: Set<SubnetConfiguration> = []
    ) throws -> LocalVerification {
        let operators = try SupernetOperators(SearchInputsFixture.architecture)
        return LocalVerification { subnet in
            let milliseconds = try table.predict(subnet, of: operators) * factor * (stalls.contains(subnet) ? 10 : 1)
            return LatencyReading(batches: [0.999, 1, 1.001].map { $0 * milliseconds })
        }
    }

    private func point(_ subnet: SubnetConfiguration, _ limit: Double) -> SearchedPoint {
        SearchedPoint(
            latencyMilliseconds: limit, configuration: subnet, predictedAccuracy: 0.5, predictedLatencyMilliseconds: 1,
            relaxedTo: nil, flops: 1, memoryBytes: 1)
    }

    @Test(arguments: ["gpu", "dsp", LatencyTable.Source.unknownProcessor])
    func aTableOfAnotherProcessorIsNotVerifiedHere(processor: String) {
        #expect {
            try LocalVerification.check(.init(boardClass: "jetson", processor: processor))
        } throws: {
            "\($0)".contains(processor == "unknown" ? "--processor cpu" : "jetson/\(processor)")
        }
    }

    @Test(arguments: ["cpu", "cpu-1"]) func aTableOfACPUIs(processor: String) throws {
        try LocalVerification.check(.init(boardClass: "jetson", processor: processor))
    }

    /// Twice as slow or fast as the table: measured on a few subnets, one of which may have met a stall.
    @Test(arguments: [0.5, 2, 1.3], [false, true]) func aCommonFactorIsFound(factor: Double, stalls: Bool) throws {
        let (table, operators) = try (
            SearchInputsFixture.table(), SupernetOperators(SearchInputsFixture.architecture)
        )
        var generator = SeededGenerator(seed: 5)
        let subnets = (0..<3).map { _ in space.sample(using: &generator) }
        var verification = try machine(table, factor, stalls: stalls ? [subnets[0]] : [])
        let (scales, measurements) = try verification.scales(
            of: table, space: space, operators: operators, points: subnets.map { point($0, 10) })
        let found = try #require(scales)
        #expect(abs(found.common / factor - 1) < 1e-9 && found.groups.isEmpty)
        #expect((3...5).contains(measurements))

        // By the table as it is multiplied then, a point at its best candidate is verified at once.
        let cost = try table.prepare(for: space, of: operators, scales: found)
        try verification.begin(predictedBy: cost)
        let best = subnets[2]
        let predicted = try cost.cost(of: best)
        var checked = point(best, predicted * 1.05)
        try verification.verify(
            &checked, [PredictedSubnet(configuration: best, accuracy: 0.6, latencyMilliseconds: predicted)])
        #expect(checked.verified == true && checked.predictedAccuracy == 0.6)
    }

    @Test func aTableThatIsRightStays() throws {
        let (table, operators) = try (
            SearchInputsFixture.table(), SupernetOperators(SearchInputsFixture.architecture)
        )
        var verification = try machine(table, 1.02)
        let (scales, _) = try verification.scales(
            of: table, space: space, operators: operators, points: [point(space.smallest, 10)])
        #expect(scales == nil)
    }

    @Test func whatKeepsNoConstraintIsNotVerifiedAndSaysWhy() throws {
        let table = try SearchInputsFixture.table()
        var verification = try machine(table, 3)
        var checked = point(space.smallest, 0.1)
        try verification.verify(
            &checked, [PredictedSubnet(configuration: space.smallest, accuracy: 0.5, latencyMilliseconds: 0.09)])
        #expect(checked.verified == false && checked.reason?.hasPrefix("the fastest of 1 measured subnets") == true)
    }
}
