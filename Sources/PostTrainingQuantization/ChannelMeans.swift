/// Mean of each channel of a map over many images.
struct ChannelMeans: Equatable, Sendable {
    private var sums: [Double]
    private var pixels = 0

    init(channels: Int) { sums = [Double](repeating: 0, count: channels) }

    var means: [Double] { sums.map { pixels == 0 ? 0 : $0 / Double(pixels) } }

    mutating func count(_ pixels: Int) { self.pixels += pixels }

    /// Adds the first values of every row to as many channels.
    mutating func add(_ values: UnsafeBufferPointer<Float>, lanes: Int, of row: Int, from channel: Int) {
        var part = [Double](repeating: 0, count: lanes)
        part.withUnsafeMutableBufferPointer { part in
            for first in stride(from: 0, to: values.count, by: row) {
                for lane in 0..<lanes { part[lane] += Double(values[first + lane]) }
            }
        }
        for lane in 0..<lanes { sums[channel + lane] += part[lane] }
    }

    mutating func add(_ other: ChannelMeans) {
        for channel in sums.indices { sums[channel] += other.sums[channel] }
        pixels += other.pixels
    }
}
