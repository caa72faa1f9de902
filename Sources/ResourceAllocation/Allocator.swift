import FleetModel

/// Chooses an operating point for every model on a board.
///
/// Maximises the sum of priority x accuracy, subject to
///
///     sum of latency x frames per second / 1000  <=  cores x (1 - reserve)
///     each point's latency  <=  its model's constraint        each point's accuracy  >=  its model's floor
///
/// A multiple-choice knapsack, solved exactly by `MultipleChoiceKnapsack`. Ties go to less CPU time. Requests are
/// taken in the order of model names, so the order of the call plays no part.
///
/// What cannot be met is named, and the least bad is chosen: a model whose fastest point breaks the latency runs that
/// point; one whose floor lies above what the latency allows runs the most accurate point within the latency; and when
/// the points that remain do not fit the CPU together, every model runs its cheapest permitted one.
public enum Allocator {
    /// - Precondition: no two requests name one model.
    public static func allocate(
        _ requests: [AllocationRequest], within budget: CPUBudget,
        stateLimit: Int = MultipleChoiceKnapsack.defaultStateLimit
    ) -> Allocation {
        let names = Set(requests.map(\.policy.model))
        precondition(names.count == requests.count, "a model is asked for once per board")
        let ordered = requests.sorted { $0.policy.model < $1.policy.model }
        var infeasible: [Infeasibility] = []
        var candidates: [Candidate] = []
        for request in ordered {
            let (points, problem) = permittedPoints(of: request)
            if let problem { infeasible.append(problem) }
            if !points.isEmpty { candidates.append(Candidate(request: request, points: points)) }
        }
        let knapsack = MultipleChoiceKnapsack(
            classes: candidates.map { candidate in
                candidate.points.map { point in
                    MultipleChoiceKnapsack.Item(
                        cost: candidate.request.cores(at: point), value: candidate.request.value(of: point))
                }
            }, capacity: budget.usableCores)
        let solution = knapsack.solve(stateLimit: stateLimit)
        if solution == nil { infeasible.append(shortage(of: candidates, within: budget)) }
        let choice = solution?.choice ?? candidates.map(\.cheapest)
        return allocation(
            candidates, choice: choice, infeasible: infeasible, isProvenOptimal: solution?.isProvenOptimal ?? true,
            exploredStates: solution?.exploredStates ?? 0)
    }

    private struct Candidate {
        let request: AllocationRequest
        /// Positions in the table that the model may run, ascending.
        let points: [Int]

        /// Position within `points` of the one that takes least CPU time; ties go to the more accurate.
        var cheapest: Int {
            points.indices.min {
                (request.cores(at: points[$0]), -request.points[points[$0]].accuracy)
                    < (request.cores(at: points[$1]), -request.points[points[$1]].accuracy)
            } ?? 0
        }
    }

    private static func allocation(
        _ candidates: [Candidate], choice: [Int], infeasible: [Infeasibility], isProvenOptimal: Bool,
        exploredStates: Int
    ) -> Allocation {
        let models = zip(candidates, choice).map { candidate, position in
            let point = candidate.points[position]
            return ModelAllocation(
                model: candidate.request.policy.model, lowestPoint: candidate.points.first ?? point,
                highestPoint: candidate.points.last ?? point, preferredPoint: point,
                cores: candidate.request.cores(at: point))
        }
        return Allocation(
            models: models,
            objective: zip(candidates, models).reduce(0) { $0 + $1.0.request.value(of: $1.1.preferredPoint) },
            cores: models.reduce(0) { $0 + $1.cores }, infeasible: infeasible, isProvenOptimal: isProvenOptimal,
            exploredStates: exploredStates)
    }

    /// The points that the model may run: those within latency and floor, or else the single least bad one with the
    /// reason. Empty when there is no point at all.
    private static func permittedPoints(of request: AllocationRequest) -> ([Int], Infeasibility?) {
        let points = request.points
        let name = request.policy.model
        let fitting = points.indices.filter { request.meetsLatency($0) && request.meetsFloor($0) }
        guard fitting.isEmpty else { return (fitting, nil) }
        guard let fastest = points.indices.min(by: { points[$0].latencyMilliseconds < points[$1].latencyMilliseconds })
        else {
            let reason = "model \(name): it has no operating point on this board"
            return ([], Infeasibility(constraint: .operatingPoints, model: name, reason: reason))
        }
        guard
            let best = points.indices.filter(request.meetsLatency)
                .max(by: { points[$0].accuracy < points[$1].accuracy })
        else {
            let reason =
                "model \(name): its fastest point takes \(Figure.text(points[fastest].latencyMilliseconds)) ms, "
                + "the constraint is \(Figure.text(request.policy.latency.milliseconds)) ms"
            return ([fastest], Infeasibility(constraint: .latency, model: name, reason: reason))
        }
        let reason =
            "model \(name): within \(Figure.text(request.policy.latency.milliseconds)) ms its accuracy reaches "
            + "\(Figure.text(points[best].accuracy, places: 4)), the accuracy floor is "
            + "\(Figure.text(request.policy.accuracyFloor ?? 0, places: 4))"
        return ([best], Infeasibility(constraint: .accuracyFloor, model: name, reason: reason))
    }

    private static func shortage(of candidates: [Candidate], within budget: CPUBudget) -> Infeasibility {
        let needed = candidates.reduce(0) { $0 + $1.request.cores(at: $1.points[$1.cheapest]) }
        let reason =
            "CPU: the cheapest permitted points need \(Figure.text(needed, places: 3)) cores together, the budget is "
            + "\(Figure.text(budget.usableCores, places: 3)) (\(Figure.text(budget.cores, places: 3)) cores less "
            + "\(Figure.text(budget.reserve * 100)) % reserve)"
        return Infeasibility(constraint: .cpu, model: nil, reason: reason)
    }
}
