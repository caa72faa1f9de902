/// All combinations of the last classes' entries, by falling value: of those that fit what a state leaves, the first is
/// the best, and it is found among the few whose value lies between what would be better and what is possible.
struct TailTable {
    private(set) var values: [Double] = []
    private(set) var costs: [MultipleChoiceKnapsack.Costs] = []
    /// One position for every front, the first front's in the lowest digit.
    private var codes: [Int] = []
    private let fronts: [[KnapsackSearch.Entry]]

    /// - Parameter lossLimit: combinations that lose more at the dual's prices are left out.
    init(_ fronts: [[KnapsackSearch.Entry]], lossLimit: Double) {
        typealias Row = (value: Double, costs: MultipleChoiceKnapsack.Costs, loss: Double, code: Int)
        self.fronts = fronts
        var rows: [Row] = [(0, .zero, 0, 0)]
        var digit = 1
        for front in fronts {
            var next: [Row] = []
            next.reserveCapacity(rows.count * front.count)
            for row in rows {
                for (index, entry) in front.enumerated() where row.loss + entry.loss <= lossLimit {
                    next.append(
                        (
                            row.value + entry.item.value, row.costs + entry.item.costs, row.loss + entry.loss,
                            row.code + digit * index
                        ))
                }
            }
            rows = next
            digit *= front.count
        }
        let ranked = rows.indices.sorted {
            (rows[$1].value, rows[$0].costs[0], rows[$0].code) < (rows[$0].value, rows[$1].costs[0], rows[$1].code)
        }
        values = ranked.map { rows[$0].value }
        costs = ranked.map { rows[$0].costs }
        codes = ranked.map { rows[$0].code }
    }

    /// The first position whose value is no higher.
    func first(worthAtMost value: Double) -> Int {
        var (low, high) = (0, values.count)
        while low < high {
            let middle = (low + high) / 2
            if values[middle] <= value { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// One of every front.
    func entries(at index: Int) -> [KnapsackSearch.Entry] {
        var code = codes[index]
        return fronts.map { front in
            defer { code /= front.count }
            return front[code % front.count]
        }
    }
}
