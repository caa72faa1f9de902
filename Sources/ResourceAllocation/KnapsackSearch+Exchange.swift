extension KnapsackSearch {
    private static let sweeps = 6
    private static let least = 1e-12

    /// Exchanges one item, then one for another, while the choice gains by it.
    func improved(_ start: Choice) -> Choice { exchanged(start) { gain, _ in gain > Self.least } }

    /// The same value for less of the first resource, where an exchange brings that.
    func polished(_ start: Choice) -> Choice {
        exchanged(start) { gain, saved in gain > Self.least || (gain >= 0 && saved > Self.tolerance) }
    }

    private func exchanged(_ start: Choice, isBetter: (_ gain: Double, _ saved: Double) -> Bool) -> Choice {
        var entries = start.entries
        var used = entries.reduce(Costs.zero) { $0 + $1.item.costs }
        var (isOpen, sweep) = (true, 0)
        while isOpen, sweep < Self.sweeps {
            (isOpen, sweep) = (false, sweep + 1)
            for (first, front) in fronts.enumerated() {
                for candidate in front where candidate.choice != entries[first].choice {
                    let gain = candidate.item.value - entries[first].item.value
                    let saved = entries[first].spent - candidate.spent
                    let costs = used - entries[first].item.costs + candidate.item.costs
                    if Swift.all(costs .<= Self.all) {
                        guard isBetter(gain, saved) else { continue }
                        (used, entries[first]) = (costs, candidate)
                    } else {
                        guard gain > Self.least,
                            let (second, partner) = partner(
                                beside: first, entries, costs: costs, isBetter: { isBetter(gain + $0, saved + $1) })
                        else { continue }
                        used = costs - entries[second].item.costs + partner.item.costs
                        (entries[first], entries[second]) = (candidate, partner)
                    }
                    isOpen = true
                }
            }
        }
        let result = Choice(entries)
        return result.value >= start.value ? result : start
    }

    /// Another class's item that makes room and leaves some of the gain.
    private func partner(
        beside first: Int, _ entries: [Entry], costs: Costs, isBetter: (_ gain: Double, _ saved: Double) -> Bool
    ) -> (Int, Entry)? {
        for (second, front) in fronts.enumerated() where second != first {
            let old = entries[second]
            let room = Self.all - costs + old.item.costs
            for entry in front
            where Swift.all(entry.item.costs .<= room)
                && isBetter(entry.item.value - old.item.value, old.spent - entry.spent)
            {
                return (second, entry)
            }
        }
        return nil
    }
}
