import CKernels

/// Weights of a convolution in the kernels' order: panels of 16 output channels, input channels (or taps) in order
/// inside a panel. The subnet with fewer channels reads a prefix of it.
public struct PackedConvolution: Sendable {
    public let weights: AlignedBuffer
    /// Rows of a panel: input channels times taps at full width.
    public let rows: Int
    public let outputChannels: Int
    public let element: MapElement
    /// Values from one panel to the next.
    public let panelStride: Int

    /// - Parameter weight: `[output][rows]` in row-major order, as PyTorch stores `[out][in][kh][kw]`.
    public init(weight: [Float], outputChannels: Int, rows: Int) {
        precondition(weight.count == outputChannels * rows, "\(weight.count) weights for \(outputChannels)x\(rows)")
        let lanes = Int(CK_LANES)
        self.rows = rows
        self.outputChannels = outputChannels
        element = .float32
        panelStride = rows * lanes
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
        element = .float32
        panelStride = rows * Int(CK_LANES)
        self.weights = weights
    }

    /// The same weights as bfloat16: two neighbouring rows of a run lie value by value beside each other, and the last
    /// row of an odd run beside zeros.
    /// - Parameter run: rows that belong together: the taps of one row of a depthwise window; all of them without it.
    public func bfloat16(run: Int? = nil) -> PackedConvolution {
        PackedConvolution(narrowing: self, run: run ?? rows)
    }

    /// - Precondition: the weights are floats and their rows are whole runs.
    private init(narrowing source: PackedConvolution, run: Int) {
        precondition(
            source.element == .float32 && run > 0 && source.rows % run == 0, "\(source.rows) in runs of \(run)")
        let lanes = Int(CK_LANES)
        rows = source.rows
        outputChannels = source.outputChannels
        element = .bfloat16
        panelStride = rows / run * Self.rows(run, .bfloat16) * lanes
        let panels = (outputChannels + lanes - 1) / lanes
        weights = AlignedBuffer(count: panels * panelStride / 2)
        weights.base.withMemoryRebound(to: UInt16.self, capacity: panels * panelStride) { packed in
            for panel in 0..<panels {
                for row in 0..<rows {
                    let place = row / run * Self.rows(run, .bfloat16) + row % run
                    for lane in 0..<lanes {
                        packed[panel * panelStride + place / 2 * 2 * lanes + 2 * lane + place % 2] =
                            BFloat16.bits(source.weights.base[panel * source.panelStride + row * lanes + lane])
                    }
                }
            }
        }
    }

    /// Rows that a run of rows takes.
    static func rows(_ rows: Int, _ element: MapElement) -> Int { element == .bfloat16 ? (rows + 1) / 2 * 2 : rows }

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
    public init(scale: [Float], shift: [Float]) {
        precondition(scale.count == shift.count, "\(scale.count) scales, \(shift.count) shifts")
        let lanes = Int(CK_LANES)
        padded = (scale.count + lanes - 1) / lanes * lanes
        buffer = AlignedBuffer(count: 2 * padded)
        for (position, value) in scale.enumerated() { buffer.base[position] = value }
        for (position, value) in shift.enumerated() { buffer.base[padded + position] = value }
    }
}
