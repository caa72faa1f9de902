import CKernels

/// What operations on maps of bytes need: see quantized.h of CKernels for every name.
struct QuantizedParameters {
    var weights: UnsafePointer<Int8>?
    var start: UnsafePointer<Int32>?
    var table: UnsafePointer<UInt8>?
    var reals: UnsafePointer<Float>?
    var inputScale: Float = 1
    var residualScale: Float = 0
    var residualZero: Float = 0
    var finalScale: Float = 1
    var finalZero: Float = 0
    var low: Int32 = 0
    var high: Int32 = 255
    /// Of the input.
    var zero: Int32 = 0
    var factorZero: Int32 = 0
    var outputZero: Int32 = 0
    /// The input is an image, four bytes a pixel.
    var isImage = false
}

extension PlanOperation {
    private var isReal: Int32 { outputElement == .float32 ? 1 : 0 }

    func performQuantized(
        _ quantized: QuantizedParameters, in arena: UnsafeMutablePointer<Float>, _ part: Int32, _ parts: Int32
    ) {
        let source = UnsafeRawPointer(arena + inputOffset).assumingMemoryBound(to: UInt8.self)
        let target = UnsafeMutableRawPointer(arena + outputOffset)
        switch kind {
        case .quantizedConvolution:
            var call = ck_quantized_convolution(
                input: source, output: target, weights: quantized.weights, epilogue: epilogue(quantized, in: arena),
                window: window.call, input_height: Int32(input.height), input_width: Int32(input.width),
                output_height: Int32(output.height), output_width: Int32(output.width),
                input_channels: Int32(input.channels), output_blocks: Int32(output.blocks),
                is_image: quantized.isImage ? 1 : 0)
            function(&call, part, parts)
        case .quantizedDepthwise:
            var call = ck_quantized_depthwise(
                input: source, output: target, weights: quantized.weights, epilogue: epilogue(quantized, in: arena),
                window: window.call, input_height: Int32(input.height), input_width: Int32(input.width),
                output_height: Int32(output.height), output_width: Int32(output.width), blocks: Int32(output.blocks),
                zero: quantized.zero)
            function(&call, part, parts)
        case .quantizedBorder, .quantizedImage: performBorder(quantized, in: arena, part, parts)
        case .quantizedPool:
            var call = ck_quantized_pool(
                input: source, output: target, window: window.call, input_height: Int32(input.height),
                input_width: Int32(input.width), output_height: Int32(output.height),
                output_width: Int32(output.width), blocks: Int32(output.blocks),
                kind: Int32(bitPattern: pooling.rawValue), zero: quantized.zero, scale: quantized.inputScale,
                output_zero: quantized.outputZero, is_real: isReal)
            function(&call, part, parts)
        default: performElementwise(quantized, in: arena, part, parts)
        }
    }

    private func performBorder(
        _ quantized: QuantizedParameters, in arena: UnsafeMutablePointer<Float>, _ part: Int32, _ parts: Int32
    ) {
        let target = UnsafeMutableRawPointer(arena + outputOffset).assumingMemoryBound(to: UInt8.self)
        let border = window.border
        if kind == .quantizedImage {
            var call = ck_quantized_image(
                input: arena + inputOffset, output: target, height: Int32(input.height), width: Int32(input.width),
                top: Int32(border.top), left: Int32(border.left), bottom: Int32(border.bottom),
                right: Int32(border.right), channels: Int32(input.channels), zero: quantized.outputZero,
                scale: quantized.inputScale)
            function(&call, part, parts)
        } else {
            var call = ck_quantized_border(
                input: UnsafeRawPointer(arena + inputOffset).assumingMemoryBound(to: UInt8.self), output: target,
                height: Int32(input.height), width: Int32(input.width), top: Int32(border.top),
                left: Int32(border.left), bottom: Int32(border.bottom), right: Int32(border.right),
                blocks: Int32(input.blocks), zero: quantized.zero)
            function(&call, part, parts)
        }
    }

    private func performElementwise(
        _ quantized: QuantizedParameters, in arena: UnsafeMutablePointer<Float>, _ part: Int32, _ parts: Int32
    ) {
        let source = UnsafeRawPointer(arena + inputOffset).assumingMemoryBound(to: UInt8.self)
        let target = UnsafeMutableRawPointer(arena + outputOffset)
        switch kind {
        case .quantizedAdd:
            var call = ck_quantized_add(
                input: source, other: bytes(at: residualOffset, in: arena), output: target,
                count: Int64(output.storage), input_scale: quantized.inputScale,
                other_scale: quantized.residualScale, shift: quantized.residualZero,
                final_scale: quantized.finalScale, final_zero: quantized.finalZero, first: parameters.first,
                second: parameters.second, activation: Int32(bitPattern: activation.rawValue), low: quantized.low,
                high: quantized.high, is_real: isReal)
            function(&call, part, parts)
        case .quantizedScale:
            var call = ck_quantized_scale(
                input: source, factors: bytes(at: factorsOffset, in: arena),
                output: target.assumingMemoryBound(to: UInt8.self), pixels: Int32(output.pixels),
                blocks: Int32(output.blocks), zero: quantized.zero, factor_zero: quantized.factorZero,
                output_zero: quantized.outputZero, scale: quantized.inputScale)
            function(&call, part, parts)
        case .quantizedLookup:
            var call = ck_quantized_lookup(
                input: source, table: quantized.table, reals: quantized.reals, output: target,
                count: Int64(output.storage))
            function(&call, part, parts)
        default:
            var call = ck_quantize(
                input: arena + inputOffset, output: target.assumingMemoryBound(to: UInt8.self),
                count: Int64(output.storage), scale: quantized.inputScale, zero: quantized.outputZero)
            function(&call, part, parts)
        }
    }

    private func bytes(at offset: Int, in arena: UnsafeMutablePointer<Float>) -> UnsafePointer<UInt8>? {
        offset < 0 ? nil : UnsafeRawPointer(arena + offset).assumingMemoryBound(to: UInt8.self)
    }

    private func epilogue(
        _ quantized: QuantizedParameters, in arena: UnsafeMutablePointer<Float>
    ) -> ck_quantized_epilogue {
        ck_quantized_epilogue(
            start: quantized.start, scale: scale, shift: shift, residual: bytes(at: residualOffset, in: arena),
            table: quantized.table, residual_scale: quantized.residualScale, residual_zero: quantized.residualZero,
            final_scale: quantized.finalScale, final_zero: quantized.finalZero, first: parameters.first,
            second: parameters.second, activation: Int32(bitPattern: activation.rawValue),
            order: Int32((activatesSum ? CK_RESIDUAL_THEN_ACTIVATION : CK_ACTIVATION_THEN_RESIDUAL).rawValue),
            low: quantized.low, high: quantized.high, is_real: isReal)
    }
}
