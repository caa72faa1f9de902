public import CKernels

/// One kernel call of a plan: everything but the address of the arena.
///
/// @unchecked because the pointers lead to packed weights and epilogues that are immutable and kept alive by the
/// plan that holds the operation.
public struct PlanOperation: @unchecked Sendable {
    public enum Kind: Sendable {
        case stem, pointwise, depthwise, pool, scale, scaleRows
        case convolution, imageConvolution, border, winogradInput, winogradOutput, windowPool, add
        case fromRows, toRows, gather, resample, interleave, combine, affine, softmax, layerNorm, grouped, filter
        /// Copies of a map in another element.
        case narrow, widen
        case quantizedConvolution, quantizedDepthwise, quantizedBorder, quantizedImage, quantizedPool, quantizedAdd
        case quantizedScale, quantizedLookup, quantize
    }

    /// A map in blocks of 16 channels.
    public struct Shape: Equatable, Sendable {
        public var channels: Int
        public var height: Int
        public var width: Int

        public init(channels: Int, height: Int, width: Int) {
            self.channels = channels
            self.height = height
            self.width = width
        }

        public var pixels: Int { height * width }
        public var blocks: Int { (channels + Int(CK_LANES) - 1) / Int(CK_LANES) }
        /// Values, spare lanes included.
        public var storage: Int { blocks * pixels * Int(CK_LANES) }

        /// Floats in the arena.
        func floats(of element: MapElement) -> Int { (storage * element.bytes + 3) / 4 }
    }

    public let kind: Kind
    let function: ck_function
    public let input: Shape
    public let output: Shape
    package var inputOffset: Int
    public package(set) var outputOffset: Int
    /// Offset of the map that is added to the result, or -1.
    var residualOffset: Int
    var weights: UnsafePointer<Float>?
    let panelStride: Int
    let kernel: Int
    let stride: Int
    /// Channel factors in the arena, for `scale` and `scaleRows`; elsewhere -1.
    var factorsOffset: Int
    /// Where a depthwise operation also leaves its means over all pixels, or -1.
    var meansOffset: Int
    /// Weights of a pointwise operation that `scaleRows` left in the arena, or -1.
    var weightsOffset: Int
    var scale: UnsafePointer<Float>?
    var shift: UnsafePointer<Float>?
    let activation: ck_activation
    /// Weights of a later operation that this one calls for from memory.
    var upcoming = ck_upcoming()
    /// The activation again, with its parameters.
    var parameters = Activation.none
    /// The activation follows the addition of the residual.
    var activatesSum = false
    /// Of depthwise, pooling and dense operations.
    var window = Window(kernel: 1)
    var pooling = CK_POOL_MAX
    /// Pixels of a row that a depthwise tile computes at once.
    var rowTile = 8
    /// Tiles of a Winograd convolution, and rows and columns of one.
    var tiles = 0..<0
    package var tileSide = 4
    /// Transformed input of a Winograd convolution, or -1.
    var scratchOffset = -1
    var maps = MapParameters()
    /// What the maps and the weights are stored as; an added map is stored as the output is.
    public internal(set) var inputElement = MapElement.float32
    public internal(set) var outputElement = MapElement.float32
    public internal(set) var weightElement = MapElement.float32

    /// What operations on maps of bytes need besides.
    var quantized: QuantizedParameters?

    /// Twice the multiply-adds of convolutions by their definition, however they are computed; pooling, scaling and
    /// activations do not count.
    public var flops: Int {
        switch kind {
        case .stem: 2 * 9 * input.channels * output.channels * output.pixels
        case .pointwise: 2 * input.channels * output.channels * output.pixels
        case .depthwise: 2 * kernel * kernel * output.channels * output.pixels
        case .pool, .scale, .scaleRows: 0
        case .quantizedConvolution: 2 * window.taps * input.channels * output.channels * output.pixels
        case .quantizedDepthwise: 2 * window.taps * output.channels * output.pixels
        default: denseFlops
        }
    }

    /// Twice the multiply-adds of convolutions that are really done: of Winograd's method those in the transformed
    /// domain, a quarter to four ninths of `flops` where tiles are whole, without its transforms; of depthwise ones on
    /// floats those inside the map.
    public var executedFlops: Int {
        switch kind {
        case .winogradOutput: denseWork
        case .depthwise: executedDepthwiseFlops
        default: flops
        }
    }

    /// The same operation with `scale` and `shift` in place of its own, without activation and residual.
    public func raw(scale: UnsafePointer<Float>, shift: UnsafePointer<Float>) -> PlanOperation {
        var result = PlanOperation(
            kind: kind, function: function, input: input, output: output, inputOffset: inputOffset,
            outputOffset: outputOffset, residualOffset: -1, weights: weights, panelStride: panelStride,
            kernel: kernel, stride: stride, factorsOffset: factorsOffset, meansOffset: -1,
            weightsOffset: weightsOffset, scale: scale, shift: shift, activation: CK_NONE)
        result.window = window
        result.rowTile = rowTile
        return result
    }

    /// The epilogue with other `scale` and `shift`, for a result that `raw` left in the arena.
    public func epilogue(
        in arena: UnsafeMutablePointer<Float>, scale: UnsafePointer<Float>, shift: UnsafePointer<Float>
    ) -> ck_epilogue {
        ck_epilogue(
            scale: scale, shift: shift, residual: residualOffset < 0 ? nil : UnsafeRawPointer(arena + residualOffset),
            activation: Int32(bitPattern: activation.rawValue),
            order: Int32((activatesSum ? CK_RESIDUAL_THEN_ACTIVATION : CK_ACTIVATION_THEN_RESIDUAL).rawValue),
            first: parameters.first, second: parameters.second)
    }

    /// The means over all pixels that a depthwise operation leaves beside its result, computed again from a result
    /// that was changed since.
    public func updateMeans(in arena: UnsafeMutablePointer<Float>, _ kernels: KernelSet) {
        guard meansOffset >= 0 else { return }
        var call = ck_pool(
            input: arena + outputOffset, output: arena + meansOffset, pixels: Int32(output.pixels),
            blocks: Int32(output.blocks))
        kernels.kernel(CK_OP_POOL)(&call, 0, 1)
    }

    /// Runs the kernel, or share `part` of `parts` of it; shares may run at the same time.
    @inline(__always)
    public func perform(in arena: UnsafeMutablePointer<Float>, part: Int32 = 0, of parts: Int32 = 1) {
        switch kind {
        case .pointwise:
            var call = pointwiseCall(in: arena)
            function(&call, part, parts)
        case .depthwise:
            var call = depthwiseCall(in: arena)
            function(&call, part, parts)
        case .stem:
            var call = ck_stem(
                input: arena + inputOffset, output: arena + outputOffset, weights: weights,
                epilogue: epilogue(in: arena), input_height: Int32(input.height), input_width: Int32(input.width),
                output_height: Int32(output.height), output_width: Int32(output.width),
                input_channels: Int32(input.channels), stride: Int32(stride), output_blocks: Int32(output.blocks))
            function(&call, part, parts)
        case .pool, .scale, .scaleRows:
            performSmall(in: arena, part, parts)
        case .fromRows, .toRows, .gather, .resample, .interleave, .combine, .affine, .softmax, .layerNorm, .grouped,
            .filter:
            performMap(in: arena, part, parts)
        default:
            if let quantized {
                performQuantized(quantized, in: arena, part, parts)
            } else {
                performDense(in: arena, part, parts)
            }
        }
    }

    @inline(__always)
    func pointwiseCall(in arena: UnsafeMutablePointer<Float>) -> ck_pointwise {
        ck_pointwise(
            input: arena + inputOffset, output: arena + outputOffset,
            weights: weightsOffset < 0 ? UnsafeRawPointer(weights) : UnsafeRawPointer(arena + weightsOffset),
            epilogue: epilogue(in: arena), panel_stride: Int64(panelStride), pixels: Int32(output.pixels),
            input_channels: Int32(input.channels), output_channels: Int32(output.channels), upcoming: upcoming)
    }

    @inline(__always)
    func depthwiseCall(in arena: UnsafeMutablePointer<Float>) -> ck_depthwise {
        ck_depthwise(
            input: arena + inputOffset, output: arena + outputOffset, weights: weights,
            epilogue: epilogue(in: arena), input_height: Int32(input.height), input_width: Int32(input.width),
            output_height: Int32(output.height), output_width: Int32(output.width), kernel: Int32(kernel),
            stride: Int32(stride), blocks: Int32(output.blocks), row_tile: Int32(rowTile),
            means: meansOffset < 0 ? nil : arena + meansOffset,
            top: Int32(window.border.top),
            left: Int32(window.border.left))
    }

    private func performSmall(in arena: UnsafeMutablePointer<Float>, _ part: Int32, _ parts: Int32) {
        switch kind {
        case .pool:
            var call = ck_pool(
                input: arena + inputOffset, output: arena + outputOffset, pixels: Int32(input.pixels),
                blocks: Int32(input.blocks))
            function(&call, part, parts)
        case .scale:
            var call = ck_scale(
                map: arena + inputOffset, factors: arena + factorsOffset, pixels: Int32(input.pixels),
                blocks: Int32(input.blocks))
            function(&call, part, parts)
        default:
            var call = ck_scale_rows(
                weights: weights, factors: arena + factorsOffset, output: arena + outputOffset,
                panel_stride: Int64(panelStride), rows: Int32(input.channels), panels: Int32(output.blocks))
            function(&call, part, parts)
        }
    }

    func epilogue(in arena: UnsafeMutablePointer<Float>) -> ck_epilogue {
        guard let scale, let shift else { preconditionFailure("\(kind) has no epilogue") }
        return epilogue(in: arena, scale: scale, shift: shift)
    }
}
