import CKernels

/// Weights of a convolution over all input channels, packed for one way to compute it.
public struct DenseConvolution: Sendable {
    public enum Method: Equatable, Sendable {
        /// Every product, whatever the window.
        case direct
        /// Winograd's F(4x4, 3x3) or F(2x2, 3x3), 3x3 with stride and dilation 1 only. Side 4: a quarter of the
        /// products, four times the weights, and rounding errors of about 1e-5 of the layer's largest value instead of
        /// 1e-6. Side 2: half the products, twice the weights, and errors like those of the direct way.
        case winograd(side: Int)

        /// The fastest for a layer.
        ///
        /// Measured on Zen 4, one thread, us, direct, side 4 and side 2: 56x56 64->64 1983, 620, 1036; 28x28 128->128
        /// 1972, 563, 954; 14x14 256->256 1970, 693, 920; 7x7 512->512 1987, 1567, 1189; 7x7 64->64 31, 12, 21; 32x32
        /// 16->16 42, 19, 31. On the fourth, side 4 waits for its 38 MB of weights. `Benchmarks/layers` measures again.
        ///
        /// With maps of bfloat16 the direct way takes half the time, Winograd's, in floats between such maps, as
        /// long as before: 56x56 64->64 1002 us direct, 28x28 128->128 990, 14x14 256->256 986, 7x7 512->512 985.
        public static func suited(
            to window: Window, input: PlanOperation.Shape, outputs: Int, element: MapElement = .float32
        ) -> Method {
            let isPossible =
                window.kernel == .init(3, 3) && window.stride == .init(1, 1) && window.dilation == .init(1, 1)
            guard isPossible, min(input.channels, outputs) >= fewestChannels else { return .direct }
            let weights = taps(side: 4) * input.channels * outputs
            if input.pixels >= 64 || weights <= nearWeights { return .winograd(side: 4) }
            return element == .bfloat16 ? .direct : .winograd(side: 2)
        }

        /// Transformed weights that a shared cache keeps from one inference to the next.
        private static let nearWeights = 1 << 20
        private static let fewestChannels = 8

        /// Products of one tile.
        static func taps(side: Int) -> Int { (side + 2) * (side + 2) }
    }

    public let method: Method
    public let window: Window
    public let inputChannels: Int
    public let outputChannels: Int
    public let weights: AlignedBuffer
    /// Of the maps that it is for; Winograd's weights are floats whatever those hold.
    public let element: MapElement
    public var byteCount: Int { weights.byteCount }

    /// - Parameter weight: `[output][input][kernel row][kernel column]`, as ONNX and PyTorch store it.
    public init(
        weight: [Float], inputChannels: Int, outputChannels: Int, window: Window, method: Method,
        element: MapElement = .float32
    ) {
        precondition(weight.count == inputChannels * outputChannels * window.taps, "\(weight.count) weights")
        self.method = method
        self.window = window
        self.element = element
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        switch method {
        case .direct:
            weights =
                element == .bfloat16
                ? Self.paired(weight, inputChannels, outputChannels, window.taps)
                : Self.direct(weight, inputChannels, outputChannels, window.taps)
        case .winograd(let side):
            precondition(side == 4 || side == 2, "tiles of \(side)")
            precondition(window.kernel == .init(3, 3) && window.stride == .init(1, 1), "\(window)")
            precondition(window.dilation == .init(1, 1), "\(window)")
            let lanes = Int(CK_LANES)
            let panels = (outputChannels + lanes - 1) / lanes
            weights = AlignedBuffer(count: panels * Method.taps(side: side) * inputChannels * lanes)
            weight.withUnsafeBufferPointer {
                ck_winograd_weights(
                    Int32(side), $0.baseAddress, weights.base, Int32(outputChannels), Int32(inputChannels))
            }
        }
    }

    /// Weights whose values do not matter, for measurements.
    init(inputChannels: Int, outputChannels: Int, window: Window, unknownFor method: Method) {
        self.method = method
        self.window = window
        element = .float32
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        let taps =
            switch method {
            case .direct: window.taps
            case .winograd(let side): Method.taps(side: side)
            }
        weights = AlignedBuffer(
            count: PackedConvolution.packedCount(outputChannels: outputChannels, rows: taps * inputChannels))
        weights.base.update(repeating: 0.01, count: weights.count)
    }

    /// `[panel][input block][tap][channel of the block][16]`: in the order in which a tile reads them.
    private static func direct(_ weight: [Float], _ inputs: Int, _ outputs: Int, _ taps: Int) -> AlignedBuffer {
        let lanes = Int(CK_LANES)
        let packed = AlignedBuffer(count: (outputs + lanes - 1) / lanes * inputs * taps * lanes)
        for output in 0..<outputs {
            for input in 0..<inputs {
                let first = input / lanes * lanes
                let width = min(lanes, inputs - first)
                let block = packed.base + (output / lanes * inputs + first) * taps * lanes
                for tap in 0..<taps {
                    block[(tap * width + input - first) * lanes + output % lanes] =
                        weight[(output * inputs + input) * taps + tap]
                }
            }
        }
        return packed
    }

    /// `[panel][input block][tap][pair of channels of the block][16][2]` as bfloat16; an odd last channel beside zeros.
    private static func paired(_ weight: [Float], _ inputs: Int, _ outputs: Int, _ taps: Int) -> AlignedBuffer {
        let lanes = Int(CK_LANES)
        let pairs = (inputs + 1) / 2
        let count = (outputs + lanes - 1) / lanes * pairs * taps * lanes
        let packed = AlignedBuffer(count: count)
        packed.base.withMemoryRebound(to: UInt16.self, capacity: 2 * count) { packed in
            for output in 0..<outputs {
                for input in 0..<inputs {
                    let first = input / lanes * lanes
                    let width = (min(lanes, inputs - first) + 1) / 2
                    let block = packed + 2 * (output / lanes * pairs + first / 2) * taps * lanes
                    for tap in 0..<taps {
                        block[2 * ((tap * width + (input - first) / 2) * lanes + output % lanes) + input % 2] =
                            BFloat16.bits(weight[(output * inputs + input) * taps + tap])
                    }
                }
            }
        }
        return packed
    }
}
