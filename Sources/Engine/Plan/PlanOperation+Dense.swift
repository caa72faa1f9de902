import CKernels

extension PlanOperation {
    /// Output pixels of the operation's tiles of a Winograd convolution.
    private var tilePixels: Int {
        let side = tileSide
        let across = (output.width + side - 1) / side
        return tiles.reduce(0) { sum, tile in
            let rows = min(side, output.height - tile / across * side)
            return sum + rows * min(side, output.width - tile % across * side)
        }
    }

    /// Multiply-adds counted as two operations; those of the definition, however the result is computed.
    var denseFlops: Int {
        let perPixel = 2 * window.taps * input.channels * output.channels
        return switch kind {
        case .convolution, .imageConvolution: perPixel * output.pixels
        case .winogradOutput: perPixel * tilePixels
        case .grouped: perPixel * output.pixels / maps.groups
        case .filter: 2 * window.taps * output.channels * output.pixels
        default: 0
        }
    }

    /// Arithmetic that takes about as long as the operation does.
    var denseWork: Int {
        switch kind {
        case .convolution, .imageConvolution, .grouped, .filter: denseFlops
        case .softmax, .layerNorm: 32 * output.storage
        case .winogradOutput: 2 * denseWeightCount * tiles.count
        case .winogradInput:
            16 * DenseConvolution.Method.taps(side: tileSide) * Int(CK_LANES) * input.blocks * tiles.count
        default: 8 * (input.storage + output.storage)
        }
    }

    /// Values of the weights that the operation reads.
    var denseWeightCount: Int {
        switch kind {
        case .convolution, .imageConvolution: window.taps * input.channels * output.channels
        case .winogradOutput: DenseConvolution.Method.taps(side: tileSide) * input.channels * output.channels
        case .grouped: window.taps * input.channels * output.channels / maps.groups
        case .filter: window.taps * output.channels
        default: 0
        }
    }

    func performDense(in arena: UnsafeMutablePointer<Float>, _ part: Int32, _ parts: Int32) {
        switch kind {
        case .convolution, .imageConvolution: performConvolution(in: arena, part, parts)
        case .winogradInput, .winogradOutput: performWinograd(in: arena, part, parts)
        case .windowPool: performWindowPool(in: arena, part, parts)
        case .border:
            var call = ck_border(
                input: arena + inputOffset, output: arena + outputOffset, height: Int32(input.height),
                width: Int32(input.width), top: Int32(window.border.top), left: Int32(window.border.left),
                bottom: Int32(window.border.bottom), right: Int32(window.border.right), blocks: Int32(input.blocks))
            function(&call, part, parts)
        case .narrow, .widen:
            var call = ck_conversion(
                input: arena + inputOffset, output: arena + outputOffset, count: Int64(output.storage))
            function(&call, part, parts)
        default:
            var call = ck_add(
                input: arena + inputOffset, other: residualOffset < 0 ? nil : UnsafeRawPointer(arena + residualOffset),
                output: arena + outputOffset, count: Int64(output.storage),
                activation: Int32(bitPattern: activation.rawValue), first: parameters.first,
                second: parameters.second)
            function(&call, part, parts)
        }
    }

    private func performConvolution(in arena: UnsafeMutablePointer<Float>, _ part: Int32, _ parts: Int32) {
        var call = convolutionCall(in: arena)
        function(&call, part, parts)
    }

    func convolutionCall(in arena: UnsafeMutablePointer<Float>) -> ck_convolution {
        let bordered = kind == .imageConvolution ? window.border.around(input) : input
        return ck_convolution(
            input: arena + inputOffset, output: arena + outputOffset, weights: weights, epilogue: epilogue(in: arena),
            window: window.call, input_height: Int32(bordered.height), input_width: Int32(bordered.width),
            output_height: Int32(output.height), output_width: Int32(output.width),
            input_channels: Int32(input.channels), output_blocks: Int32(output.blocks))
    }

    private func performWinograd(in arena: UnsafeMutablePointer<Float>, _ part: Int32, _ parts: Int32) {
        var call = winogradCall(in: arena)
        function(&call, part, parts)
    }

    func winogradCall(in arena: UnsafeMutablePointer<Float>) -> ck_winograd {
        ck_winograd(
            input: arena + inputOffset, output: arena + outputOffset, transformed: arena + scratchOffset,
            weights: weights, epilogue: epilogue(in: arena), input_height: Int32(input.height),
            input_width: Int32(input.width), output_height: Int32(output.height),
            output_width: Int32(output.width), top: Int32(window.border.top), left: Int32(window.border.left),
            input_channels: Int32(input.channels), output_blocks: Int32(output.blocks),
            first_tile: Int32(tiles.lowerBound), tiles: Int32(tiles.count),
            side: Int32(tileSide))
    }

    private func performWindowPool(in arena: UnsafeMutablePointer<Float>, _ part: Int32, _ parts: Int32) {
        var call = ck_window_pool(
            input: arena + inputOffset, output: arena + outputOffset, window: window.call,
            input_height: Int32(input.height), input_width: Int32(input.width),
            output_height: Int32(output.height), output_width: Int32(output.width), blocks: Int32(output.blocks),
            kind: Int32(bitPattern: pooling.rawValue))
        function(&call, part, parts)
    }
}
