import CKernels

/// Decides during which operation weights are called for from memory that a later one only streams through.
///
/// The layers of squeeze-and-excite and the last two layers read every weight once: alone they wait for memory, while
/// the convolutions before them leave it idle. Source of the idea: software prefetching; measured on Zen 4, where the
/// weights of a w1.0 supernet do not stay in a shared cache of 32 MB from one image to the next.
enum UpcomingWeights {
    /// Bytes of the smallest weights for which it pays: those of squeeze-and-excite gain less than the others lose.
    private static let smallest = 1 << 20
    /// Pixels of the widest tile: what the estimate of a convolution's tiles assumes.
    private static let tilePixels = 28

    /// From the last operation back: each takes the nearest earlier convolutions that have nothing to call for yet.
    static func assign(to operations: inout [PlanOperation]) {
        for index in operations.indices.reversed() {
            guard let target = operations[index].streamedWeights,
                Int(target.panels) * Int(target.rows) * 64 >= smallest
            else { continue }
            var left = Int(target.panels)
            for earlier in operations[..<index].indices.reversed() where left > 0 {
                let rows = operations[earlier].weightRows
                guard operations[earlier].upcoming.weights == nil,
                    let tiles = operations[earlier].spareTiles(tilePixels)
                else { continue }
                let panels = min(left, tiles / ((Int(target.rows) + rows - 1) / rows))
                guard panels > 0 else { continue }
                left -= panels
                operations[earlier].upcoming = ck_upcoming(
                    weights: target.weights + left * Int(target.panel_stride), panel_stride: target.panel_stride,
                    rows: target.rows, panels: Int32(panels))
            }
        }
    }
}

extension PlanOperation {
    /// The weights of an operation that uses each of them once.
    fileprivate var streamedWeights: ck_upcoming? {
        let isStreaming = kind == .scaleRows || (kind == .pointwise && output.pixels == 1)
        guard isStreaming, let weights, weightsOffset < 0 else { return nil }
        return ck_upcoming(
            weights: weights, panel_stride: Int64(panelStride * weightElement.bytes), rows: Int32(weightRows),
            panels: Int32(output.blocks))
    }

    /// Rows of 64 bytes that the operation reads of each panel of a pointwise convolution's weights.
    fileprivate var weightRows: Int {
        (input.channels * Int(CK_LANES) * weightElement.bytes + 63) / 64
    }

    /// Tiles of a convolution beyond its first strip of pixels, which calls for the convolution's own weights.
    fileprivate func spareTiles(_ tilePixels: Int) -> Int? {
        guard kind == .pointwise, output.pixels > 1 else { return nil }
        let strips = (output.pixels + tilePixels - 1) / tilePixels
        return (strips - 1) * output.blocks
    }
}
