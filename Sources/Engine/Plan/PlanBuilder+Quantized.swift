import CKernels
import Fusion
import Graphs

/// How the bytes of a map stand for real values: scale * (byte - zero). Signed integers are stored 128 higher.
struct ByteScale: Equatable {
    let scale: Float
    let zero: Int

    init(_ quantization: Quantization) {
        scale = quantization.scale
        zero = quantization.zeroPoint + (quantization.isSigned ? 128 : 0)
    }

    /// The byte that stands for a value the nearest, within 0 to 255.
    func byte(of value: Float) -> Int {
        Int(min(max((value / scale).rounded(.toNearestOrEven) + Float(zero), 0), 255))
    }

    /// The bytes that a clipping activation leaves, `nil` for activations of another kind.
    func bounds(_ activation: FusedActivation) -> ClosedRange<Int>? {
        switch activation {
        case .none: 0...255
        case .relu: zero...255
        case .clippedRelu(let high): zero...max(zero, byte(of: high))
        default: nil
        }
    }
}

/// Operations on maps of bytes.
extension PlanBuilder {
    /// What follows the sums of a quantised convolution.
    struct QuantizedFinish {
        var activation: FusedActivation
        var residual: (map: Map, scale: ByteScale, isActivated: Bool)?
        /// `nil` for a real result.
        var output: ByteScale?
        /// Bytes for the bytes of the result.
        var table: [UInt8]?
    }

    /// - Parameter scale: and `shift`: what makes sums real, per channel.
    mutating func quantizedConvolution(
        _ name: String, _ input: Map, _ filter: QuantizedConvolution, scale: [Float], shift: [Float],
        from source: ByteScale, _ finish: QuantizedFinish
    ) -> Map {
        guard let shape = filter.window.output(of: input.shape, channels: filter.outputChannels) else {
            preconditionFailure("\(name): the window does not fit in \(input.shape)")
        }
        guard !filter.isDepthwise, filter.window.border != .none else {
            return convolved(name, input, input.shape, filter, scale, shift, source, finish, to: shape)
        }
        let bordered = allocate(filter.window.border.around(input.shape), .uint8)
        var parameters = QuantizedParameters()
        parameters.zero = Int32(source.zero)
        var operation = makeQuantized(
            .quantizedBorder, CK_OP_QUANTIZED_BORDER, from: input, to: bordered, parameters)
        operation.window = filter.window
        append(name + ".border", operation, [])
        let result = convolved(name, bordered, bordered.shape, filter, scale, shift, source, finish, to: shape)
        release(bordered)
        return result
    }

    /// The planar image as bytes with the border of the convolution that reads it; the image is released.
    mutating func quantizedImage(_ name: String, border: Window.Border, _ scale: ByteScale) -> Map {
        let around = border.around(inputShape)
        let count = around.pixels
        // Four bytes a pixel are a float each.
        let map = Map(
            shape: around, element: .uint8, region: layout.allocate(count))
        var parameters = QuantizedParameters()
        parameters.outputZero = Int32(scale.zero)
        parameters.inputScale = scale.scale
        let image = Map(shape: inputShape, element: .float32, region: inputRegion)
        var operation = makeQuantized(.quantizedImage, CK_OP_QUANTIZED_IMAGE, from: image, to: map, parameters)
        operation.window = Window(kernel: .init(1, 1), border: border)
        append(name, operation, [])
        releaseImage()
        return map
    }

    /// - Parameter isImage: the input is what `quantizedImage` gave.
    mutating func convolved(
        _ name: String, _ input: Map, _ inputShape: PlanOperation.Shape, _ filter: QuantizedConvolution,
        _ scale: [Float], _ shift: [Float], _ source: ByteScale, _ finish: QuantizedFinish,
        to shape: PlanOperation.Shape, isImage: Bool = false
    ) -> Map {
        var parameters = QuantizedParameters()
        parameters.isImage = isImage
        parameters.zero = Int32(source.zero)
        let (scales, shifts, activation) = finish.final(scale, shift, into: &parameters)
        let epilogue = Epilogue(scale: scales, shift: shifts)
        var owners = [filter.weights, filter.start, epilogue.buffer]
        parameters.weights = filter.weights.bytes()
        parameters.start = filter.start.bytes()
        if let table = finish.table { parameters.table = Self.own(table, &owners) }
        let map = allocate(shape, finish.output == nil ? .float32 : .uint8)
        var operation = PlanOperation(
            kind: filter.isDepthwise ? .quantizedDepthwise : .quantizedConvolution,
            function: kernels.kernel(
                filter.isDepthwise ? CK_OP_QUANTIZED_DEPTHWISE : CK_OP_QUANTIZED_CONVOLUTION, .uint8),
            input: inputShape, output: shape, inputOffset: input.region.offset, outputOffset: map.region.offset,
            residualOffset: finish.residual?.map.region.offset ?? -1, weights: nil, panelStride: 0, kernel: 1,
            stride: 1, factorsOffset: -1, meansOffset: -1, weightsOffset: -1, scale: epilogue.scale,
            shift: epilogue.shift, activation: activation.kind)
        operation.parameters = activation
        operation.activatesSum = finish.residual?.isActivated ?? false
        operation.window = filter.window
        operation.set(parameters, from: .uint8, to: map.element)
        append(name, operation, owners)
        return map
    }

    /// Largest or mean value in a window; largest values keep the input's scale.
    mutating func quantizedPool(
        _ name: String, _ input: Map, _ kind: WindowPooling, _ window: Window, from source: ByteScale,
        to target: ByteScale?
    ) -> Map {
        guard let shape = window.output(of: input.shape, channels: input.shape.channels) else {
            preconditionFailure("\(name): the window does not fit in \(input.shape)")
        }
        let map = allocate(shape, target == nil ? .float32 : .uint8)
        var parameters = QuantizedParameters()
        parameters.zero = Int32(source.zero)
        parameters.inputScale = target.map { source.scale / $0.scale } ?? source.scale
        parameters.outputZero = Int32(target?.zero ?? 0)
        var operation = makeQuantized(.quantizedPool, CK_OP_QUANTIZED_POOL, from: input, to: map, parameters)
        operation.window = window
        operation.pooling = kind.code
        append(name, operation, [])
        return map
    }

    /// activation(left + right) as bytes, or real; without `right`, activation(left).
    mutating func quantizedAdd(
        _ name: String, _ left: (map: Map, scale: ByteScale), _ right: (map: Map, scale: ByteScale)?,
        _ activation: FusedActivation, to target: ByteScale?
    ) -> Map {
        let map = allocate(left.map.shape, target == nil ? .float32 : .uint8)
        var parameters = QuantizedParameters()
        let bounds = target?.bounds(activation)
        let unit = bounds == nil ? 1 : target?.scale ?? 1
        parameters.inputScale = left.scale.scale / unit
        var shift = -Float(left.scale.zero) * parameters.inputScale
        if let right {
            parameters.residualScale = right.scale.scale / unit
            shift -= Float(right.scale.zero) * parameters.residualScale
        }
        var kept = Activation(activation)
        if let bounds, let target {
            shift += Float(target.zero)
            kept = .none
            parameters.low = Int32(bounds.lowerBound)
            parameters.high = Int32(bounds.upperBound)
        } else if let target {
            parameters.finalScale = 1 / target.scale
            parameters.finalZero = Float(target.zero)
        }
        parameters.residualZero = shift
        var operation = makeQuantized(
            .quantizedAdd, CK_OP_QUANTIZED_ADD, from: left.map, to: map, parameters, activation: kept)
        operation.residualOffset = right?.map.region.offset ?? -1
        append(name, operation, [])
        return map
    }

    /// Every channel times its factor.
    mutating func quantizedScale(
        _ name: String, _ input: (map: Map, scale: ByteScale), by factors: (map: Map, scale: ByteScale),
        to target: ByteScale
    ) -> Map {
        let map = allocate(input.map.shape, .uint8)
        var parameters = QuantizedParameters()
        parameters.inputScale = input.scale.scale * factors.scale.scale / target.scale
        parameters.zero = Int32(input.scale.zero)
        parameters.factorZero = Int32(factors.scale.zero)
        parameters.outputZero = Int32(target.zero)
        append(
            name,
            makeQuantized(
                .quantizedScale, CK_OP_QUANTIZED_SCALE, from: input.map, to: map, parameters,
                factorsOffset: factors.map.region.offset), [])
        return map
    }

    mutating func lookup(_ name: String, _ input: Map, _ table: [UInt8]) -> Map {
        let map = allocate(input.shape, .uint8)
        var parameters = QuantizedParameters()
        var owners: [AlignedBuffer] = []
        parameters.table = Self.own(table, &owners)
        append(
            name, makeQuantized(.quantizedLookup, CK_OP_QUANTIZED_LOOKUP, from: input, to: map, parameters), owners)
        return map
    }

    /// - Parameter values: 256 of them.
    mutating func lookup(_ name: String, _ input: Map, reals values: [Float]) -> Map {
        let map = allocate(input.shape)
        let buffer = AlignedBuffer(count: 256)
        for (index, value) in values.enumerated() { buffer.base[index] = value }
        var parameters = QuantizedParameters()
        parameters.reals = UnsafePointer(buffer.base)
        append(
            name, makeQuantized(.quantizedLookup, CK_OP_QUANTIZED_LOOKUP, from: input, to: map, parameters), [buffer])
        return map
    }

    /// Real values as bytes.
    mutating func quantize(_ name: String, _ input: Map, to target: ByteScale) -> Map {
        let input = copied(name, input, as: .float32)
        let map = allocate(input.shape, .uint8)
        var parameters = QuantizedParameters()
        parameters.inputScale = target.scale
        parameters.outputZero = Int32(target.zero)
        append(name, makeQuantized(.quantize, CK_OP_QUANTIZE, from: input, to: map, parameters), [])
        releaseCopies()
        return map
    }

    // MARK: - Operations

    private static func own(_ table: [UInt8], _ owners: inout [AlignedBuffer]) -> UnsafePointer<UInt8> {
        precondition(table.count == 256, "a table of \(table.count) bytes")
        let buffer = AlignedBuffer(count: 64)
        let bytes: UnsafePointer<UInt8> = buffer.bytes()
        for (index, value) in table.enumerated() { UnsafeMutablePointer(mutating: bytes)[index] = value }
        owners.append(buffer)
        return bytes
    }

    private func makeQuantized(
        _ kind: PlanOperation.Kind, _ operation: ck_operation, from input: Map, to output: Map,
        _ parameters: QuantizedParameters, activation: Activation = .none, factorsOffset: Int = -1
    ) -> PlanOperation {
        var result = PlanOperation(
            kind: kind, function: kernels.kernel(operation, .uint8), input: input.shape, output: output.shape,
            inputOffset: input.region.offset, outputOffset: output.region.offset, residualOffset: -1, weights: nil,
            panelStride: 0, kernel: 1, stride: 1, factorsOffset: factorsOffset, meansOffset: -1, weightsOffset: -1,
            scale: nil, shift: nil, activation: activation.kind)
        result.parameters = activation
        result.set(parameters, from: input.element, to: output.element)
        return result
    }

    private mutating func append(_ name: String, _ operation: PlanOperation, _ buffers: [AlignedBuffer]) {
        precondition(!groups.isEmpty, "\(name): no group was begun")
        operations.append(operation)
        steps.append(Plan.Step(name: name, normalization: nil, group: groups.count - 1))
        owners.append(contentsOf: buffers)
    }
}

extension PlanBuilder.QuantizedFinish {
    /// Scale and shift of the kernel, and the activation that is left to it.
    fileprivate func final(
        _ scale: [Float], _ shift: [Float], into parameters: inout QuantizedParameters
    ) -> ([Float], [Float], Activation) {
        if residual == nil, let output, let bounds = output.bounds(activation) {
            parameters.low = Int32(bounds.lowerBound)
            parameters.high = Int32(bounds.upperBound)
            return (scale.map { $0 / output.scale }, shift.map { $0 / output.scale + Float(output.zero) }, .none)
        }
        if let output {
            parameters.finalScale = 1 / output.scale
            parameters.finalZero = Float(output.zero)
        }
        if let residual {
            parameters.residualScale = residual.scale.scale
            parameters.residualZero = -Float(residual.scale.zero) * residual.scale.scale
        }
        return (scale, shift, Activation(activation))
    }
}

extension PlanOperation {
    fileprivate mutating func set(
        _ parameters: QuantizedParameters, from input: MapElement, to output: MapElement
    ) {
        quantized = parameters
        inputElement = input
        outputElement = output
        weightElement = .uint8
    }
}

extension AlignedBuffer {
    /// The same memory as other values; it lives as long as the buffer.
    fileprivate func bytes<Value>() -> UnsafePointer<Value> {
        UnsafeRawPointer(base).assumingMemoryBound(to: Value.self)
    }
}
