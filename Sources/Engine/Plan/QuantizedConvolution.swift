import CKernels
import Fusion

/// Weights of 8 bits in the kernels' order, with what the input's zero adds to every sum, taken away: [16] integers per
/// output block.
///
/// The orders are those of `ck_quantized_convolution` and `ck_quantized_depthwise`.
struct QuantizedConvolution: Sendable {
    let weights: AlignedBuffer
    /// Integers that sums begin with.
    let start: AlignedBuffer
    let window: Window
    let inputChannels: Int
    let outputChannels: Int
    let isDepthwise: Bool

    /// - Parameters:
    ///   - values: `[output][input / groups][kernel row][kernel column]`.
    ///   - zero: the byte that stands for 0 in the input.
    init(
        values: [Int8], inputChannels: Int, outputChannels: Int, window: Window, isDepthwise: Bool, zero: Int
    ) {
        let perOutput = (isDepthwise ? 1 : inputChannels) * window.taps
        precondition(values.count == outputChannels * perOutput, "\(values.count) weights")
        precondition(perOutput <= FusedConvolution.mostIntegerProducts, "\(perOutput) products per value")
        self.window = window
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        self.isDepthwise = isDepthwise
        let lanes = Int(CK_LANES)
        let blocks = (outputChannels + lanes - 1) / lanes
        start = AlignedBuffer(count: blocks * lanes)
        start.base.withMemoryRebound(to: Int32.self, capacity: blocks * lanes) { start in
            for output in 0..<outputChannels {
                let sum = values[output * perOutput..<(output + 1) * perOutput].reduce(0) { $0 + Int($1) }
                start[output] = Int32(-zero * sum)
            }
        }
        weights =
            isDepthwise
            ? Self.depthwise(values, blocks, outputChannels, window)
            : Self.dense(values, blocks, inputChannels, outputChannels, window.taps)
    }

    /// `[panel][input block][tap][quad][16][4]`
    private static func dense(_ values: [Int8], _ blocks: Int, _ inputs: Int, _ outputs: Int, _ taps: Int)
        -> AlignedBuffer
    {
        let lanes = Int(CK_LANES)
        let quads = (inputs + 3) / 4
        let panel = quads * taps * lanes * 4
        let buffer = AlignedBuffer(count: blocks * panel / 4)
        buffer.base.withMemoryRebound(to: Int8.self, capacity: blocks * panel) { packed in
            for output in 0..<outputs {
                let target = packed + output / lanes * panel + output % lanes * 4
                for input in 0..<inputs {
                    let firstQuad = input / lanes * 4
                    let width = min(4, quads - firstQuad)
                    for tap in 0..<taps {
                        let row = firstQuad * taps + tap * width + (input / 4 - firstQuad)
                        target[row * lanes * 4 + input % 4] = values[(output * inputs + input) * taps + tap]
                    }
                }
            }
        }
        return buffer
    }

    /// `[block][kernel row][quad][2][16][4]`
    private static func depthwise(_ values: [Int8], _ blocks: Int, _ channels: Int, _ window: Window) -> AlignedBuffer {
        let lanes = Int(CK_LANES)
        let (rows, columns) = (window.kernel.rows, window.kernel.columns)
        let quads = (columns + 4) / 4
        let block = rows * quads * 2 * lanes * 4
        let buffer = AlignedBuffer(count: blocks * block / 4)
        buffer.base.withMemoryRebound(to: Int8.self, capacity: blocks * block) { packed in
            for channel in 0..<channels {
                let target = packed + channel / lanes * block + channel % lanes * 4
                for row in 0..<rows {
                    for column in 0..<columns {
                        for later in 0..<2 {
                            let place = column + later
                            let quad = (row * quads + place / 4) * 2 + later
                            target[quad * lanes * 4 + place % 4] =
                                values[(channel * rows + row) * columns + column]
                        }
                    }
                }
            }
        }
        return buffer
    }
}
