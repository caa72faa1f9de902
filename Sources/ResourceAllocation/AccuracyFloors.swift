import FleetModel

/// Which accuracy floors are given up when models cannot keep them all on one board.
///
/// A floor is kept wherever it can be beside those of higher priority: no model loses its floor to one of lower
/// priority, nor to one that could not keep its floor anyway. Of floors of equal priority as many as possible are kept,
/// and of the ways to do so one that leaves most of the lower ones; then one of least CPU time.
enum AccuracyFloors {
    /// Takes the points below their floors back in, where a floor is given up; everywhere if even that does not fit.
    static func giveUp(_ candidates: inout [Candidate], within budget: BoardBudget, stateLimit: Int) {
        let floors = candidates.map(\.points)
        var open = Set(candidates.indices.filter { candidates[$0].points != candidates[$0].withoutFloor })
        for index in open { candidates[index].points = candidates[index].withoutFloor }
        for priority in Set(open.map { candidates[$0].request.policy.priority }).sorted(by: >) {
            let classes = candidates.indices.map { index in
                let isOwn = candidates[index].request.policy.priority == priority
                // All floors of lower priority together count for less than one.
                let worth = !open.contains(index) ? 0 : isOwn ? 1 : 1 / Double(candidates.count + 1)
                return candidates[index].points.enumerated().map { position, point in
                    MultipleChoiceKnapsack.Item(
                        costs: candidates[index].item(position).costs,
                        value: floors[index].contains(point) ? worth : 0)
                }
            }
            let knapsack = MultipleChoiceKnapsack(classes: classes, capacity: budget.capacity)
            guard let choice = knapsack.solve(stateLimit: stateLimit)?.choice else { return }
            for index in open.sorted() where candidates[index].request.policy.priority == priority {
                open.remove(index)
                if classes[index][choice[index]].value > 0 { candidates[index].points = floors[index] }
            }
        }
    }

    /// The floors below which a choice is, with what binds each.
    /// - Parameters:
    ///   - choice: Of each candidate the position among its points.
    ///   - floors: Of each candidate the points that keep its floor too.
    static func broken(
        by choice: [Int], _ candidates: [Candidate], floors: [[Int]], within budget: BoardBudget
    ) -> [Infeasibility] {
        candidates.indices.compactMap { index in
            let (request, point) = (candidates[index].request, candidates[index].points[choice[index]])
            guard let floor = request.policy.accuracyFloor, !floors[index].contains(point) else { return nil }
            var others = candidates
            others[index].points = floors[index]
            let shortage = Shortage(of: others, within: budget).infeasibility
            return Infeasibility(
                constraint: .accuracyFloor, model: request.policy.model,
                reason: "model \(request.policy.model): beside the others its accuracy is "
                    + "\(Figure.text(request.points[point].accuracy, places: 4)), the accuracy floor is "
                    + "\(Figure.text(floor, places: 4)); with it \(shortage.reason)")
        }
    }
}
