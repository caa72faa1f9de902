import SearchSpace
import Testing

@testable import LatencyPrediction

@Suite struct SubnetFeaturesTests {
    private static func subnet(_ generator: inout SeededGenerator) -> SubnetConfiguration {
        func some(_ count: Int, _ values: [Int]) -> [Int] {
            (0..<count).map { _ in values[Int.random(in: 0..<values.count, using: &generator)] }
        }
        return SubnetConfiguration(
            resolution: some(1, [160, 192, 224])[0], depths: some(5, [2, 3, 4]), kernelSizes: some(20, [3, 5, 7]),
            expandRatios: some(20, [3, 4, 6]))
    }

    private static func json(_ subnet: SubnetConfiguration) -> String {
        func field(_ name: String, _ values: [Int]) -> String { ",\"\(name)\":\(values)" }
        return "{\"resolution\":\(subnet.resolution)" + field("depths", subnet.depths)
            + field("kernelSizes", subnet.kernelSizes) + field("expandRatios", subnet.expandRatios) + "}"
    }

    /// 400 subnets, the first 200 for six sources, the others for three more boards. A board's latency is launches, and
    /// work by kernel size, with noise of 2 %.
    private static let tables: (sources: BoardMeasurements, target: BoardMeasurements) = {
        var generator = SeededGenerator(seed: 31)
        let subnets = (0..<400).map { _ in subnet(&generator) }
        let prices = (0..<9).map { _ in (0..<3).map { _ in Double.random(in: 0.5...2, using: &generator) } }
        func table(_ part: Range<Int>, _ boards: Range<Int>) -> BoardMeasurements {
            var table = BoardMeasurements(architectures: subnets[part].map { "\($0)" })
            for board in boards {
                let column = subnets[part].map { subnet in
                    let pixels = Double(subnet.resolution * subnet.resolution) / 1e4
                    let sum = subnet.blocks.joined().reduce(1.0) { sum, block in
                        let price = prices[board][(block.kernelSize - 3) / 2]
                        let weight = 1 + Double(block.kernelSize * block.kernelSize) / 50
                        return sum + 0.5 + price * pixels * Double(block.expandRatio) * weight
                    }
                    return sum * (1 + Double.random(in: -0.02...0.02, using: &generator))
                }
                table.add(board: "b\(board)", latencies: column)
            }
            return table
        }
        return (table(0..<200, 0..<6), table(200..<400, 6..<9))
    }()

    /// None of the target's subnets was measured by a source.
    @Test func subnetsThatNoSourceRanAreOrderedByTheirStructure() throws {
        let (sources, target) = Self.tables
        let space = TransferSpace(sources: [sources], architectures: target.architectures)
        #expect(space.screen.space == .subnets(stages: 5))
        let draws = try (0..<9).map {
            try TransferEvaluation(space: space, target: target, board: $0 % 3, samples: 10, seed: UInt64($0))
        }
        #expect(draws.allSatisfy { ($0.spearman ?? 0) > 0.95 && $0.medianRelativeError < 0.05 }, "\(draws)")
        let coverage = draws.map(\.coverage).reduce(0, +) / 9
        #expect(coverage > 0.75 && coverage < 0.98, "seeds 0 to 8: \(coverage)")
    }

    /// What stands at positions beyond a stage's depth is neither read nor kept.
    @Test func positionsThatAreNotUsedPlayNoPart() throws {
        var generator = SeededGenerator(seed: 3)
        let subnets = (0..<40).map { _ in Self.subnet(&generator) }
        let changed = subnets.map { subnet in
            var other = subnet
            for stage in 0..<5 {
                for place in other.depths[stage]..<4 {
                    (other.kernelSizes[4 * stage + place], other.expandRatios[4 * stage + place]) = (9, 9)
                }
            }
            return other
        }
        let plain = ArchitectureFeatures(subnets.map(Self.json))
        let other = ArchitectureFeatures(changed.map(Self.json))
        #expect(plain.encoding == .subnets && plain.choices.columns > 0)
        #expect(plain.choices.values == other.choices.values && plain.counts.values == other.counts.values)
        #expect(plain.operators.values == other.operators.values)

        func csv(_ subnets: [SubnetConfiguration]) -> String {
            let rows = subnets.map { "\"" + Self.json($0).replacing("\"", with: "\"\"") + "\",3" }
            return (["architecture,a"] + rows).joined(separator: "\n")
        }
        let names = try BoardMeasurements(csv: csv(subnets)).architectures
        #expect(try names == BoardMeasurements(csv: csv(changed)).architectures)
        #expect(names == subnets.map { "\($0)" })
    }

    @Test func moreWorkIsMore() {
        let texts = ["r160 3x3 3x3", "r160 3x3 3x4", "r160 3x3 5x4", "r160 3x3 5x4+3x3", "r192 3x3 5x4+3x3"]
        let rows = SubnetFeatures(texts.compactMap { SubnetConfiguration(text: $0) }).rows.map(\.counts)
        for (less, more) in zip(rows, rows.dropFirst()) {
            #expect(zip(less, more).allSatisfy { $0 <= $1 } && less != more)
        }
    }
}
