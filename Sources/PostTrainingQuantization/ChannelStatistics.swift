#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Mean and greatest magnitude of each channel of a map over many images.
struct ChannelStatistics: Equatable, Sendable {
    private var sums: [Double]
    /// Values of each channel.
    private(set) var pixels = 0
    private(set) var magnitudes: [Float]

    init(channels: Int) {
        sums = [Double](repeating: 0, count: channels)
        magnitudes = [Float](repeating: 0, count: channels)
    }

    var means: [Double] { sums.map { pixels == 0 ? 0 : $0 / Double(pixels) } }

    mutating func count(_ pixels: Int) { self.pixels += pixels }

    /// Adds the first values of every row to as many channels.
    mutating func add(_ values: UnsafeBufferPointer<Float>, lanes: Int, of row: Int, from channel: Int) {
        var part = [Double](repeating: 0, count: lanes)
        var most = [Float](repeating: 0, count: lanes)
        for first in stride(from: 0, to: values.count, by: row) {
            for lane in 0..<lanes {
                part[lane] += Double(values[first + lane])
                most[lane] = max(most[lane], abs(values[first + lane]))
            }
        }
        for lane in 0..<lanes {
            sums[channel + lane] += part[lane]
            magnitudes[channel + lane] = max(magnitudes[channel + lane], most[lane])
        }
    }

    mutating func add(_ other: ChannelStatistics) {
        for channel in sums.indices {
            sums[channel] += other.sums[channel]
            magnitudes[channel] = max(magnitudes[channel], other.magnitudes[channel])
        }
        pixels += other.pixels
    }
}

extension Float {
    func raised(to exponent: Double) -> Float { Float(pow(Double(self), exponent)) }
}
