/// What a graph may hold. Whoever writes a file chooses these numbers, so each has a limit.
public enum GraphLimits {
    public static let nodes = 65_536
    public static let inputs = 1_024
    public static let initialisers = 65_000
    /// Of a node: inputs, outputs, attributes.
    public static let nodeValues = 1_024
    public static let rank = 8
    /// Of any value that is computed.
    public static let valueBytes = 1 << 31
    /// Elements that are computed before a network runs, of all values together; four times those of its initialisers
    /// where that is more.
    public static let foldedElements = 1 << 20

    package static func check(_ count: Int, _ limit: Int, _ what: String) throws(GraphFailure) {
        guard count <= limit else { throw GraphFailure("\(count) \(what) are more than \(limit)") }
    }

    /// The number of elements of a shape, if a value of that shape may exist.
    @discardableResult
    public static func checkedCount(of shape: [Int], _ element: ElementType) throws(GraphFailure) -> Int {
        try check(shape.count, rank, "dimensions")
        // Dimensions beside a zero count as well, so that products of some of them cannot overflow either.
        var bytes = element.byteCount
        for dimension in shape {
            guard dimension >= 0 else { throw GraphFailure("the shape \(shape) has a negative dimension") }
            let (product, overflow) = bytes.multipliedReportingOverflow(by: max(dimension, 1))
            guard !overflow, product <= valueBytes else {
                throw GraphFailure("a value of shape \(shape) is larger than \(valueBytes) bytes")
            }
            bytes = product
        }
        return shape.reduce(1, *)
    }
}
