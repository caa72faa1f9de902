/// How far each model may move by itself, so that all together keep what they share whatever they run.
///
/// From the points chosen, envelopes grow downwards as far as they can, then upwards by the step that is worth most,
/// as long as the dearest points of all envelopes together stay within memory, power and a reserve that was said. What
/// does not fit already, as the least bad choice, grows by what takes no more. Envelopes that are in force are where
/// growth begins, if they fit but for noise.
struct JointEnvelopes {
    private typealias Costs = MultipleChoiceKnapsack.Costs

    /// Of each candidate the positions among its points, the chosen one included.
    private(set) var positions: [ClosedRange<Int>]
    /// The most that any point of each envelope takes of every resource.
    private var dearest: [Costs]
    private var total: Costs
    private let limit: Costs

    /// - Parameter inForce: of each candidate the points that it may take now, if that is known.
    /// - Precondition: a position for each candidate.
    init(
        of candidates: [Candidate], around choice: [Int], within budget: BoardBudget,
        inForce: [ClosedRange<Int>?], slack: Double
    ) {
        var capacity = budget.capacity
        if !budget.isReserveKept { capacity[0] = .infinity }
        capacity = MultipleChoiceKnapsack.room(in: capacity)
        let runs = zip(candidates, choice).map { $0.run(around: $1) }
        positions = candidates.indices.map { index in
            Self.kept(inForce[index], of: candidates[index], within: runs[index], around: choice[index])
        }
        dearest = zip(candidates, positions).map(Self.dearest)
        if !all(dearest.reduce(.zero, +) .<= capacity * (1 + slack)) {
            positions = choice.map { $0...$0 }
            dearest = zip(candidates, positions).map(Self.dearest)
        }
        total = dearest.reduce(.zero, +)
        limit = pointwiseMax(capacity, total)
        for index in candidates.indices {
            while positions[index].lowerBound > runs[index].lowerBound,
                grow(index, to: positions[index].lowerBound - 1, of: candidates[index])
            {}
        }
        var open = Set(candidates.indices)
        while let index = Self.mostWorth(open, candidates, positions, runs) {
            if !grow(index, to: positions[index].upperBound + 1, of: candidates[index]) { open.remove(index) }
        }
    }

    /// The positions of an envelope in force, as far as they are permitted still.
    private static func kept(
        _ envelope: ClosedRange<Int>?, of candidate: Candidate, within run: ClosedRange<Int>, around position: Int
    ) -> ClosedRange<Int> {
        guard let envelope, envelope.contains(candidate.points[position]) else { return position...position }
        let kept = run.filter { envelope.contains(candidate.points[$0]) }
        return (kept.first ?? position)...(kept.last ?? position)
    }

    private static func dearest(_ candidate: Candidate, _ range: ClosedRange<Int>) -> Costs {
        range.reduce(.zero) { pointwiseMax($0, candidate.item($1).costs) }
    }

    private mutating func grow(_ index: Int, to position: Int, of candidate: Candidate) -> Bool {
        let costs = pointwiseMax(dearest[index], candidate.item(position).costs)
        let sum = total - dearest[index] + costs
        guard all(sum .<= limit) else { return false }
        (dearest[index], total) = (costs, sum)
        let range = positions[index]
        positions[index] = min(range.lowerBound, position)...max(range.upperBound, position)
        return true
    }

    /// The envelope whose next point upwards is worth most; of equals the first.
    private static func mostWorth(
        _ open: Set<Int>, _ candidates: [Candidate], _ positions: [ClosedRange<Int>], _ runs: [ClosedRange<Int>]
    ) -> Int? {
        var best: (index: Int, gain: Double)?
        for index in open.sorted() where positions[index].upperBound < runs[index].upperBound {
            let top = positions[index].upperBound
            let gain = candidates[index].item(top + 1).value - candidates[index].item(top).value
            if best.map({ gain > $0.gain }) ?? true { best = (index, gain) }
        }
        return best?.index
    }
}
