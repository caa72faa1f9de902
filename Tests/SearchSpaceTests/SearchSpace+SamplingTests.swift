import SearchSpace
import Testing

@Suite struct SearchSpaceSamplingTests {
    let space = SearchSpace.ofaMobileNetV3

    @Test func aSeedGivesTheSameSubnetsAgain() {
        func draw(_ seed: UInt64) -> [SubnetConfiguration] {
            var generator = SeededGenerator(seed: seed)
            return (0..<20).map { _ in space.sample(using: &generator) }
        }
        #expect(draw(7) == draw(7))
        #expect(draw(7) != draw(8))
    }

    @Test func samplesAreValidCanonicalAndCoverEveryValueEvenly() throws {
        var generator = SeededGenerator(seed: 1)
        let draws = 6_000
        var (resolutions, depths, kernels): ([Int: Int], [Int: Int], [Int: Int]) = ([:], [:], [:])
        for _ in 0..<draws {
            let subnet = space.sample(using: &generator)
            try space.validate(subnet)
            #expect(space.canonical(subnet) == subnet)
            resolutions[subnet.resolution, default: 0] += 1
            depths[subnet.depths[2], default: 0] += 1
            kernels[subnet.kernelSizes[0], default: 0] += 1
        }
        // Five standard deviations of a count of 6,000 draws at probability 1/5 and 1/3.
        for value in space.resolutions { #expect(abs((resolutions[value] ?? 0) - draws / 5) < 155) }
        for value in space.depths { #expect(abs((depths[value] ?? 0) - draws / 3) < 183) }
        for value in space.kernelSizes { #expect(abs((kernels[value] ?? 0) - draws / 3) < 183) }
    }

    @Test func mutationWithProbabilityZeroChangesNothing() {
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<50 {
            let parent = space.sample(using: &generator)
            #expect(space.mutate(parent, probability: 0, using: &generator) == parent)
        }
    }

    @Test func mutationWithProbabilityOneDrawsEverythingAnew() {
        var generator = SeededGenerator(seed: 3)
        let draws = 3_000
        let kept = (0..<draws).filter { _ in
            space.mutate(space.largest, probability: 1, using: &generator).resolution == 224
        }
        #expect(abs(kept.count - draws / 5) < 110)
    }

    @Test func mutantsAreValidAndCanonical() throws {
        var generator = SeededGenerator(seed: 4)
        var subnet = space.largest
        for _ in 0..<500 {
            subnet = space.mutate(subnet, probability: 0.2, using: &generator)
            try space.validate(subnet)
            #expect(space.canonical(subnet) == subnet)
        }
    }

    @Test func crossoverOnlyTakesTheParentsValues() throws {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<200 {
            let (mother, father) = (space.sample(using: &generator), space.sample(using: &generator))
            let child = space.crossover(mother, father, using: &generator)
            try space.validate(child)
            #expect([mother.resolution, father.resolution].contains(child.resolution))
            for stage in 0..<5 { #expect([mother.depths[stage], father.depths[stage]].contains(child.depths[stage])) }
            for position in 0..<20 where space.isActive(position: position, depths: child.depths) {
                let kernels = [mother.kernelSizes[position], father.kernelSizes[position]]
                let expands = [mother.expandRatios[position], father.expandRatios[position]]
                #expect(kernels.contains(child.kernelSizes[position]))
                #expect(expands.contains(child.expandRatios[position]))
            }
        }
    }

    @Test func crossoverWithItselfIsItself() {
        var generator = SeededGenerator(seed: 6)
        let parent = space.sample(using: &generator)
        #expect(space.crossover(parent, parent, using: &generator) == parent)
    }
}
