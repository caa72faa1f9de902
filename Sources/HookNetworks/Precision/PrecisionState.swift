public import Engine
public import Fusion
public import PostTrainingQuantization

/// What a network of mixed precision needs besides the network's own weights, and the assignments of precisions that
/// gates choose among.
public struct PrecisionState: Equatable, Sendable {
    /// A convolution as an attachment point.
    public struct Convolution: Codable, Equatable, Sendable {
        /// The value that it computes.
        public var output: String
        public var `operator`: String
        public var flops: Int
        /// What one precision saves there against fp32 on the machine that built the hooks, conversions at its borders
        /// included, where all others are fp32.
        public var savedMicroseconds: [Precision: Double]

        public init(output: String, operator name: String, flops: Int, savedMicroseconds: [Precision: Double]) {
            (self.output, self.operator, self.flops) = (output, name, flops)
            self.savedMicroseconds = savedMicroseconds
        }
    }

    /// One precision for every convolution, in the order of the network.
    public typealias Mask = [Precision]

    /// How maps are rounded to 8 bits.
    public var ranges: EightBitRanges
    /// What channels are multiplied by before they are rounded, by the name of the map.
    public var gains: [String: [Float]]
    public var convolutions: [Convolution]
    /// From the cheapest up; each has a gate of its own, the hook of the same index. All have the same precisions in
    /// the first sections.
    public var masks: [Mask]
    /// The section before which the precision of the rest is chosen.
    public var border: Int

    public init(
        ranges: EightBitRanges, gains: [String: [Float]], convolutions: [Convolution] = [], masks: [Mask] = [],
        border: Int = 1
    ) {
        (self.ranges, self.gains, self.convolutions) = (ranges, gains, convolutions)
        (self.masks, self.border) = (masks, border)
    }
}

extension Precision: CodingKeyRepresentable {}

extension PrecisionState {
    /// As a hook file's manifest names it; numbers of channels are tensors beside it.
    struct Entry: Codable {
        struct Value: Codable {
            var name: String
            var scale: Float
            var zeroPoint: Int
        }
        var values: [Value]
        var gained: [String]
        var convolutions: [Convolution]
        var masks: [Mask]
        var border: Int
    }

    /// - Parameter keep: is given tensors and their names.
    func entry(_ keep: ([Float], String) -> Void) -> Entry {
        let (names, gained) = (ranges.quantizations.keys.sorted(), gains.keys.sorted())
        let values = names.compactMap { name in
            ranges.quantizations[name].map { Entry.Value(name: name, scale: $0.scale, zeroPoint: $0.zeroPoint) }
        }
        for (index, name) in names.enumerated() { keep(ranges.means[name] ?? [], "precision.means.\(index)") }
        for (index, name) in gained.enumerated() { keep(gains[name] ?? [], "precision.gains.\(index)") }
        return Entry(values: values, gained: gained, convolutions: convolutions, masks: masks, border: border)
    }

    /// - Parameter tensor: of a name.
    /// - Throws: where numbers are missing or cannot be.
    init(_ entry: Entry, _ tensor: (String) -> [Float]?) throws(HookRefusal) {
        var ranges = EightBitRanges(quantizations: [:], means: [:])
        var gains: [String: [Float]] = [:]
        for (index, value) in entry.values.enumerated() {
            guard value.scale > 0, value.scale.isFinite, (0...255).contains(value.zeroPoint),
                let means = tensor("precision.means.\(index)"), means.allSatisfy(\.isFinite)
            else { throw HookRefusal("the range of \(value.name) is none") }
            ranges.quantizations[value.name] = Quantization(
                scale: value.scale, zeroPoint: value.zeroPoint, isSigned: false)
            ranges.means[value.name] = means
        }
        for (index, name) in entry.gained.enumerated() {
            guard let values = tensor("precision.gains.\(index)"), values.allSatisfy({ $0 > 0 && $0.isFinite }) else {
                throw HookRefusal("the gains of \(name) are none")
            }
            gains[name] = values
        }
        self.init(
            ranges: ranges, gains: gains, convolutions: entry.convolutions, masks: entry.masks, border: entry.border)
    }
}
