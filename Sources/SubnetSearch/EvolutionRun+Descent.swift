import SearchSpace

/// The way to an accuracy floor from its other side: subnets that reach it, made faster until they keep the constraint.
///
/// Local search for accuracy within a tight constraint ends on one side of it, in optima that no single change leaves
/// without becoming too slow. Here it is let through: it climbs under a slightly looser constraint, then gives up what
/// accuracy lies above the floor for latency, the most milliseconds for the least accuracy first (strategic
/// oscillation: Glover, "Heuristics for Integer Programming Using Surrogate Constraints", Decision Sciences 8, 1977).
extension EvolutionRun {
    static let descents = 200
    /// Descents in a row without a faster subnet after which the floor counts as out of reach.
    private static let idleDescents = 60
    /// How much looser the constraint is at the most while a subnet climbs.
    private static let mostLooser = 0.06
    private static let descentPool = 12
    /// Accuracy above the floor that is enough to be given up again.
    private static let headroom = 0.002
    /// Latency that one step saves at least, as a share.
    private static let leastSaving = 1e-9
    /// Accuracy below which nothing counts as lost.
    private static let freeLoss = 1e-6

    /// Looks for a subnet that keeps the constraint and reaches the floor, from one that reaches it at any latency.
    /// What is found joins the population.
    mutating func descendToConstraint(from accurate: Candidate, _ goesOn: () -> Bool) {
        let asked = limit
        var pool = [descended(from: accurate)]
        var idle = 0
        for _ in 0..<Self.descents where pool[0].latency > asked && idle < Self.idleDescents && !isUsedUp && goesOn() {
            limit = asked * (1 + Self.mostLooser * Double(pick(1_000) + 1) / 1_000)
            let start = crossed(pool)
            let climbed = climbed(from: start, upTo: settings.accuracyFloor + Self.headroom)
            limit = asked
            guard climbed.accuracy >= settings.accuracyFloor else {
                idle += 1
                continue
            }
            let found = descended(from: climbed)
            idle = found.latency < pool[0].latency ? 0 : idle + 1
            guard !pool.contains(where: { $0.indices == found.indices }) else { continue }
            pool.insert(found, at: pool.firstIndex { $0.latency > found.latency } ?? pool.count)
            if pool.count > Self.descentPool { pool.removeLast() }
        }
        if pool[0].latency <= asked, pool[0].accuracy >= settings.accuracyFloor { join(pool[0]) }
    }

    /// A crossing of two of the pool and of the best within the constraint, mutated and led within the looser one.
    private mutating func crossed(_ pool: [Candidate]) -> Candidate {
        let parents = pool + population.prefix(max(1, pool.count / 2))
        var subnet = parents[pick(parents.count)].indices
        indexed.crossover(&subnet, with: parents[pick(parents.count)].indices, using: &generator)
        indexed.mutate(&subnet, probability: settings.mutationProbability, using: &generator)
        if let fastest { subnet = repaired(subnet, towards: fastest.indices) }
        evaluated += 1
        accuracyEvaluations += 1
        return Candidate(
            indices: subnet, accuracy: evaluator.accuracy(of: subnet), latency: latency.cost(of: subnet))
    }

    /// Ever faster, never below the floor.
    private mutating func descended(from start: Candidate) -> Candidate {
        var best = start
        while !isUsedUp, best.latency > limit {
            guard
                let next = faster(than: best, among: neighbours(of: best.indices))
                    ?? faster(than: best, among: doubleChanges(of: best.indices))
            else { break }
            best = next
        }
        return best
    }

    /// The one that saves most for what it loses.
    private mutating func faster(than best: Candidate, among others: [SubnetIndices]) -> Candidate? {
        let latencies = others.map { latency.cost(of: $0) }
        let kept = others.indices.filter {
            latencies[$0] < best.latency * (1 - Self.leastSaving) && keepsLimits(others[$0])
        }
        evaluated += others.count
        accuracyEvaluations += kept.count
        evaluator.accuracies(of: kept.map { others[$0] }, into: &accuracies)
        func worth(_ place: Int) -> Double {
            (best.latency - latencies[kept[place]]) / max(best.accuracy - accuracies[place], Self.freeLoss)
        }
        let place = kept.indices.filter { accuracies[$0] >= settings.accuracyFloor }.max { worth($0) < worth($1) }
        guard let place else { return nil }
        return Candidate(indices: others[kept[place]], accuracy: accuracies[place], latency: latencies[kept[place]])
    }
}
