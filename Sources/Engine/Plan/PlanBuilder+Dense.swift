import CKernels

/// What ordinary convolutional networks need beyond the supernets' operations.
extension PlanBuilder {
    /// Convolution over all input channels. The map may be released afterwards, as ever.
    public mutating func convolution(
        _ name: String, _ input: Map, _ filter: DenseConvolution, _ finish: Finish
    ) -> Map {
        precondition(input.shape.channels == filter.inputChannels, "\(name): weights for another map")
        guard let shape = filter.window.output(of: input.shape, channels: filter.outputChannels) else {
            preconditionFailure("\(name): the window does not fit in \(input.shape)")
        }
        let (input, finish) = (copied(name, input, as: element), copied(name, finish, as: element))
        let map =
            switch filter.method {
            case .direct: direct(name, input, filter, finish, to: shape)
            case .winograd(let side): winograd(name, input, filter, finish, side: side, to: shape)
            }
        releaseCopies()
        return map
    }

    /// Convolution over the image, whose border must be the window's; the image is released.
    /// - Parameter weights: `[output][channel * kernel rows * kernel columns]`.
    public mutating func imageConvolution(
        _ name: String, _ weights: PackedConvolution, _ window: Window, _ finish: Finish
    ) -> Map {
        precondition(weights.rows == window.taps * inputShape.channels, "\(name): weights for another image")
        precondition(window.border == imageBorder, "\(name): the image has the border \(imageBorder)")
        guard let shape = window.output(of: inputShape, channels: weights.outputChannels) else {
            preconditionFailure("\(name): the window does not fit in \(inputShape)")
        }
        let map = allocate(shape, element)
        var operation = makeOperation(
            .imageConvolution, kernels.kernel(CK_OP_IMAGE_CONVOLUTION, element), from: image, to: map, finish: finish)
        operation.weights = UnsafePointer(weights.weights.base)
        operation.window = window
        append(name, operation, [weights.weights], finish)
        releaseImage()
        return map
    }

    /// Depthwise convolution with any stride and border.
    public mutating func depthwise(
        _ name: String, _ input: Map, _ weights: PackedConvolution, _ window: Window, _ finish: Finish,
        means: Map? = nil
    ) -> Map {
        precondition(weights.rows == window.taps && input.shape.channels <= weights.outputChannels, name)
        precondition(window.kernel.rows == window.kernel.columns, "\(name): a kernel of \(window.kernel)")
        precondition(window.stride.rows == window.stride.columns, "\(name): a stride of \(window.stride)")
        precondition(window.dilation == .init(1, 1), "\(name): dilated")
        precondition(weights.element == element, "\(name): weights of \(weights.element)")
        guard let shape = window.output(of: input.shape, channels: input.shape.channels) else {
            preconditionFailure("\(name): the window does not fit in \(input.shape)")
        }
        let (input, finish) = (copied(name, input, as: element), copied(name, finish, as: element))
        let map = allocate(shape, element)
        var operation = makeOperation(
            .depthwise, kernels.kernel(CK_OP_DEPTHWISE, element), from: input, to: map, finish: finish,
            kernel: window.kernel.rows, stride: window.stride.rows, meansOffset: means?.region.offset ?? -1)
        operation.weights = UnsafePointer(weights.weights.base)
        operation.weightElement = weights.element
        operation.window = window
        operation.rowTile = kernels.rowTile(
            input.shape, kernel: window.kernel.rows, stride: window.stride.rows, width: shape.width, element)
        append(name, operation, [weights.weights], finish)
        releaseCopies()
        return map
    }

    /// Largest or mean value in a window.
    /// - Parameter roundsUp: ONNX `ceil_mode`.
    public mutating func pool(
        _ name: String, _ input: Map, _ kind: WindowPooling, _ window: Window, roundsUp: Bool = false
    ) -> Map {
        let shape = window.output(of: input.shape, channels: input.shape.channels, roundsUp: roundsUp)
        guard let shape else { preconditionFailure("\(name): the window does not fit in \(input.shape)") }
        let map = allocate(shape, input.element)
        var operation = makeOperation(
            .windowPool, kernels.kernel(CK_OP_WINDOW_POOL, input.element), from: input, to: map)
        operation.window = window
        operation.pooling = kind.code
        append(name, operation, [], nil)
        return map
    }

    /// activation(left + right)
    public mutating func add(_ name: String, _ left: Map, _ right: Map, _ activation: Activation = .none) -> Map {
        precondition(left.shape == right.shape, "\(name): \(left.shape) and \(right.shape)")
        return elementwise(name, left, copied(name, right, as: left.element).region.offset, activation)
    }

    /// An activation that no convolution could take over.
    public mutating func activation(_ name: String, _ input: Map, _ activation: Activation) -> Map {
        elementwise(name, input, -1, activation)
    }

    private mutating func elementwise(_ name: String, _ input: Map, _ other: Int, _ activation: Activation) -> Map {
        let map = allocate(input.shape, input.element)
        var operation = makeOperation(
            .add, kernels.kernel(CK_OP_ADD, input.element), from: input, to: map, activation: activation)
        operation.residualOffset = other
        append(name, operation, [], nil)
        releaseCopies()
        return map
    }

    // MARK: - Ways to convolve

    /// The kernel reads a map that has its border; a window without one reads the map as it is.
    private mutating func direct(
        _ name: String, _ input: Map, _ filter: DenseConvolution, _ finish: Finish, to shape: PlanOperation.Shape
    ) -> Map {
        let border = filter.window.border
        guard border != .none else { return inner(name, input, filter, finish, to: shape) }
        let bordered = allocate(border.around(input.shape), element)
        var operation = makeOperation(.border, kernels.kernel(CK_OP_BORDER, element), from: input, to: bordered)
        operation.window = filter.window
        append(name + ".border", operation, [], nil)
        let map = inner(name, bordered, filter, finish, to: shape)
        release(bordered)
        return map
    }

    private mutating func inner(
        _ name: String, _ input: Map, _ filter: DenseConvolution, _ finish: Finish, to shape: PlanOperation.Shape
    ) -> Map {
        precondition(filter.element == element, "\(name): weights of \(filter.element)")
        let map = allocate(shape, element)
        var operation = makeOperation(
            .convolution, kernels.kernel(CK_OP_CONVOLUTION, element), from: input, to: map, finish: finish)
        operation.weights = UnsafePointer(filter.weights.base)
        operation.weightElement = element
        operation.window = filter.window
        append(name, operation, [filter.weights], finish)
        return map
    }

    /// Bands of tiles, each transformed and then multiplied, so that the transformed input of one stays in a near cache
    /// and threads share it.
    private mutating func winograd(
        _ name: String, _ input: Map, _ filter: DenseConvolution, _ finish: Finish, side: Int,
        to shape: PlanOperation.Shape
    ) -> Map {
        let bands = WinogradBands(side: side, output: shape, inputChannels: input.shape.channels)
        let map = allocate(shape, element)
        let scratch = layout.allocate(bands.scratch)
        for band in 0..<bands.count {
            for isOutput in [false, true] {
                var operation = makeOperation(
                    isOutput ? .winogradOutput : .winogradInput,
                    kernels.kernel(isOutput ? CK_OP_WINOGRAD_OUTPUT : CK_OP_WINOGRAD_INPUT, element), from: input,
                    to: map, finish: finish)
                operation.weights = UnsafePointer(filter.weights.base)
                operation.window = filter.window
                operation.tileSide = side
                operation.tiles = bands.tiles(of: band)
                operation.scratchOffset = scratch.offset
                append(name + (isOutput ? "" : ".transform"), operation, [filter.weights], finish)
            }
        }
        layout.release(scratch)
        return map
    }

    // MARK: - Operations

    func makeOperation(
        _ kind: PlanOperation.Kind, _ function: ck_function, from input: Map, to output: Map, finish: Finish? = nil,
        kernel: Int = 1, stride: Int = 1, meansOffset: Int = -1,
        activation: Activation? = nil
    ) -> PlanOperation {
        if let residual = finish?.residual { precondition(residual.shape == output.shape, "residual of \(output)") }
        var operation = PlanOperation(
            kind: kind, function: function, input: input.shape, output: output.shape,
            inputOffset: input.region.offset,
            outputOffset: output.region.offset, residualOffset: finish?.residual?.region.offset ?? -1, weights: nil,
            panelStride: 0, kernel: kernel, stride: stride, factorsOffset: -1, meansOffset: meansOffset,
            weightsOffset: -1, scale: finish?.epilogue.scale, shift: finish?.epilogue.shift,
            activation: activation?.kind ?? finish?.activation ?? CK_NONE)
        operation.activatesSum = finish?.activatesSum ?? false
        operation.parameters = activation ?? finish?.parameters ?? .none
        operation.inputElement = input.element
        operation.outputElement = output.element
        return operation
    }
}

/// What a pooling window gives.
public enum WindowPooling: Sendable {
    /// The largest value inside the map.
    case max
    /// The mean; with `countsBorder`, ONNX `count_include_pad`, the border counts as zeros.
    case average(countsBorder: Bool)

    var code: ck_pool_kind {
        switch self {
        case .max: CK_POOL_MAX
        case .average(let countsBorder): countsBorder ? CK_POOL_AVERAGE_OF_BORDER : CK_POOL_AVERAGE
        }
    }
}

/// How a Winograd convolution is cut: as few bands of tiles as leave the transformed input of one in a near cache.
struct WinogradBands {
    /// Floats of the transformed input of one band. Measured on Zen 4 with 1 MB of second-level cache: 300 to 900 kB do
    /// equally well.
    private static let nearFloats = 150_000

    let side: Int
    let inputChannels: Int
    let tileCount: Int
    let count: Int

    init(side: Int, output: PlanOperation.Shape, inputChannels: Int) {
        self.side = side
        self.inputChannels = inputChannels
        tileCount = ((output.height + side - 1) / side) * ((output.width + side - 1) / side)
        let floats = Int(ck_winograd_scratch(Int32(side), Int32(inputChannels), Int32(tileCount)))
        count = min(tileCount, (floats + Self.nearFloats - 1) / Self.nearFloats)
    }

    func tiles(of band: Int) -> Range<Int> { tileCount * band / count..<tileCount * (band + 1) / count }

    /// Floats of the largest band.
    var scratch: Int {
        Int(ck_winograd_scratch(Int32(side), Int32(inputChannels), Int32((tileCount + count - 1) / count)))
    }
}
