import FleetModel

/// Chooses an operating point for every model on a board.
///
/// Maximises the sum of priority x accuracy. Of each model's points those count that keep its own policy: latency at
/// the constraint's percentile times slow-down, occupancy (median latency x slow-down x frames per second / 1000) of
/// at most 1 because frames of a stream run one after another, CPU share, memory, energy per frame, and accuracy
/// floor. Together the points chosen keep
///
///     sum of CPU time x slow-down x frames per second / 1000  <=  cores x (1 - reserve)
///     sum of memory  <=  the board's memory           sum of energy x frames per second  <=  the board's power
///
/// The slow-down of a model depends on which neighbours it has, not on their points, so that the problem stays a
/// multiple-choice knapsack; `MultipleChoiceKnapsack` solves it, to `accuracyTolerance` or with the gap stated. Ties go
/// to less CPU time. Requests are taken in the order of model names, so the order of the call plays no part.
///
/// A board moves between the points of its models' envelopes by itself. Envelopes hold neighbouring points that each
/// model may run, as far as all models together keep memory, power and a reserve that was said whichever of them they
/// run (`JointEnvelopes`); a reserve that nobody said, and latency, are what the board's own manager looks after.
///
/// What cannot be met is named, and the least bad is chosen: a model runs the point that comes nearest to the limit
/// that it breaks. When the points that remain do not fit the board together, accuracy floors are given up
/// (`AccuracyFloors`) before anything is late; and when that does not suffice, every model runs a point that takes
/// least of the resources that are short, as far as the others still suffice (`Shortage`). A model that would not fit
/// the board even alone takes nothing from those that are as important or more: its frames give way to theirs there.
public enum Allocator {
    /// What keeps noise from moving points: how far a measurement may vary, and what a change must bring.
    public struct Hysteresis: Equatable, Sendable {
        /// Share by which latencies and sums may exceed their limits while the points stay as they are.
        public var slack = 0.03
        /// Least gain in priority-weighted mean accuracy, 0...1, for which points change.
        public var gain = 0.002

        public init() {}
    }

    /// What the board runs now.
    public struct Incumbent: Equatable, Sendable {
        public var envelope: ClosedRange<Int>
        public var preferredPoint: Int

        /// - Precondition: the envelope contains the preferred point.
        public init(envelope: ClosedRange<Int>, preferredPoint: Int) {
            precondition(envelope.contains(preferredPoint), "point \(preferredPoint) outside \(envelope)")
            self.envelope = envelope
            self.preferredPoint = preferredPoint
        }
    }

    /// A choice is proven best when none has a priority-weighted mean accuracy, 0...1, higher by more than this: a
    /// hundredth of a picture in ten thousand.
    public static let accuracyTolerance = 1e-6

    /// - Parameter incumbents: What the board runs now, by model, where measurements are all that changed since.
    /// - Precondition: no two requests name one model.
    public static func allocate(
        _ requests: [AllocationRequest], within budget: BoardBudget, keeping incumbents: [String: Incumbent] = [:],
        hysteresis: Hysteresis = Hysteresis(), stateLimit: Int = MultipleChoiceKnapsack.defaultStateLimit
    ) -> Allocation {
        let names = Set(requests.map(\.policy.model))
        precondition(names.count == requests.count, "a model is asked for once per board")
        var infeasible: [Infeasibility] = []
        var candidates: [Candidate] = []
        for request in requests.sorted(by: { $0.policy.model < $1.policy.model }) {
            let permitted = PermittedPoints(
                of: request, cores: budget.cores, incumbent: incumbents[request.policy.model]?.envelope,
                slack: hysteresis.slack)
            infeasible += permitted.infeasible
            if !permitted.points.isEmpty {
                candidates.append(
                    Candidate(request: request, points: permitted.points, withoutFloor: permitted.withoutFloor))
            }
        }
        var solution = Candidate.solve(candidates, capacity: budget.capacity, stateLimit: stateLimit)
        let floors = candidates.map(\.points)
        var leastBad: [Int] = []
        if solution == nil {
            infeasible.append(Shortage(of: candidates, within: budget).infeasibility)
            (leastBad, solution) = compromise(&candidates, within: budget, stateLimit: stateLimit)
        }
        var points = solution?.choice ?? leastBad
        if solution != nil, let kept = kept(incumbents, candidates, points, budget, hysteresis) { points = kept }
        infeasible += AccuracyFloors.broken(by: points, candidates, floors: floors, within: budget)
        let envelopes = JointEnvelopes(
            of: candidates, around: points, within: budget,
            inForce: candidates.map { incumbents[$0.request.policy.model]?.envelope }, slack: hysteresis.slack)
        return allocation(candidates, points, envelopes, infeasible: infeasible, solution: solution)
    }

    /// What runs where no choice of permitted points fits: the candidates get the points back in that the floors given
    /// up had ruled out.
    /// - Returns: a point for each, and where they fit so, with what is known of that choice.
    private static func compromise(
        _ candidates: inout [Candidate], within budget: BoardBudget, stateLimit: Int
    ) -> (points: [Int], solution: MultipleChoiceKnapsack.Solution?) {
        let giveWay = candidates.indices.filter { Self.givesWay($0, among: candidates, within: budget) }
        let others = candidates.indices.filter { !giveWay.contains($0) }
        for index in giveWay { candidates[index].points = candidates[index].withoutFloor }
        let left = budget.lessMemoryAndPower(giveWay.reduce(.zero) { $0 + candidates[$1].leastCosts })
        var kept = others.map { candidates[$0] }
        AccuracyFloors.giveUp(&kept, within: left, stateLimit: stateLimit)
        for (index, candidate) in zip(others, kept) { candidates[index] = candidate }
        let solution = Candidate.solve(kept, capacity: left.capacity, stateLimit: stateLimit)
        if giveWay.isEmpty, let solution { return (solution.choice, solution) }
        var points = Shortage(of: candidates, within: budget).leastBad
        for (index, position) in zip(others, solution?.choice ?? []) { points[index] = position }
        return (points, nil)
    }

    /// Whether the model takes more CPU time than the board has even alone, and none of the others is less important.
    private static func givesWay(_ index: Int, among candidates: [Candidate], within budget: BoardBudget) -> Bool {
        func isTooMuch(_ candidate: Candidate) -> Bool {
            candidate.leastCosts[0] > MultipleChoiceKnapsack.room(in: budget.capacity)[0]
        }
        let priority = candidates[index].request.policy.priority
        return isTooMuch(candidates[index])
            && candidates.allSatisfy { $0.request.policy.priority >= priority || isTooMuch($0) }
    }

    /// The incumbents' points, where they are still permitted, still fit, and lose too little to be worth a change.
    private static func kept(
        _ incumbents: [String: Incumbent], _ candidates: [Candidate], _ best: [Int], _ budget: BoardBudget,
        _ hysteresis: Hysteresis
    ) -> [Int]? {
        let known = candidates.compactMap { candidate in
            incumbents[candidate.request.policy.model].flatMap { candidate.points.firstIndex(of: $0.preferredPoint) }
        }
        guard known.count == candidates.count, known != best else { return nil }
        let costs = zip(candidates, known).reduce(.zero) { $0 + $1.0.item($1.1).costs }
        guard all(costs .<= budget.capacity * (1 + hysteresis.slack)) else { return nil }
        func worth(_ choice: [Int]) -> Double { zip(candidates, choice).reduce(0) { $0 + $1.0.item($1.1).value } }
        let weights = candidates.reduce(0) { $0 + Double($1.request.policy.priority) }
        return worth(best) - worth(known) < hysteresis.gain * weights ? known : nil
    }

    private static func allocation(
        _ candidates: [Candidate], _ choice: [Int], _ envelopes: JointEnvelopes, infeasible: [Infeasibility],
        solution: MultipleChoiceKnapsack.Solution?
    ) -> Allocation {
        let models = candidates.indices.map { index in
            let (candidate, envelope) = (candidates[index], envelopes.positions[index])
            let (request, point) = (candidate.request, candidate.points[choice[index]])
            return ModelAllocation(
                model: request.policy.model, lowestPoint: candidate.points[envelope.lowerBound],
                highestPoint: candidate.points[envelope.upperBound], preferredPoint: point,
                cores: request.cores(at: point),
                latencyMilliseconds: request.latencyMilliseconds(at: point),
                memoryBytes: UInt64(request.bytes(at: point)), watts: request.watts(at: point))
        }
        let objective = zip(candidates, choice).reduce(0) { $0 + $1.0.item($1.1).value }
        return Allocation(
            models: models, objective: objective, upperBound: max(objective, solution?.upperBound ?? objective),
            cores: models.reduce(0) { $0 + $1.cores }, infeasible: infeasible,
            isProvenOptimal: solution?.isProvenOptimal ?? true, exploredStates: solution?.exploredStates ?? 0)
    }
}

/// A model with the points that it may run.
struct Candidate {
    let request: AllocationRequest
    /// Positions in the table, ascending.
    var points: [Int]
    /// Those that only the accuracy floor rules out among them.
    var withoutFloor: [Int]

    /// Positions of neighbouring points around one: a board may take any between the ends of its envelope.
    func run(around position: Int) -> ClosedRange<Int> {
        var (first, last) = (position, position)
        while first > 0, points[first - 1] == points[first] - 1 { first -= 1 }
        while last < points.count - 1, points[last + 1] == points[last] + 1 { last += 1 }
        return first...last
    }

    /// Of every resource the least that a point takes which only the floor may rule out.
    var leastCosts: MultipleChoiceKnapsack.Costs {
        withoutFloor.reduce(.init(repeating: .infinity)) { pointwiseMin($0, request.costs(at: $1)) }
    }

    func item(_ position: Int) -> MultipleChoiceKnapsack.Item {
        .init(costs: request.costs(at: points[position]), value: request.value(of: points[position]))
    }

    /// The best choice within capacities.
    static func solve(
        _ candidates: [Candidate], capacity: MultipleChoiceKnapsack.Costs,
        stateLimit: Int = MultipleChoiceKnapsack.defaultStateLimit
    ) -> MultipleChoiceKnapsack.Solution? {
        let weights = candidates.reduce(0) { $0 + Double($1.request.policy.priority) }
        return MultipleChoiceKnapsack(
            classes: candidates.map { candidate in candidate.points.indices.map(candidate.item) }, capacity: capacity
        ).solve(stateLimit: stateLimit, tolerance: Allocator.accuracyTolerance * weights)
    }
}
