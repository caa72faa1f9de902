/// What is left of states or items when those are taken out that another beats.
enum StateFront {
    /// With several resources a state is compared with this many kept before it, those nearest in cost; beyond,
    /// comparing costs more than the states that it saves.
    private static let comparisons = 64
    /// The same items added up in another order differ by less.
    private static let rounding = 1e-12

    /// Without those that another beats or equals in value and every resource; of equals, the one with the least
    /// `rank`, then the first, stays.
    static func undominated<State>(
        _ states: [State], resources: [Int], item: (State) -> MultipleChoiceKnapsack.Item, rank: (State) -> Double
    ) -> [State] {
        let items = states.map(item)
        let weights = items.map { $0.costs.sum() }
        let ranks = states.map(rank)
        let order = states.indices.sorted {
            if weights[$0] != weights[$1] { return weights[$0] < weights[$1] }
            if items[$0].value != items[$1].value { return items[$0].value > items[$1].value }
            return (ranks[$0], $0) < (ranks[$1], $1)
        }
        var front: [Int] = []
        guard resources.count > 1 else {
            var highest = -Double.infinity
            for index in order where items[index].value > highest + rounding {
                front.append(index)
                highest = items[index].value
            }
            return front.map { states[$0] }
        }
        for index in order {
            let (value, costs) = (items[index].value - rounding, items[index].costs + rounding)
            var isBeaten = false
            var place = front.count - 1
            let last = max(0, front.count - comparisons)
            while place >= last, !isBeaten {
                let other = items[front[place]]
                isBeaten = other.value >= value && all(other.costs .<= costs)
                place -= 1
            }
            if !isBeaten { front.append(index) }
        }
        return front.map { states[$0] }
    }
}
