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

    func bfloat16() -> DepthwiseKernels {
        DepthwiseKernels(bySize: Dictionary(uniqueKeysWithValues: bySize.map { ($0, $1.bfloat16(run: $0)) }))
    }

    private init(bySize: [Int: PackedConvolution]) { self.bySize = bySize }

    /// - Parameter prefix: name of the layer that holds `conv.weight` and the transform matrices.
    init(_ source: WeightSource, prefix: String, channels: Int, sizes: [Int]) throws(SupernetRefusal) {
        var packed: [Int: PackedConvolution] = [:]
        var larger: (size: Int, weight: [Float])?
        for size in sizes.sorted(by: >) {
            packed[size] = try source.convolution(
                "\(prefix).kernel\(size)", outputChannels: channels, rows: size * size
            ) { () throws(SupernetRefusal) in
                let weight = try Self.weight(source, prefix, channels: channels, size: size, from: larger)
                larger = (size, weight)
                return weight
            }
        }
        bySize = packed
    }

    private static func weight(
        _ source: WeightSource, _ prefix: String, channels: Int, size: Int, from larger: (size: Int, weight: [Float])?
    ) throws(SupernetRefusal) -> [Float] {
        guard let larger else { return try source.weights(prefix + ".conv.weight", shape: [channels, 1, size, size]) }
        let taps = size * size
        let matrix = try source.weights("\(prefix).\(larger.size)to\(size)_matrix", shape: [taps, taps])
        return transform(larger.weight, channels: channels, from: larger.size, to: size, matrix: matrix)
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
