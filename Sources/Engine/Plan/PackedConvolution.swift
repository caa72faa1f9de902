import CKernels

/// Weights of a convolution in the kernels' order: panels of 16 output channels, input channels (or taps) in order
/// inside a panel. The subnet with fewer channels reads a prefix of it.
public struct PackedConvolution: Sendable {
    public let weights: AlignedBuffer
    /// Rows of a panel: input channels times taps at full width.
    public let rows: Int
    public let outputChannels: Int
    public var panelStride: Int { rows * Int(CK_LANES) }

    /// - Parameter weight: `[output][rows]` in row-major order, as PyTorch stores `[out][in][kh][kw]`.
    public init(weight: [Float], outputChannels: Int, rows: Int) {
        precondition(weight.count == outputChannels * rows, "\(weight.count) weights for \(outputChannels)x\(rows)")
        let lanes = Int(CK_LANES)
        self.rows = rows
        self.outputChannels = outputChannels
        weights = AlignedBuffer(count: Self.packedCount(outputChannels: outputChannels, rows: rows))
        for output in 0..<outputChannels {
            let panel = weights.base + output / lanes * rows * lanes + output % lanes
            for row in 0..<rows { panel[row * lanes] = weight[output * rows + row] }
        }
    }

    /// Weights that are in this order already.
    package init(packed weights: AlignedBuffer, outputChannels: Int, rows: Int) {
        let count = Self.packedCount(outputChannels: outputChannels, rows: rows)
        precondition(weights.count == count, "\(weights.count) packed weights for \(outputChannels)x\(rows)")
        self.rows = rows
        self.outputChannels = outputChannels
        self.weights = weights
    }

    /// Floats in the kernels' order: whole panels.
    package static func packedCount(outputChannels: Int, rows: Int) -> Int {
        let lanes = Int(CK_LANES)
        return (outputChannels + lanes - 1) / lanes * rows * lanes
    }

    public var byteCount: Int { weights.byteCount }
}

/// Per-channel scale and shift of an epilogue, padded to whole blocks with zeros.
public struct Epilogue: Sendable {
    public let buffer: AlignedBuffer
    private let padded: Int
    public var scale: UnsafePointer<Float> { UnsafePointer(buffer.base) }
    public var shift: UnsafePointer<Float> { UnsafePointer(buffer.base + padded) }

    /// - Precondition: as many scales as shifts.
    public init(scale: some Collection<Float>, shift: some Collection<Float>) {
        precondition(scale.count == shift.count, "\(scale.count) scales, \(shift.count) shifts")
        let lanes = Int(CK_LANES)
        padded = (scale.count + lanes - 1) / lanes * lanes
        buffer = AlignedBuffer(count: 2 * padded)
        for (position, value) in scale.enumerated() { buffer.base[position] = value }
        for (position, value) in shift.enumerated() { buffer.base[padded + position] = value }
    }
}
