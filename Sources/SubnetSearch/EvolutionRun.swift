import SearchSpace

/// The state of one search: the surviving parents and what was spent.
struct EvolutionRun {
    struct Candidate {
        let indices: SubnetIndices
        let accuracy: Double
        let latency: Double
    }

    let settings: SearchSettings
    let latency: any CostEstimating
    /// What a subnet may cost besides latency; never relaxed.
    let limits: [(cost: any CostEstimating, limit: Double)]
    let indexed: IndexedSearchSpace
    var limit: Double
    var generator: SeededGenerator
    var evaluator: AccuracyEvaluator
    var seen = SeenFilter()
    var child: SubnetIndices
    /// Best first.
    var population: [Candidate] = []
    /// Candidates within the latency whose accuracy is not yet predicted.
    var waiting: [SubnetIndices] = []
    private var waitingLatencies: [Double] = []
    var accuracies: [Double] = []
    /// Why `limit` is above what was asked for: no subnet is so fast, none so accurate.
    private var reachReason: String?
    private var floorReason: String?
    /// The fastest subnet within the other limits that is known, once it was looked for.
    var fastest: (indices: SubnetIndices, milliseconds: Double)?
    private(set) var generation = 0
    /// Generations since the best was last better by `minimumGain`, and what it was then.
    var idleGenerations = 0
    var bestAccuracy = -Double.infinity
    /// Random subnets that were new, and those of them that met the constraint.
    private(set) var draws = 0
    private(set) var hits = 0
    /// Whether a given subnet met the constraints.
    private(set) var isPlanted = false
    var evaluated = 0
    var accuracyEvaluations = 0
    /// The most accurate of each band of latency below the limit, whether it survived or not.
    private var bands = [Candidate?](repeating: nil, count: bandCount)

    /// Bands from the limit down to `fastestBand` of it, the last open: for boards that are slower than their table.
    private static let bandCount = 16
    private static let fastestBand = 0.6

    init(_ search: EvolutionSearch, _ constraint: SearchConstraint, seed: UInt64) {
        settings = search.settings
        latency = search.latency
        limits = search.limits(of: constraint)
        indexed = search.indexed
        limit = constraint.latencyMilliseconds ?? search.latency.range.upperBound
        generator = SeededGenerator(seed: seed)
        evaluator = search.accuracy.makeEvaluator()
        child = search.indexed.smallest
    }

    var isUsedUp: Bool { settings.evaluationLimit.map { evaluated >= $0 } ?? false }
    var hasConverged: Bool { settings.patience.map { idleGenerations >= $0 } ?? false }

    /// Adds a given subnet if it meets the constraints.
    mutating func plant(_ indices: SubnetIndices) {
        child = indices
        guard let milliseconds = lookAt(), milliseconds <= limit else { return }
        wait(milliseconds)
        judgeWaiting()
        isPlanted = true
    }

    /// Fills the population with random subnets that meet the constraint. Where these run out, subnets that are led
    /// towards the fastest one join them; where even that is too slow, the constraint is relaxed.
    /// - Parameter mayRelax: where it may not, the population can stay empty.
    mutating func fill(mayRelax: Bool = true) throws(SearchRefusal) {
        var record = DrawRecord()
        while population.count < settings.population, !isUsedUp {
            indexed.sample(into: &child, using: &generator)
            record.count += 1
            if let milliseconds = lookAt() {
                draws += 1
                record.note(milliseconds)
                if milliseconds <= limit {
                    hits += 1
                    wait(milliseconds)
                }
            }
            let isBatch = waiting.count >= min(AccuracyEvaluator.batchLimit, settings.population - population.count)
            let isExhausted = record.count >= settings.drawLimit
            guard isBatch || isExhausted || isUsedUp else { continue }
            if judgeWaiting() {
                record = DrawRecord()
            } else if isExhausted {
                if repairDraws() || !population.isEmpty || !mayRelax { break }
                relax(record)
                record = DrawRecord()
            }
        }
        guard !population.isEmpty || !mayRelax else {
            throw .evaluationsUsedUp(latencyMilliseconds: limit, evaluated: evaluated)
        }
        sortPopulation()
    }

    /// Nothing meets the constraint: loosened by whole steps until the fastest subnet known meets it. What was too slow
    /// may be drawn again.
    private mutating func relax(_ draws: DrawRecord) {
        seen = SeenFilter()
        let known = min(draws.fastest, fastest?.milliseconds ?? .infinity)
        guard known < .infinity else { return }
        reachReason =
            limits.isEmpty
            ? "no subnet takes less than \(rounded(known)) ms"
            : "no subnet within the other limits was found to take less than \(rounded(known)) ms"
        repeat { limit *= settings.relaxationStep } while limit < known
    }

    /// The best is not accurate enough: begins again under a looser constraint, from the survivors.
    mutating func relaxForFloor() {
        floorReason =
            floorReason
            ?? "the most accurate subnet found within \(rounded(limit)) ms has a predicted accuracy of "
            + "\(rounded(population[0].accuracy)), less than the floor of \(settings.accuracyFloor)"
        limit *= settings.relaxationStep
        population.removeLast(max(0, population.count - max(1, settings.population / 4)))
        generation = 0
        idleGenerations = 0
        seen = SeenFilter()
        bands = bands.map { _ in nil }
    }

    var parentCount: Int { max(1, Int((Double(settings.population) * settings.parentRatio).rounded())) }

    /// One generation: the best survive, and their children join them.
    mutating func breed() {
        generation += 1
        population.removeLast(max(0, population.count - parentCount))
        let survivors = population.count
        let mutants = Int((Double(settings.population) * settings.mutationRatio).rounded())
        for index in 0..<settings.population {
            for _ in 0..<settings.attemptsPerChild where !isUsedUp {
                child = population[pick(survivors)].indices
                if index < mutants {
                    indexed.mutate(&child, probability: settings.mutationProbability, using: &generator)
                } else {
                    indexed.crossover(&child, with: population[pick(survivors)].indices, using: &generator)
                }
                guard let milliseconds = lookAt(), milliseconds <= limit else { continue }
                wait(milliseconds)
                break
            }
        }
        judgeWaiting()
        sortPopulation()
        if population[0].accuracy >= bestAccuracy + settings.minimumGain {
            bestAccuracy = population[0].accuracy
            idleGenerations = 0
        } else {
            idleGenerations += 1
        }
    }

    /// - Parameter asked: the latency constraint in milliseconds.
    func result(asked: Double) -> SearchResult {
        let best = population[0]
        return SearchResult(
            latencyMilliseconds: asked, configuration: indexed.configuration(of: best.indices),
            predictedAccuracy: best.accuracy, predictedLatencyMilliseconds: best.latency,
            relaxedTo: limit > asked ? limit : nil,
            relaxedBecause: limit > asked
                ? [reachReason, floorReason].compactMap(\.self).joined(separator: "; ") : nil,
            evaluated: evaluated, accuracyEvaluations: accuracyEvaluations,
            generations: generation)
    }

    /// The best `count` of the last generation, then what was best of faster subnets and is more accurate than all
    /// that are faster still; best first.
    func candidates(_ count: Int) -> [PredictedSubnet] {
        let best = population.prefix(count)
        let fastest = best.map(\.latency).min() ?? 0
        var faster: [Candidate] = []
        for candidate in bands.compactMap(\.self)
        where candidate.latency < fastest && candidate.accuracy > faster.last?.accuracy ?? -.infinity {
            faster.append(candidate)
        }
        return (best + faster.reversed()).map {
            PredictedSubnet(
                configuration: indexed.configuration(of: $0.indices), accuracy: $0.accuracy,
                latencyMilliseconds: $0.latency)
        }
    }

    mutating func file(_ candidate: Candidate) {
        let share = (candidate.latency / limit - Self.fastestBand) / (1 - Self.fastestBand)
        let band = min(max(Int(share * Double(Self.bandCount)), 0), Self.bandCount - 1)
        if candidate.accuracy > bands[band]?.accuracy ?? -.infinity { bands[band] = candidate }
    }

    /// The child's latency in milliseconds, unless it was looked at before; infinite if it costs too much otherwise.
    mutating func lookAt() -> Double? {
        guard seen.insert(child) else { return nil }
        evaluated += 1
        for (cost, limit) in limits where cost.cost(of: child) > limit { return .infinity }
        return latency.cost(of: child)
    }

    /// Keeps the child until accuracies are predicted, many at a time.
    mutating func wait(_ milliseconds: Double) {
        waiting.append(child)
        waitingLatencies.append(milliseconds)
    }

    /// Predicts the accuracies of what waits and takes it in; says whether there was any.
    @discardableResult mutating func judgeWaiting() -> Bool {
        let before = population.count
        evaluator.accuracies(of: waiting, into: &accuracies)
        for (place, accuracy) in accuracies.enumerated() {
            let candidate = Candidate(
                indices: waiting[place], accuracy: accuracy, latency: waitingLatencies[place])
            population.append(candidate)
            file(candidate)
        }
        accuracyEvaluations += waiting.count
        waiting.removeAll(keepingCapacity: true)
        waitingLatencies.removeAll(keepingCapacity: true)
        return population.count > before
    }

    mutating func pick(_ count: Int) -> Int {
        Int(truncatingIfNeeded: generator.next().multipliedFullWidth(by: UInt64(count)).high)
    }

    /// By accuracy, then by latency; of equals the older first, so that the order does not depend on the sort.
    mutating func sortPopulation() {
        let order = population.indices.sorted { first, second in
            let (a, b) = (population[first], population[second])
            if a.accuracy != b.accuracy { return a.accuracy > b.accuracy }
            return (a.latency, first) < (b.latency, second)
        }
        population = order.map { population[$0] }
    }
}

/// What the draws since the last hit were like.
private struct DrawRecord {
    var count = 0
    var fastest = Double.infinity

    mutating func note(_ milliseconds: Double) {
        fastest = min(fastest, milliseconds)
    }
}

/// Remembers which subnets were looked at, in bounded memory: one of two that share a slot may be looked at again, and
/// one in 2^31 is taken for another.
struct SeenFilter {
    private static let slotBits = 18
    private var marks = Array(repeating: UInt32(0), count: 1 << slotBits)

    /// Whether the subnet is new, or was forgotten.
    mutating func insert(_ indices: SubnetIndices) -> Bool {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        indices.values.withUnsafeBytes { bytes in
            for start in stride(from: 0, to: bytes.count, by: 8) {
                var word: UInt64 = 0
                if bytes.count - start >= 8 {
                    word = bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self)
                } else {
                    for byte in bytes[start...] { word = word << 8 | UInt64(byte) }
                }
                hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
                hash ^= hash >> 29
            }
        }
        let slot = Int(truncatingIfNeeded: hash >> (64 - UInt64(Self.slotBits)))
        // Odd, as none is zero.
        let mark = UInt32(truncatingIfNeeded: hash) | 1
        guard marks[slot] != mark else { return false }
        marks[slot] = mark
        return true
    }
}

/// Four decimals, for reasons.
func rounded(_ value: Double) -> String { "\((value * 10_000).rounded() / 10_000)" }
