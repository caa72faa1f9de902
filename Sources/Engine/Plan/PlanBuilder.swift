public import CKernels

/// Makes a plan one operation at a time; decides where each map lives in the arena.
public struct PlanBuilder {
    /// A map that a later operation can read until it is released.
    public struct Map: Sendable {
        public let shape: PlanOperation.Shape
        public let element: MapElement
        let region: ArenaLayout.Region
        /// Of the region that it shares with others.
        var owner: Int?
    }

    /// What follows a convolution's sum.
    public struct Finish {
        public var epilogue: Epilogue
        public var activation: ck_activation
        public var residual: Map?
        /// Name of the batch normalisation that the epilogue comes from.
        public var normalization: String?
        /// The activation follows the addition of the residual, as in ResNet.
        var activatesSum = false
        /// The activation again, with its parameters.
        var parameters = Activation.none

        public init(
            epilogue: Epilogue, activation: ck_activation, residual: Map? = nil, normalization: String? = nil
        ) {
            self.epilogue = epilogue
            self.activation = activation
            self.residual = residual
            self.normalization = normalization
        }
    }

    let kernels: KernelSet
    var layout = ArenaLayout()
    var operations: [PlanOperation] = []
    var steps: [Plan.Step] = []
    var groups: [String] = []
    var owners: [AlignedBuffer] = []
    let inputShape: PlanOperation.Shape
    let inputRegion: ArenaLayout.Region
    /// Inputs beyond the image.
    var inputs: [Plan.Place] = []
    var shared: [SharedRegion] = []
    /// Where the next map of its shape goes.
    var target: Map?

    let imageBorder: Window.Border

    /// - Parameters:
    ///   - input: the image without its border.
    ///   - border: the zeros around the image that its convolution reads.
    public init(input: PlanOperation.Shape, border: Window.Border = Window.Border(1), kernels: KernelSet) {
        self.kernels = kernels
        inputShape = input
        imageBorder = border
        _ = layout.allocate(Self.guardCount)
        let bordered = border.around(input)
        inputRegion = layout.allocate(bordered.channels * bordered.pixels)
    }

    /// Steps added from here on belong to a new group.
    public mutating func beginGroup(_ name: String) { groups.append(name) }

    /// 3x3 convolution with padding 1 over the image; the image is released.
    public mutating func stem(_ name: String, _ weights: PackedConvolution, stride: Int, _ finish: Finish) -> Map {
        precondition(weights.rows == 9 * inputShape.channels, "\(name): weights for another image")
        precondition(imageBorder == Window.Border(1), "\(name): the image has the border \(imageBorder)")
        let output = PlanOperation.Shape(
            channels: weights.outputChannels, height: (inputShape.height - 1) / stride + 1,
            width: (inputShape.width - 1) / stride + 1)
        let map = allocate(output)
        append(
            name, .stem, kernels.kernel(CK_OP_STEM), from: (inputShape, inputRegion.offset), to: map, weights, finish,
            kernel: 3,
            stride: stride)
        layout.release(inputRegion)
        return map
    }

    /// 1x1 convolution to a prefix of `channels` output channels, reading a prefix of the packed input channels.
    public mutating func pointwise(
        _ name: String, _ input: Map, _ weights: PackedConvolution, channels: Int, _ finish: Finish
    ) -> Map {
        precondition(input.shape.channels <= weights.rows && channels <= weights.outputChannels, "\(name): no prefix")
        let output = PlanOperation.Shape(channels: channels, height: input.shape.height, width: input.shape.width)
        let map = allocate(output)
        append(
            name, .pointwise, kernels.pointwise(pixels: output.pixels, outputs: channels),
            from: (input.shape, input.region.offset), to: map, weights, finish)
        return map
    }

    /// Depthwise convolution with padding `(kernel - 1) / 2`; the packed weights may have more channels.
    /// - Parameter means: where its means over all pixels go, summed while the result is written.
    public mutating func depthwise(
        _ name: String, _ input: Map, _ weights: PackedConvolution, kernel: Int, stride: Int, _ finish: Finish,
        means: Map? = nil
    ) -> Map {
        precondition(weights.rows == kernel * kernel && input.shape.channels <= weights.outputChannels, name)
        let output = PlanOperation.Shape(
            channels: input.shape.channels, height: (input.shape.height - 1) / stride + 1,
            width: (input.shape.width - 1) / stride + 1)
        let map = allocate(output)
        append(
            name, .depthwise, kernels.kernel(CK_OP_DEPTHWISE), from: (input.shape, input.region.offset), to: map,
            weights, finish,
            kernel: kernel, stride: stride, meansOffset: means?.region.offset ?? -1)
        return map
    }

    /// A map of one pixel, to be filled by an operation that takes it as an argument.
    public mutating func vector(channels: Int) -> Map {
        allocate(PlanOperation.Shape(channels: channels, height: 1, width: 1))
    }

    /// `pointwise` of a map whose channels are multiplied by factors first. The factors go into whichever is smaller:
    /// a copy of the weights, or the map itself, in place.
    public mutating func pointwise(
        _ name: String, _ input: Map, scaledBy factors: Map, _ weights: PackedConvolution, channels: Int,
        _ finish: Finish
    ) -> Map {
        guard channels < input.shape.pixels else {
            scale(name + ".scale", input, by: factors)
            return pointwise(name, input, weights, channels: channels, finish)
        }
        precondition(input.shape.channels <= weights.rows && channels <= weights.outputChannels, "\(name): no prefix")
        precondition(factors.shape.pixels == 1 && factors.shape.channels == input.shape.channels, name)
        let lanes = Int(CK_LANES)
        // One "map" of as many pixels as there are rows of weights: panels of rows.
        let scaled = allocate(PlanOperation.Shape(channels: channels, height: input.shape.channels, width: 1))
        append(
            name + ".scale", .scaleRows, kernels.kernel(CK_OP_SCALE_ROWS), from: (factors.shape, factors.region.offset),
            to: scaled,
            weights, nil, factorsOffset: factors.region.offset)
        let output = PlanOperation.Shape(channels: channels, height: input.shape.height, width: input.shape.width)
        let map = allocate(output)
        append(
            name, .pointwise, kernels.pointwise(pixels: output.pixels, outputs: channels),
            from: (input.shape, input.region.offset), to: map, weights, finish,
            weightsOffset: scaled.region.offset, panelStride: input.shape.channels * lanes)
        release(scaled)
        return map
    }

    /// Mean over all pixels.
    public mutating func pool(_ name: String, _ input: Map) -> Map {
        let map = allocate(PlanOperation.Shape(channels: input.shape.channels, height: 1, width: 1))
        append(name, .pool, kernels.kernel(CK_OP_POOL), from: (input.shape, input.region.offset), to: map, nil, nil)
        return map
    }

    /// Multiplies a map in place by one factor per channel.
    public mutating func scale(_ name: String, _ map: Map, by factors: Map) {
        precondition(factors.shape.pixels == 1 && factors.shape.channels == map.shape.channels, name)
        append(
            name, .scale, kernels.kernel(CK_OP_SCALE), from: (map.shape, map.region.offset), to: map, nil, nil,
            factorsOffset: factors.region.offset)
    }

    /// No later operation reads the map.
    public mutating func release(_ map: Map) {
        if let owner = map.owner { releaseShared(owner) } else { layout.release(map.region) }
    }

    /// - Parameter output: one pixel; its channels are the plan's output.
    public func build(output: Map) -> Plan {
        let count = output.shape.channels * output.shape.pixels
        return build(outputs: [Plan.Place(name: "", offset: output.region.offset, count: count)])
    }

    mutating func allocate(_ shape: PlanOperation.Shape, _ element: MapElement = .float32) -> Map {
        if let target, target.shape == shape, target.element == element {
            self.target = nil
            return target
        }
        return Map(shape: shape, element: element, region: layout.allocate(shape.floats(of: element)))
    }

    private mutating func append(
        _ name: String, _ kind: PlanOperation.Kind, _ function: ck_function,
        from input: (shape: PlanOperation.Shape, offset: Int), to output: Map, _ weights: PackedConvolution?,
        _ finish: Finish?, kernel: Int = 1, stride: Int = 1, factorsOffset: Int = -1, meansOffset: Int = -1,
        weightsOffset: Int = -1, panelStride: Int? = nil
    ) {
        precondition(!groups.isEmpty, "\(name): no group was begun")
        if let residual = finish?.residual { precondition(residual.shape == output.shape, "\(name): residual shape") }
        var operation = PlanOperation(
            kind: kind, function: function, input: input.shape, output: output.shape, inputOffset: input.offset,
            outputOffset: output.region.offset, residualOffset: finish?.residual?.region.offset ?? -1,
            weights: weights.map { UnsafePointer($0.weights.base) },
            panelStride: panelStride ?? weights?.panelStride ?? 0, kernel: kernel, stride: stride,
            factorsOffset: factorsOffset, meansOffset: meansOffset, weightsOffset: weightsOffset,
            scale: finish?.epilogue.scale, shift: finish?.epilogue.shift, activation: finish?.activation ?? CK_NONE)
        operation.activatesSum = finish?.activatesSum ?? false
        operation.parameters = finish?.parameters ?? .none
        operation.window = Window(kernel: kernel, stride: stride, padding: (kernel - 1) / 2)
        operations.append(operation)
        steps.append(Plan.Step(name: name, normalization: finish?.normalization, group: groups.count - 1))
        if let weights { owners.append(weights.weights) }
        if let finish { owners.append(finish.epilogue.buffer) }
    }
}
