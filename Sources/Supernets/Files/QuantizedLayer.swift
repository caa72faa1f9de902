import Engine
import Foundation
import Packages

/// One layer's statistics in two bytes per channel.
///
/// The logarithm of the variance, and the mean in units of the deviation, each as one of 256 steps between the layer's
/// least and greatest. Both errors are then relative to the activations that the statistics normalise.
///
/// Measured over the twelve golden subnets (10,000 images each), against 32-bit floats: 256 steps change top-1 by at
/// most 0.05 points, 64 steps by up to 0.66, 32 by 0.49, 16 by 5.6; groups of 32 channels with ranges of their own do
/// not help.
struct QuantizedLayer: Equatable {
    private static let steps: Float = 255

    /// `low + code * step` is the value.
    struct Codes: Equatable {
        var low: Float
        var step: Float
        var codes: [UInt8]

        init(low: Float, step: Float, codes: [UInt8]) {
            self.low = low
            self.step = step
            self.codes = codes
        }

        /// - Precondition: the values are finite.
        init(_ values: [Float]) {
            let (least, greatest) = (values.min() ?? 0, values.max() ?? 0)
            low = least
            step = (greatest - least) / QuantizedLayer.steps
            let step = step
            codes = values.map { step > 0 ? UInt8(min(steps, (($0 - least) / step).rounded())) : 0 }
        }

        var values: [Float] { codes.map { low + Float($0) * step } }
    }

    var logarithms: Codes
    var means: Codes

    init(logarithms: Codes, means: Codes) {
        self.logarithms = logarithms
        self.means = means
    }

    /// - Returns: `nil` unless the means are finite and the variances finite and not negative, as many of each.
    init?(_ layer: SubnetStatistics.Layer) {
        guard layer.mean.count == layer.variance.count, layer.mean.allSatisfy(\.isFinite),
            layer.variance.allSatisfy({ $0.isFinite && $0 >= 0 })
        else { return nil }
        logarithms = Codes(layer.variance.map { log2($0 + BatchNormalization.epsilon) })
        // In units of the deviation that will be read back, so that the two errors do not add up.
        means = Codes(zip(layer.mean, logarithms.values).map { $0 / exp2($1 / 2) })
    }

    var layer: SubnetStatistics.Layer {
        let logarithms = logarithms.values
        return SubnetStatistics.Layer(
            mean: zip(means.values, logarithms).map { $0 * exp2($1 / 2) },
            variance: logarithms.map { max(0, exp2($0) - BatchNormalization.epsilon) })
    }
}

/// A subnet's layers as bytes, little-endian; per layer, in ascending order of its number:
///
///     u16 number | u32 channels | 2 x (f32 low | f32 step) | channels x u8 variance | channels x u8 mean
enum StatisticsCoding {
    static func byteCount(channels: Int) -> Int { 22 + 2 * channels }

    /// - Parameter names: a layer's number is its place among them.
    static func encode(_ layers: [String: QuantizedLayer], names: [String]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (number, name) in names.enumerated() {
            guard let layer = layers[name] else { continue }
            bytes.append(littleEndian: UInt16(number))
            bytes.append(littleEndian: UInt32(layer.means.codes.count))
            for part in [layer.logarithms, layer.means] { bytes.append(floats: [part.low, part.step]) }
            bytes += layer.logarithms.codes + layer.means.codes
        }
        return bytes
    }

    static func decode(
        _ bytes: [UInt8], names: [String]
    ) throws(ReadingFailure) -> [String: QuantizedLayer] {
        var reader = ByteReader(bytes)
        var layers: [String: QuantizedLayer] = [:]
        while reader.remaining > 0 {
            let number = Int(try reader.read(UInt16.self))
            guard number < names.count else { throw ReadingFailure("layer \(number) has no name") }
            let channels = Int(try reader.read(UInt32.self))
            let ranges = bytes.floats(in: try reader.take(16))
            guard ranges.allSatisfy(\.isFinite) else { throw ReadingFailure("a range is not finite") }
            let variances = Array(bytes[try reader.take(channels)])
            let means = Array(bytes[try reader.take(channels)])
            let layer = QuantizedLayer(
                logarithms: .init(low: ranges[0], step: ranges[1], codes: variances),
                means: .init(low: ranges[2], step: ranges[3], codes: means))
            guard layers.updateValue(layer, forKey: names[number]) == nil else {
                throw ReadingFailure("occurs twice", subject: names[number])
            }
        }
        return layers
    }
}
