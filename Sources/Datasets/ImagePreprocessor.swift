public import Packages

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
    private let size: ImageSize
    private let rows: [Tap]
    private let columns: [Tap]
    /// Per channel: the value of byte `b` is `b * factor + offset`.
    private let factors: [Float]
    private let offsets: [Float]

    /// - Parameter size: of the result.
    /// - Precondition: a mean and a positive deviation per channel.
    public init(channels: Int, height: Int, width: Int, size: ImageSize, mean: [Float], std: [Float]) {
        precondition(
            mean.count == channels && std.count == channels && std.allSatisfy { $0 > 0 }, "\(channels) channels")
        precondition(height > 0 && width > 0 && size.height > 0 && size.width > 0, "\(height)x\(width) to \(size)")
        self.channels = channels
        self.height = height
        self.width = width
        self.size = size
        rows = Self.taps(from: height, to: size.height)
        columns = Self.taps(from: width, to: size.width)
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
        precondition(images.channels == channels && images.height == height && images.width == width, "other images")
        images.pixels.withUnsafeBufferPointer { pixels in
            convert(
                UnsafeBufferPointer(rebasing: pixels[index * images.imageBytes..<(index + 1) * images.imageBytes]),
                .planar, into: output)
        }
    }

    /// How the bytes of an image follow each other.
    public enum Layout: Sendable {
        /// Channel by channel, row by row.
        case planar
        /// Row by row, the channels of a pixel side by side, as decoders and cameras give them.
        case interleaved
    }

    /// Writes an image channel by channel, row by row.
    public func convert(
        _ pixels: UnsafeBufferPointer<UInt8>, _ layout: Layout, into output: UnsafeMutableBufferPointer<Float>
    ) {
        precondition(output.count == channels * size.pixels, "a buffer of \(output.count) floats")
        precondition(pixels.count == channels * height * width, "\(pixels.count) bytes of an image")
        let (step, plane) = layout == .planar ? (1, height * width) : (channels, 1)
        var target = 0
        for channel in 0..<channels {
            let (factor, offset) = (factors[channel], offsets[channel])
            for row in rows {
                let top = channel * plane + Int(row.low) * width * step
                let bottom = channel * plane + Int(row.high) * width * step
                for column in columns {
                    let (left, right) = (Int(column.low) * step, Int(column.high) * step)
                    let upper = mix(pixels[top + left], pixels[top + right], column.weight)
                    let lower = mix(pixels[bottom + left], pixels[bottom + right], column.weight)
                    output[target] = (upper + (lower - upper) * row.weight) * factor + offset
                    target += 1
                }
            }
        }
    }

    /// Resizes an image that is normalised already, channel by channel, row by row.
    public func resize(_ values: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>) {
        precondition(output.count == channels * size.pixels, "a buffer of \(output.count) floats")
        precondition(values.count == channels * height * width, "\(values.count) values of an image")
        var target = 0
        for channel in 0..<channels {
            for row in rows {
                let top = (channel * height + Int(row.low)) * width
                let bottom = (channel * height + Int(row.high)) * width
                for column in columns {
                    let (left, right) = (Int(column.low), Int(column.high))
                    let upper = values[top + left] + (values[top + right] - values[top + left]) * column.weight
                    let lower = values[bottom + left] + (values[bottom + right] - values[bottom + left]) * column.weight
                    output[target] = upper + (lower - upper) * row.weight
                    target += 1
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
        for images: ImageSet, file: String, channels: Int, size: ImageSize, mean: [Float], std: [Float]
    ) throws(DatasetFailure) {
        try Self.check(images, file: file, channels: channels)
        self.init(
            channels: channels, height: images.height, width: images.width, size: size, mean: mean, std: std)
    }

    public static func check(_ images: ImageSet, file: String, channels: Int) throws(DatasetFailure) {
        guard images.channels == channels else {
            let refusal = "images have \(images.channels) channels, the network reads \(channels)"
            let shape = [images.count, images.channels, images.height, images.width]
            // An array whose channels are last fits in its shape and in nothing else.
            let hint = "; the shape \(shape) is read as images x channels x height x width"
            throw DatasetFailure(file: file, reason: refusal + (images.width == channels ? hint : ""))
        }
    }
}
