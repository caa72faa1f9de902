import Engine

/// The depthwise weights of one block for every kernel size, each made from the next larger one.
///
/// Source: Once-for-All, section 3.3: the centre of the larger kernel times a learnt matrix. The published code
/// computes `x * M^T`, M as stored; the 3x3 kernel comes from the *transformed* 5x5 one.
struct DepthwiseKernels: Sendable {
    private let bySize: [Int: PackedConvolution]

    subscript(size: Int) -> PackedConvolution {
        guard let packed = bySize[size] else { preconditionFailure("kernel size \(size) was not packed") }
        return packed
    }

    var byteCount: Int { bySize.values.reduce(0) { $0 + $1.byteCount } }

    /// - Parameter prefix: name of the layer that holds `conv.weight` and the transform matrices.
    init(_ source: TensorSource, prefix: String, channels: Int, sizes: [Int]) throws(SupernetRefusal) {
        let descending = sizes.sorted(by: >)
        var size = descending[0]
        var weight = try source.values(prefix + ".conv.weight", shape: [channels, 1, size, size])
        var packed = [size: PackedConvolution(weight: weight, outputChannels: channels, rows: size * size)]
        for smaller in descending.dropFirst() {
            let taps = smaller * smaller
            let matrix = try source.values("\(prefix).\(size)to\(smaller)_matrix", shape: [taps, taps])
            weight = Self.transform(weight, channels: channels, from: size, to: smaller, matrix: matrix)
            packed[smaller] = PackedConvolution(weight: weight, outputChannels: channels, rows: taps)
            size = smaller
        }
        bySize = packed
    }

    /// Per channel, the centre of the kernel as a row vector times the transposed matrix.
    static func transform(
        _ weight: [Float], channels: Int, from size: Int, to smaller: Int, matrix: [Float]
    ) -> [Float] {
        let taps = smaller * smaller
        let margin = (size - smaller) / 2
        var result = [Float](repeating: 0, count: channels * taps)
        for channel in 0..<channels {
            for row in 0..<taps {
                var sum: Float = 0
                for column in 0..<taps {
                    let (y, x) = (margin + column / smaller, margin + column % smaller)
                    sum += weight[(channel * size + y) * size + x] * matrix[row * taps + column]
                }
                result[channel * taps + row] = sum
            }
        }
        return result
    }
}
