import SearchSpace
import Testing

@Suite struct AdditiveCostTests {
    let space = SearchSpace.ofaMobileNetV3

    @Test func theCompiledSumIsThatOfTheOperators() throws {
        let operators = try SupernetOperators(.imageNetMobileNetV3Width12)
        let compiled = try AdditiveCost.flops(space: space, operators: operators)
        var generator = SeededGenerator(seed: 21)
        for _ in 0..<200 {
            let subnet = space.sample(using: &generator)
            #expect(try compiled.cost(of: subnet) == Double(operators.flops(of: subnet)))
        }
    }

    @Test func theRangeIsThatOfTheExtremes() throws {
        let operators = try SupernetOperators(.imageNetMobileNetV3Width12)
        let compiled = try AdditiveCost.flops(space: space, operators: operators)
        #expect(try compiled.range.lowerBound == Double(operators.flops(of: space.smallest)))
        #expect(try compiled.range.upperBound == Double(operators.flops(of: space.largest)))
    }

    /// Where a larger choice is cheaper, as in noisy tables, the range is still that of all subnets.
    @Test func theRangeIsExactWhereCostsAreNotMonotone() throws {
        let tiny = SupernetArchitecture(
            name: "tiny", inputChannels: 1, resolutions: [8, 16], kernelSizes: [3, 5], expandRatios: [2],
            depths: [1, 2], stemStride: 1, strides: [2, 2], activations: [.relu, .relu], squeezeExcite: [false, false],
            mean: [0], std: [1], labels: [],
            widths: .init(stem: 8, firstBlock: 8, stages: [16, 24], finalExpand: 24, featureMix: 32, classes: 10))
        let compiled = try AdditiveCost(space: tiny.searchSpace, operators: try SupernetOperators(tiny)) { row, _ in
            let place = row.kernel * 7 + (row.stage ?? 0) * 5 + (row.position ?? 0) * 3 + row.input.height
            return row.kind == .block ? 5 - Double(place % 11) : 1
        }
        let indexed = IndexedSearchSpace(tiny.searchSpace)
        var costs: [Double] = []
        for choice in 0..<(1 << 7) {
            var subnet = indexed.smallest
            for dimension in 0..<7 {
                subnet.values[dimension] = UInt16(choice >> dimension & 1)
            }
            indexed.canonicalize(&subnet)
            costs.append(compiled.cost(of: subnet))
        }
        #expect(indexed.optionCounts == [2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1])
        #expect(compiled.range.lowerBound == costs.min())
        #expect(compiled.range.upperBound == costs.max())
        #expect(compiled.cost(of: compiled.cheapest) == costs.min())
    }

    @Test func whatTheCostThrowsComesThrough() throws {
        struct Missing: Error {}
        let operators = try SupernetOperators(.imageNetMobileNetV3Width12)
        #expect(throws: Missing.self) {
            try AdditiveCost(space: space, operators: operators) { row, _ in
                guard row.kind != .pooling else { throw Missing() }
                return 1
            }
        }
    }
}
