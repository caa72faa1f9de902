import SearchSpace
import Testing

@Suite struct MemoryCostTests {
    let space = SearchSpace.ofaMobileNetV3

    /// Against the operators of each subnet, one by one.
    @Test func theCompiledCostIsThatOfTheOperators() throws {
        let operators = try SupernetOperators(.imageNetMobileNetV3Width12)
        let cost = try MemoryCost(space: space, operators: operators)
        var generator = SeededGenerator(seed: 31)
        for _ in 0..<200 {
            let subnet = space.sample(using: &generator)
            let rows = try operators.operators(of: subnet)
            let expected = rows.reduce(0) { $0 + $1.parameters } + (rows.map(\.mapValues).max() ?? 0)
            let found = try cost.cost(of: subnet)
            #expect(found == Double(4 * expected))
            #expect(cost.range.contains(found))
        }
        #expect(try cost.range.lowerBound == cost.cost(of: space.smallest))
        #expect(try cost.range.upperBound == cost.cost(of: space.largest))
    }

    @Test func parametersOfABlockAreCountedAsItsTensors() throws {
        let operators = try SupernetOperators(.imageNetMobileNetV3Width10)
        let rows = try operators.operators(of: space.largest)
        let stem = try #require(rows.first)
        #expect(stem.parameters == 3 * 16 * 9 + 2 * 16)
        #expect(stem.mapValues == 224 * 224 * 3 + 112 * 112 * 16)
        let first = rows[1]
        #expect(first.parameters == 16 * 9 + 2 * 16 + 16 * 16 + 2 * 16)
        let block = rows[2]
        #expect(block.mid == 96 && !block.hasSqueezeExcite)
        #expect(block.parameters == 16 * 96 + 2 * 96 + 96 * 49 + 2 * 96 + 96 * 24 + 2 * 24)
        #expect(block.mapValues == 112 * 112 * 96 + 56 * 56 * 96)
    }
}
