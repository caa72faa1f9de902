/// Features at an attachment point and the damage that a decision there did: what gates learn from.
///
/// Bounded by bytes. Once full, each new sample takes the place of a random one, so that the share of old samples falls
/// exponentially and gates follow a stream that changes (Aggarwal 2006, "On biased reservoir sampling").
public struct GateSamples: Equatable, Sendable {
    public let featureCount: Int
    public let byteLimit: Int
    /// Samples ever added.
    public private(set) var seen = 0
    /// Row by row: features, then damage.
    private(set) var values: [Float] = []

    /// - Parameter byteLimit: memory of the samples; room for one at least.
    public init(featureCount: Int, byteLimit: Int) {
        precondition(featureCount > 0, "\(featureCount) features")
        self.featureCount = featureCount
        self.byteLimit = byteLimit
    }

    /// Samples from a file.
    /// - Returns: `nil` unless whole rows of finite numbers with damages in 0...1 that keep to the limit.
    init?(featureCount: Int, byteLimit: Int, seen: Int, values: [Float]) {
        self.init(featureCount: featureCount, byteLimit: byteLimit)
        guard values.count % rowCount == 0, values.count / rowCount <= capacity, seen >= values.count / rowCount,
            values.allSatisfy(\.isFinite)
        else { return nil }
        self.values = values
        self.seen = seen
        guard (0..<count).allSatisfy({ (0...1).contains(damage($0)) }) else { return nil }
    }

    private var rowCount: Int { featureCount + 1 }
    public var capacity: Int { max(1, byteLimit / (rowCount * MemoryLayout<Float>.stride)) }
    public var count: Int { values.count / rowCount }
    public var byteCount: Int { values.count * MemoryLayout<Float>.stride }

    /// - Parameter damage: 0...1
    public mutating func add(
        _ features: UnsafeBufferPointer<Float>, damage: Float, using generator: inout some RandomNumberGenerator
    ) {
        precondition(features.count == featureCount, "\(features.count) features")
        seen += 1
        if count < capacity {
            if values.isEmpty { values.reserveCapacity(min(capacity, 256) * rowCount) }
            values.append(contentsOf: features)
            values.append(damage)
            return
        }
        let row = Int.random(in: 0..<count, using: &generator) * rowCount
        for index in 0..<featureCount { values[row + index] = features[index] }
        values[row + featureCount] = damage
    }

    /// The same samples under another limit; where there are too many, the last ones.
    func limited(to byteLimit: Int) -> GateSamples {
        var result = GateSamples(featureCount: featureCount, byteLimit: byteLimit)
        result.values = Array(values.suffix(result.capacity * rowCount))
        result.seen = seen
        return result
    }

    public func features(_ index: Int) -> ArraySlice<Float> {
        values[index * rowCount..<index * rowCount + featureCount]
    }

    /// 0...1
    public func damage(_ index: Int) -> Float { values[index * rowCount + featureCount] }
}
