/// Why a description of a supernet cannot be used.
public struct ArchitectureRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    public let field: String
    public let reason: String

    public init(field: String, reason: String) {
        self.field = field
        self.reason = reason
    }

    public var description: String { "\(field): \(reason)" }
}

extension SupernetArchitecture {
    /// The largest input side that a description may ask for, in pixels; bounds every buffer that follows from it.
    public static let resolutionLimit = 1024
    /// The most stages or blocks per stage that a description may ask for.
    public static let stageLimit = 16

    /// Largest mean or deviation of an input in units of its full range, and the inverse of the smallest deviation.
    public static let normalizationLimit: Float = 1_000

    /// Refuses a description whose fields contradict each other or are out of bounds.
    public func validate() throws(ArchitectureRefusal) {
        try check("inputChannels", [inputChannels], within: 1...16)
        try check("resolutions", resolutions, within: 8...Self.resolutionLimit)
        try check("kernelSizes", kernelSizes, within: 1...7)
        try check("expandRatios", expandRatios, within: 1...16)
        try check("depths", depths, within: 1...Self.stageLimit)
        try check("stemStride", [stemStride], within: 1...2)
        try check("strides", strides, within: 1...2)
        let choices = [
            ("resolutions", resolutions), ("kernelSizes", kernelSizes), ("expandRatios", expandRatios),
            ("depths", depths),
        ]
        for (field, values) in choices where Set(values).count != values.count {
            throw ArchitectureRefusal(field: field, reason: "a value occurs twice")
        }
        guard kernelSizes.allSatisfy({ $0 % 2 == 1 }) else {
            throw ArchitectureRefusal(field: "kernelSizes", reason: "kernel sizes must be odd")
        }
        guard strides.count <= Self.stageLimit else {
            throw ArchitectureRefusal(field: "strides", reason: "more than \(Self.stageLimit) stages")
        }
        try checkCount("activations", activations.count, strides.count)
        try checkCount("squeezeExcite", squeezeExcite.count, strides.count)
        try checkCount("mean", mean.count, inputChannels)
        try checkCount("std", std.count, inputChannels)
        // Of x / 255: anything far outside is a slip that would show only as worthless statistics.
        guard mean.allSatisfy({ abs($0) <= Self.normalizationLimit }) else {
            throw ArchitectureRefusal(field: "mean", reason: "values must lie within +-\(Self.normalizationLimit)")
        }
        guard std.allSatisfy({ $0 >= 1 / Self.normalizationLimit && $0 <= Self.normalizationLimit }) else {
            throw ArchitectureRefusal(
                field: "std",
                reason: "values must lie within \(1 / Self.normalizationLimit)...\(Self.normalizationLimit)")
        }
    }

    private func check(_ field: String, _ values: [Int], within range: ClosedRange<Int>) throws(ArchitectureRefusal) {
        guard !values.isEmpty else { throw ArchitectureRefusal(field: field, reason: "is empty") }
        for value in values where !range.contains(value) {
            throw ArchitectureRefusal(field: field, reason: "\(value) is outside \(range)")
        }
    }

    private func checkCount(_ field: String, _ found: Int, _ expected: Int) throws(ArchitectureRefusal) {
        guard found == expected else {
            throw ArchitectureRefusal(field: field, reason: "expected \(expected) values, found \(found)")
        }
    }
}
