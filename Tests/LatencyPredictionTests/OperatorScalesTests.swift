import LatencyPrediction
import SearchSpace
import Testing

@Suite struct OperatorScalesTests {
    private let space = SearchSpace.ofaMobileNetV3
    private let operators: SupernetOperators
    private let table: LatencyTable

    /// A table in which latency is FLOPs and a start-up per operator.
    init() throws {
        operators = try SupernetOperators(.imageNetMobileNetV3Width12)
        var table = LatencyTable(source: .init(boardClass: "b", processor: "cpu"))
        for resolution in space.resolutions {
            let rows = try LatencyTable.requiredOperators(of: operators, space: space, resolution: resolution)
            try table.add(
                Dictionary(
                    uniqueKeysWithValues: rows.map { ($0.latencyKey, .init(mean: 0.2 + Double($0.flops) / 1e7)) }),
                resolution: resolution)
        }
        self.table = table
    }

    /// Random subnets as a board measures them whose operators take `scale` of the table.
    private func measured(
        _ count: Int, noise: Double, seed: UInt64, _ scale: (SubnetOperator) -> Double
    ) throws -> [(subnet: SubnetConfiguration, milliseconds: Double)] {
        var generator = SeededGenerator(seed: seed)
        return try (0..<count).map { _ in
            let subnet = space.sample(using: &generator)
            let milliseconds = try operators.operators(of: subnet).reduce(0.0) {
                $0 + scale($1) * (try table.entry($1.latencyKey, resolution: subnet.resolution).mean)
            }
            return (subnet, milliseconds * (1 + Double.random(in: -noise...noise, using: &generator)))
        }
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func aKernelThatSlowedDownIsFound(seed: UInt64) throws {
        let subnets = try measured(20, noise: 0.01, seed: seed) { $0.kind == .block && $0.kernel == 7 ? 2 : 1 }
        let scales = try #require(OperatorScales(fitting: subnets, to: table, of: operators))
        let (seven, three) = (try #require(scales.groups["kernel 7"]), try #require(scales.groups["kernel 3"]))
        #expect(seven > 1.6 && seven < 2.3, "seed \(seed): \(scales)")
        #expect(three < 1.3, "seed \(seed): \(scales)")
        // New subnets are predicted better than by one factor.
        let (grouped, plain) = (
            try table.prepare(for: space, of: operators, scales: scales),
            try table.prepare(for: space, of: operators, scale: scales.common)
        )
        let others = try measured(50, noise: 0, seed: seed + 100) { $0.kind == .block && $0.kernel == 7 ? 2 : 1 }
        let errors = try [grouped, plain].map { cost in
            try others.reduce(0.0) { $0 + abs(try cost.cost(of: $1.subnet) / $1.milliseconds - 1) }
        }
        #expect(errors[0] < 0.5 * errors[1], "seed \(seed): \(errors)")
    }

    @Test(arguments: [UInt64(1), 2, 3, 4, 5])
    func throttlingIsOneFactor(seed: UInt64) throws {
        let subnets = try measured(20, noise: 0.03, seed: seed) { _ in 1.4 }
        let scales = try #require(OperatorScales(fitting: subnets, to: table, of: operators))
        #expect(scales.groups.isEmpty, "seed \(seed): \(scales)")
        #expect(abs(scales.common - 1.4) < 0.05)
    }

    @Test func fewSubnetsTellOneFactorAndNoneTellsNothing() throws {
        let few = try measured(OperatorScales.fewestSubnets - 1, noise: 0, seed: 1) { $0.kernel == 7 ? 3 : 1 }
        #expect(try #require(OperatorScales(fitting: few, to: table, of: operators)).groups.isEmpty)
        #expect(OperatorScales(fitting: [], to: table, of: operators) == nil)
        let impossible = [Double.nan, 0, -1, .infinity].map { (subnet: space.smallest, milliseconds: $0) }
        #expect(OperatorScales(fitting: impossible, to: table, of: operators) == nil)
    }
}
