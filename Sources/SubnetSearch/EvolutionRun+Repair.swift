import SearchSpace

/// Directed ways to a tight constraint that random sampling does not meet. The single steps of a repair are not counted
/// as evaluated, its result is.
extension EvolutionRun {
    /// Repaired draws for each one that is missing in the population.
    private static let drawsPerPlace = 4

    /// Fills the population with random subnets that take over the choices of the fastest one, in random order, until
    /// they meet the constraint; that one is among them.
    ///
    /// - Returns: whether the constraint is met at all; not where even the fastest subnet known is too slow.
    mutating func repairDraws() -> Bool {
        if fastest == nil { fastest = findFastest() }
        guard let fastest, fastest.milliseconds <= limit else { return false }
        child = fastest.indices
        if let milliseconds = lookAt() { wait(milliseconds) }
        for _ in 0..<(Self.drawsPerPlace * settings.population) {
            guard population.count + waiting.count < settings.population, !isUsedUp else { break }
            indexed.sample(into: &child, using: &generator)
            child = repaired(child, towards: fastest.indices)
            if let milliseconds = lookAt(), milliseconds <= limit { wait(milliseconds) }
        }
        judgeWaiting()
        return !population.isEmpty
    }

    mutating func repaired(_ subnet: SubnetIndices, towards anchor: SubnetIndices) -> SubnetIndices {
        var subnet = subnet
        for dimension in (0..<indexed.dimensionCount).shuffled(using: &generator)
        where subnet.values[dimension] != anchor.values[dimension] {
            if meets(subnet) { return subnet }
            subnet.values[dimension] = anchor.values[dimension]
            indexed.canonicalize(&subnet)
        }
        return meets(subnet) ? subnet : anchor
    }

    /// The fastest subnet of all where that keeps the other limits; else what single choices lead to from one that
    /// does.
    mutating func findFastest() -> (indices: SubnetIndices, milliseconds: Double)? {
        let starts = [latency.cheapest, indexed.smallest] + limits.map { $0.cost.cheapest }
        guard let start = starts.first(where: { keepsLimits($0) }) else { return nil }
        var best = (indices: start, milliseconds: latency.cost(of: start))
        guard start != latency.cheapest else { return best }
        while !isUsedUp {
            let others = neighbours(of: best.indices).filter { keepsLimits($0) }
            evaluated += others.count
            let found = others.map { (indices: $0, milliseconds: latency.cost(of: $0)) }
                .min { $0.milliseconds < $1.milliseconds }
            guard let found, found.milliseconds < best.milliseconds else { break }
            best = found
        }
        return best
    }

    private func meets(_ subnet: SubnetIndices) -> Bool { latency.cost(of: subnet) <= limit && keepsLimits(subnet) }

    func keepsLimits(_ subnet: SubnetIndices) -> Bool { limits.allSatisfy { $0.cost.cost(of: subnet) <= $0.limit } }

    /// The subnets that differ in one choice.
    func neighbours(of subnet: SubnetIndices) -> [SubnetIndices] {
        var result: [SubnetIndices] = []
        for dimension in 0..<indexed.dimensionCount {
            for option in 0..<indexed.optionCounts[dimension] where option != subnet.values[dimension] {
                var other = subnet
                other.values[dimension] = option
                indexed.canonicalize(&other)
                if other != subnet { result.append(other) }
            }
        }
        return result
    }
}
