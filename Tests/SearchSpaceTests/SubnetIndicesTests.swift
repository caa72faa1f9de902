import SearchSpace
import Testing

@Suite struct SubnetIndicesTests {
    let indexed = IndexedSearchSpace(.ofaMobileNetV3)

    @Test func layoutIsResolutionDepthsKernelsExpands() throws {
        var configuration = indexed.space.smallest
        configuration.resolution = 192
        configuration.depths[1] = 4
        configuration.kernelSizes[5] = 7
        configuration.expandRatios[7] = 6

        let values = try indexed.indices(of: configuration).values

        #expect(values.count == 46 && indexed.dimensionCount == 46)
        #expect(values.indices.filter { values[$0] != 0 } == [0, 2, 11, 33])
        #expect([values[0], values[2], values[11], values[33]] == [2, 2, 2, 2])
    }

    @Test func configurationsSurviveTheWayThroughIndices() throws {
        var generator = SeededGenerator(seed: 9)
        for _ in 0..<200 {
            let configuration = indexed.space.sample(using: &generator)
            #expect(indexed.configuration(of: try indexed.indices(of: configuration)) == configuration)
        }
        #expect(indexed.configuration(of: indexed.largest) == indexed.space.largest)
        #expect(indexed.configuration(of: indexed.smallest) == indexed.space.smallest)
    }

    @Test func indicesAreCanonical() throws {
        var first = indexed.space.largest
        first.depths = [2, 2, 2, 2, 2]
        var second = first
        second.kernelSizes[3] = 0
        #expect(try indexed.indices(of: first) == indexed.indices(of: second))
    }

    @Test func invalidConfigurationsAreRefused() {
        var configuration = indexed.space.largest
        configuration.depths[0] = 1
        #expect(throws: ConfigurationRefusal.self) { try indexed.indices(of: configuration) }
    }
}
