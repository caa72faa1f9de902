/// Trade-offs between a cost, to be small, and a value, to be large.
public enum ParetoFront {
    /// The places of the points that no other dominates, by ascending cost; of equal points the first. Along them
    /// the value rises strictly.
    public static func places(costs: [Double], values: [Double]) -> [Int] {
        precondition(costs.count == values.count, "a point has a cost and a value")
        let order = costs.indices.sorted {
            (costs[$0], -values[$0], $0) < (costs[$1], -values[$1], $1)
        }
        var front: [Int] = []
        for place in order where front.last.map({ values[place] > values[$0] }) ?? true { front.append(place) }
        return front
    }

    /// The area that the points dominate up to a reference of higher cost and lower value; points outside it do not
    /// count.
    ///
    /// Source: Zitzler and Thiele, "Multiobjective optimization using evolutionary algorithms", PPSN 1998.
    public static func hypervolume(
        costs: [Double], values: [Double], referenceCost: Double, referenceValue: Double
    ) -> Double {
        let front = places(costs: costs, values: values)
            .filter { costs[$0] < referenceCost && values[$0] > referenceValue }
        var area = 0.0
        var floor = referenceValue
        for place in front {
            area += (referenceCost - costs[place]) * (values[place] - floor)
            floor = values[place]
        }
        return area
    }
}
