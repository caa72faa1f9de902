/// Features of a NAS-Bench-201 cell: four points, six edges (0-1, 0-2, 1-2, 0-3, 1-3, 2-3), each none, skip, 1x1, 3x3
/// or pooling.
///
/// Both all edges and those on a path from input to output are counted: compilers leave out the others, frameworks
/// run them.
///
/// Source: Dong and Yang, "NAS-Bench-201", ICLR 2020.
enum NASBench201Features {
    private static let edges = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]
    /// Work of an operation relative to a 1x1 convolution.
    private static let work = [0, 0, 1, 9, 0.2]

    /// By operation: depth, and two guesses of duration.
    private static let pathCosts: [[Double]] = [[0, 0, 1, 1, 1], [0, 0, 1, 3, 1], [0, 0, 1, 9, 0]]

    static func features(_ operations: [Int]) -> (counts: [Double], choices: [Double]) {
        let live = connected(operations)
        var counts: [Double] = []
        for list in [operations, live] {
            for operation in 0..<5 { counts.append(Double(list.count { $0 == operation })) }
        }
        for costs in pathCosts { counts.append(longestPath(live, costs)) }
        let arriving = (0..<4).map { point in zip(edges, live).count { $0.1 == point && $1 != 0 } }
        counts.append(Double(arriving.reduce(0) { $0 + max(0, $1 - 1) }))
        counts.append(live.contains { $0 != 0 } ? 1 : 0)
        for list in [live, operations] { counts.append(logarithm(6 + list.reduce(0.0) { $0 + work[$1] })) }
        return (counts, oneHot(operations, operations: 1..<5) + oneHot(live, operations: 1..<5))
    }

    /// The cell with edges that no path uses set to none.
    static func connected(_ operations: [Int]) -> [Int] {
        var reached: Set = [0]
        for (edge, operation) in zip(edges, operations) where operation != 0 && reached.contains(edge.0) {
            reached.insert(edge.1)
        }
        var used: Set = [3]
        for (edge, operation) in zip(edges, operations).reversed() where operation != 0 && used.contains(edge.1) {
            used.insert(edge.0)
        }
        return zip(edges, operations).map { reached.contains($0.0) && used.contains($0.1) ? $1 : 0 }
    }

    private static func longestPath(_ live: [Int], _ costs: [Double]) -> Double {
        var longest: [Double?] = [0, nil, nil, nil]
        for (edge, operation) in zip(edges, live) where operation != 0 {
            guard let start = longest[edge.0] else { continue }
            longest[edge.1] = max(longest[edge.1] ?? 0, start + costs[operation])
        }
        return longest[3] ?? 0
    }
}
