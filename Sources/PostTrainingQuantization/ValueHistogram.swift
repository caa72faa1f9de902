#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How often values occur, in bins whose width is a power of two that grows with the largest of them: bounded memory,
/// one pass, and the same counts in whatever order or by however many histograms the values are gathered.
public struct ValueHistogram: Equatable, Sendable {
    /// Bins on either side of zero.
    static let half = 4096
    /// Where every histogram begins: 2^-40.
    private static let leastExponent = -40

    /// A bin is 2^exponent wide.
    private(set) var exponent = Self.leastExponent
    /// Bin `half` begins at zero.
    private(set) var counts = [Int](repeating: 0, count: 2 * Self.half)
    public private(set) var count = 0
    public private(set) var least = Float.infinity
    public private(set) var greatest = -Float.infinity
    /// A value was infinite, not a number, or beyond 2^100.
    public private(set) var isBroken = false

    public init() {}

    var width: Double { scalbn(1, exponent) }

    /// Middle of a bin.
    func middle(_ bin: Int) -> Double { (Double(bin - Self.half) + 0.5) * width }

    /// Bins that hold something.
    var occupied: Range<Int> {
        guard let first = counts.firstIndex(where: { $0 > 0 }), let last = counts.lastIndex(where: { $0 > 0 }) else {
            return Self.half..<Self.half
        }
        return first..<last + 1
    }

    public mutating func add(_ values: some Sequence<Float>) {
        let values = Array(values)
        values.withUnsafeBufferPointer { add($0, lanes: $0.count, of: $0.count) }
    }

    /// Adds the first values of every row.
    /// - Parameters:
    ///   - values: rows of `row` values.
    ///   - lanes: how many of each row are read.
    public mutating func add(_ values: UnsafeBufferPointer<Float>, lanes: Int, of row: Int) {
        guard lanes > 0, row >= lanes else { return }
        var (low, high) = (Float.infinity, -Float.infinity)
        var isFinite = true
        for first in stride(from: 0, to: values.count, by: row) {
            for index in first..<first + lanes {
                let value = values[index]
                low = min(low, value)
                high = max(high, value)
                isFinite = isFinite && abs(value) < 0x1p100
            }
        }
        guard isFinite, !isBroken else {
            isBroken = true
            return
        }
        least = min(least, low)
        greatest = max(greatest, high)
        widen(to: max(abs(low), abs(high)))
        let scale = Float(1 / width)
        counts.withUnsafeMutableBufferPointer { counts in
            for first in stride(from: 0, to: values.count, by: row) {
                for index in first..<first + lanes {
                    counts[Int((values[index] * scale).rounded(.down)) + Self.half] += 1
                }
            }
        }
        count += values.count / row * lanes
    }

    public mutating func add(_ other: ValueHistogram) {
        var other = other
        isBroken = isBroken || other.isBroken
        while exponent < other.exponent { widen() }
        while other.exponent < exponent { other.widen() }
        for bin in counts.indices { counts[bin] += other.counts[bin] }
        count += other.count
        least = min(least, other.least)
        greatest = max(greatest, other.greatest)
    }

    private mutating func widen(to most: Float) {
        while Double(most) >= Double(Self.half) * width { widen() }
    }

    /// Joins the bins in pairs, the two beside zero not with each other.
    private mutating func widen() {
        exponent += 1
        if count == 0 { return }
        var joined = [Int](repeating: 0, count: counts.count)
        for bin in counts.indices { joined[(bin + Self.half) / 2] += counts[bin] }
        counts = joined
    }
}
