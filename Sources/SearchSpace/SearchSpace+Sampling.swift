extension SearchSpace {
    /// A subnet drawn uniformly: every dimension independently. The result is canonical.
    public func sample(using generator: inout some RandomNumberGenerator) -> SubnetConfiguration {
        var configuration = smallest
        configuration.resolution = pick(resolutions, &generator)
        for stage in 0..<stageCount { configuration.depths[stage] = pick(depths, &generator) }
        for position in 0..<positionCount {
            configuration.kernelSizes[position] = pick(kernelSizes, &generator)
            configuration.expandRatios[position] = pick(expandRatios, &generator)
        }
        return canonical(configuration)
    }

    /// A copy in which each dimension is drawn anew with `probability` (0...1). The result is canonical.
    public func mutate(
        _ parent: SubnetConfiguration, probability: Double, using generator: inout some RandomNumberGenerator
    ) -> SubnetConfiguration {
        var child = parent
        if chance(probability, &generator) { child.resolution = pick(resolutions, &generator) }
        for stage in 0..<stageCount where chance(probability, &generator) {
            child.depths[stage] = pick(depths, &generator)
        }
        for position in 0..<positionCount {
            if chance(probability, &generator) { child.kernelSizes[position] = pick(kernelSizes, &generator) }
            if chance(probability, &generator) { child.expandRatios[position] = pick(expandRatios, &generator) }
        }
        return canonical(child)
    }

    /// A child that takes each dimension from either parent with equal chance. The result is canonical.
    public func crossover(
        _ first: SubnetConfiguration, _ second: SubnetConfiguration, using generator: inout some RandomNumberGenerator
    ) -> SubnetConfiguration {
        var child = first
        if chance(0.5, &generator) { child.resolution = second.resolution }
        for stage in 0..<stageCount where chance(0.5, &generator) { child.depths[stage] = second.depths[stage] }
        for position in 0..<positionCount {
            if chance(0.5, &generator) { child.kernelSizes[position] = second.kernelSizes[position] }
            if chance(0.5, &generator) { child.expandRatios[position] = second.expandRatios[position] }
        }
        return canonical(child)
    }

    private func pick(_ values: [Int], _ generator: inout some RandomNumberGenerator) -> Int {
        values[Int.random(in: 0..<values.count, using: &generator)]
    }

    private func chance(_ probability: Double, _ generator: inout some RandomNumberGenerator) -> Bool {
        Double.random(in: 0..<1, using: &generator) < probability
    }
}
