/// What no operating point can have, and the field that says it: `points[2].demand.threads`.
public struct PointRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    public let field: String
    public let reason: String

    public var description: String { "\(field): \(reason)" }

    func at(_ path: String) -> PointRefusal { PointRefusal(field: "\(path).\(field)", reason: reason) }
}

extension OperatingPoint {
    /// Whatever the point's latency was measured on: a board measures it anew, and keeps the percentiles of the table.
    func validate() throws(PointRefusal) {
        let (latency, limit) = (latencyMilliseconds, BoardDescription.latencyLimitMilliseconds)
        guard latency > 0 && latency <= limit else {
            throw PointRefusal(
                field: "latencyMilliseconds", reason: "\(latency) is not above 0 and at most \(Figure.text(limit))")
        }
        try within("accuracy", accuracy, 0...1)
        guard flops >= 0 else { throw PointRefusal(field: "flops", reason: "\(flops) is negative") }
        do { try demand?.validate() } catch { throw error.at("demand") }
    }

    /// Of a point whose latency and percentiles were measured together: no percentile above the median is below it.
    func validateTails() throws(PointRefusal) {
        for (index, tail) in (demand?.percentiles ?? []).enumerated()
        where tail.percentile >= 50 && tail.milliseconds < latencyMilliseconds {
            let texts = Figure.texts(tail.milliseconds, latencyMilliseconds)
            throw PointRefusal(
                field: "demand.percentiles[\(index)].milliseconds",
                reason: "\(texts.first) is below the median, latencyMilliseconds, which is \(texts.second)")
        }
    }
}

extension PointDemand {
    /// Percentiles that may be measured of one point.
    public static let percentileLimit = 8
    public static let precisionBytes = 8
    public static let threadRange = 1...4_096
    public static let energyLimitMillijoules = 1e9
    /// Over all threads.
    public static let cpuLimitMilliseconds = BoardDescription.latencyLimitMilliseconds * 4_096

    fileprivate func validate() throws(PointRefusal) {
        let name = precision ?? "fp32"
        let isNamed =
            name.utf8.count <= Self.precisionBytes
            && name.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
        guard isNamed else {
            throw PointRefusal(
                field: "precision", reason: "has more than \(Self.precisionBytes) bytes or a control character")
        }
        guard Self.threadRange.contains(threads) else {
            throw PointRefusal(
                field: "threads",
                reason: "\(threads) is outside \(Self.threadRange.lowerBound) to \(Self.threadRange.upperBound)")
        }
        guard memoryBytes <= UInt64(Int64.max) else {
            throw PointRefusal(field: "memoryBytes", reason: "\(memoryBytes) is above \(Int64.max)")
        }
        try within("hookBudget", hookBudget ?? 0, 0...1)
        try within("cpuMilliseconds", cpuMilliseconds ?? 0, 0...Self.cpuLimitMilliseconds)
        try within("energyMillijoules", energyMillijoules, 0...Self.energyLimitMillijoules)
        guard percentiles.count <= Self.percentileLimit else {
            throw PointRefusal(
                field: "percentiles", reason: "has \(percentiles.count), more than \(Self.percentileLimit)")
        }
        for (index, one) in percentiles.enumerated() {
            let field = "percentiles[\(index)]"
            try within("\(field).percentile", one.percentile, 0...100)
            try within("\(field).milliseconds", one.milliseconds, 0...BoardDescription.latencyLimitMilliseconds)
        }
        if let fault = fallingPercentiles { throw PointRefusal(field: "percentiles", reason: fault) }
    }

    /// Why these percentiles were not measured together: one of more frames is below one of fewer. `nil` where they
    /// rise, in whatever order they stand.
    public var fallingPercentiles: String? {
        let rising = percentiles.sorted { ($0.percentile, $0.milliseconds) < ($1.percentile, $1.milliseconds) }
        guard
            let (lower, higher) = zip(rising, rising.dropFirst()).first(where: { $0.milliseconds > $1.milliseconds })
        else { return nil }
        let texts = Figure.texts(higher.milliseconds, lower.milliseconds)
        return "p\(Figure.shown(higher.percentile)) is \(texts.first) ms, below p\(Figure.shown(lower.percentile)), "
            + "which is \(texts.second) ms"
    }
}

private func within(_ field: String, _ value: Double, _ range: ClosedRange<Double>) throws(PointRefusal) {
    guard range.contains(value) else {
        let limits = "\(Figure.text(range.lowerBound)) to \(Figure.text(range.upperBound))"
        throw PointRefusal(field: field, reason: "\(value) is outside \(limits)")
    }
}
