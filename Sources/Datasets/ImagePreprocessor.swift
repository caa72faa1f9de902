/// Turns the bytes of an image into the floats that a network reads: `(x / 255 - mean) / std`, resized.
///
/// Bilinear with half-pixel centres, without antialiasing (`align_corners` false in PyTorch's `interpolate`). The
/// tables are made once per pair of sizes; converting an image allocates nothing.
public struct ImagePreprocessor: Sendable {
    /// Two source positions and the weight of the second, per target position.
    private struct Tap: Sendable {
        let low: Int32
        let high: Int32
        let weight: Float
    }

    private let channels: Int
    private let height: Int
    private let width: Int
    private let side: Int
    private let rows: [Tap]
    private let columns: [Tap]
    /// Per channel: the value of byte `b` is `b * factor + offset`.
    private let factors: [Float]
    private let offsets: [Float]

    /// - Parameter side: height and width of the result, in pixels.
    /// - Precondition: a mean and a positive deviation per channel.
    public init(channels: Int, height: Int, width: Int, side: Int, mean: [Float], std: [Float]) {
        precondition(
            mean.count == channels && std.count == channels && std.allSatisfy { $0 > 0 }, "\(channels) channels")
        precondition(height > 0 && width > 0 && side > 0, "\(height)x\(width) to \(side)")
        self.channels = channels
        self.height = height
        self.width = width
        self.side = side
        rows = Self.taps(from: height, to: side)
        columns = Self.taps(from: width, to: side)
        factors = std.map { 1 / (255 * $0) }
        offsets = zip(mean, std).map { -$0 / $1 }
    }

    private static func taps(from source: Int, to target: Int) -> [Tap] {
        let ratio = Float(source) / Float(target)
        return (0..<target).map { position in
            let centre = max(0, (Float(position) + 0.5) * ratio - 0.5)
            let low = min(Int(centre), source - 1)
            return Tap(low: Int32(low), high: Int32(min(low + 1, source - 1)), weight: centre - Float(low))
        }
    }

    /// Writes image `index` channel by channel, row by row.
    public func convert(_ images: ImageSet, at index: Int, into output: UnsafeMutableBufferPointer<Float>) {
        precondition(output.count == channels * side * side, "a buffer of \(output.count) floats")
        precondition(images.channels == channels && images.height == height && images.width == width, "other images")
        images.pixels.withUnsafeBufferPointer { pixels in
            var target = 0
            for channel in 0..<channels {
                let plane = index * images.imageBytes + channel * height * width
                let (factor, offset) = (factors[channel], offsets[channel])
                for row in rows {
                    let (top, bottom) = (plane + Int(row.low) * width, plane + Int(row.high) * width)
                    for column in columns {
                        let (left, right) = (Int(column.low), Int(column.high))
                        let upper = mix(pixels[top + left], pixels[top + right], column.weight)
                        let lower = mix(pixels[bottom + left], pixels[bottom + right], column.weight)
                        output[target] = (upper + (lower - upper) * row.weight) * factor + offset
                        target += 1
                    }
                }
            }
        }
    }

    @inline(__always)
    private func mix(_ first: UInt8, _ second: UInt8, _ weight: Float) -> Float {
        Float(first) + (Float(second) - Float(first)) * weight
    }
}

extension ImagePreprocessor {
    /// For the images of a set.
    /// - Parameters:
    ///   - file: what a refusal names.
    ///   - channels: those that the network reads, each with its mean and deviation.
    /// - Throws: `DatasetFailure` when the images have others.
    public init(
        for images: ImageSet, file: String, channels: Int, side: Int, mean: [Float], std: [Float]
    ) throws(DatasetFailure) {
        try Self.check(images, file: file, channels: channels)
        self.init(
            channels: channels, height: images.height, width: images.width, side: side, mean: mean, std: std)
    }

    public static func check(_ images: ImageSet, file: String, channels: Int) throws(DatasetFailure) {
        guard images.channels == channels else {
            throw DatasetFailure(
                file: file, reason: "images have \(images.channels) channels, the network reads \(channels)")
        }
    }
}
