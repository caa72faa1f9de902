import SearchSpace

/// A directed way to an accuracy floor that evolution does not reach: local search from its best subnet, from crossings
/// and mutants of the local optima found so far, and now and then from a random subnet.
///
/// Source: Moscato, "On Evolution, Search, Optimization, Genetic Algorithms and Martial Arts: Towards Memetic
/// Algorithms", Caltech 1989.
extension EvolutionRun {
    /// Climbs within the constraint as it was asked for, within one that is relaxed, and at any latency.
    static let floorRoundsBeforeRelaxing = 200
    static let floorRounds = 20
    static let floorRoundsAtAnyLatency = 200
    /// Local optima that are kept, and one start in so many that is random.
    private static let poolLimit = 12
    private static let randomStarts = 4
    /// Subnets with about two changed choices that are looked at where no single change helps.
    private static let doubleChanges = 400
    /// Tries to find a start that meets the constraint.
    private static let attempts = 50
    /// What one step of a climb gains at least.
    private static let leastGain = 1e-7

    var reachesFloor: Bool { (population.first?.accuracy ?? -.infinity) >= settings.accuracyFloor }

    /// Climbs until the floor is reached. What was found joins the population.
    mutating func pursueFloor(rounds: Int, _ goesOn: () -> Bool) {
        guard let first = population.first else { return }
        if fastest == nil { fastest = findFastest() }
        var pool = [climbed(from: first)]
        for round in 0..<rounds where pool[0].accuracy < settings.accuracyFloor && !isUsedUp && goesOn() {
            guard let start = start(from: pool, isRandom: round % Self.randomStarts == 0) else { break }
            let found = climbed(from: start)
            guard !pool.contains(where: { $0.indices == found.indices }) else { continue }
            let place = pool.firstIndex { $0.accuracy < found.accuracy } ?? pool.count
            pool.insert(found, at: place)
            if pool.count > Self.poolLimit { pool.removeLast() }
        }
        if pool[0].accuracy > first.accuracy { join(pool[0]) }
    }

    /// Takes in a subnet that meets the constraint.
    mutating func join(_ candidate: Candidate) {
        population.append(candidate)
        file(candidate)
        sortPopulation()
    }

    /// The most accurate subnet that is found without regard to latency.
    mutating func mostAccurateAtAnyLatency(_ goesOn: () -> Bool) -> Candidate {
        var free = self
        free.limit = latency.range.upperBound
        free.pursueFloor(rounds: Self.floorRoundsAtAnyLatency, goesOn)
        (evaluated, accuracyEvaluations) = (free.evaluated, free.accuracyEvaluations)
        (generator, evaluator) = (free.generator, free.evaluator)
        return free.population[0]
    }

    /// What changes of one choice, or about two, lead to: the most accurate each time.
    /// - Parameter enough: accuracy that ends the climb.
    mutating func climbed(from start: Candidate, upTo enough: Double = .infinity) -> Candidate {
        var best = start
        while !isUsedUp, best.accuracy < enough {
            guard
                let next = better(than: best, among: neighbours(of: best.indices))
                    ?? better(than: best, among: doubleChanges(of: best.indices))
            else { break }
            best = next
        }
        return best
    }

    private mutating func better(than best: Candidate, among others: [SubnetIndices]) -> Candidate? {
        let latencies = others.map { latency.cost(of: $0) }
        let kept = others.indices.filter { latencies[$0] <= limit && keepsLimits(others[$0]) }
        evaluated += others.count
        accuracyEvaluations += kept.count
        evaluator.accuracies(of: kept.map { others[$0] }, into: &accuracies)
        guard let place = kept.indices.max(by: { accuracies[$0] < accuracies[$1] }),
            accuracies[place] > best.accuracy + Self.leastGain
        else { return nil }
        return Candidate(indices: others[kept[place]], accuracy: accuracies[place], latency: latencies[kept[place]])
    }

    mutating func doubleChanges(of subnet: SubnetIndices) -> [SubnetIndices] {
        (0..<Self.doubleChanges).map { _ in
            var other = subnet
            indexed.mutate(&other, probability: 2.5 / Double(indexed.dimensionCount), using: &generator)
            return other
        }
    }

    /// A subnet that meets the constraint, led there where it does not; `nil` if none is found.
    private mutating func start(from pool: [Candidate], isRandom: Bool) -> Candidate? {
        for _ in 0..<Self.attempts where !isUsedUp {
            var subnet = pool[pick(pool.count)].indices
            if isRandom {
                indexed.sample(into: &subnet, using: &generator)
            } else {
                indexed.crossover(&subnet, with: pool[pick(pool.count)].indices, using: &generator)
                indexed.mutate(&subnet, probability: settings.mutationProbability, using: &generator)
            }
            if let fastest { subnet = repaired(subnet, towards: fastest.indices) }
            evaluated += 1
            let milliseconds = latency.cost(of: subnet)
            guard milliseconds <= limit, keepsLimits(subnet) else { continue }
            accuracyEvaluations += 1
            return Candidate(indices: subnet, accuracy: evaluator.accuracy(of: subnet), latency: milliseconds)
        }
        return nil
    }
}
