/// Why a file is no table of points: a sentence that begins with the field, where one is to blame.
public struct TableRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

extension ParetoTable {
    /// - Throws: what no subnet can have, and points that do not rise.
    public func validate() throws(TableRefusal) {
        guard (1...FleetLimits.pointsPerModel).contains(points.count) else {
            throw TableRefusal("has \(points.count) points, allowed are 1 to \(FleetLimits.pointsPerModel)")
        }
        for (index, point) in points.enumerated() {
            do throws(PointRefusal) {
                try point.validate()
                try point.validateTails()
            } catch { throw TableRefusal("\(error.at("points[\(index)]"))") }
        }
        for (index, pair) in zip(points, points.dropFirst()).enumerated()
        where pair.0.latencyMilliseconds >= pair.1.latencyMilliseconds || pair.0.accuracy >= pair.1.accuracy {
            throw TableRefusal("points[\(index + 1)]: latency and accuracy must rise from point to point")
        }
    }
}
