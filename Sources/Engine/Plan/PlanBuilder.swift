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
    /// What the next maps are stored as; vectors, maps of one pixel beside their maps, are floats.
    public internal(set) var element: MapElement
    /// Copies of maps in another element, until the operation that asked for them is there.
    var copies: [Map] = []
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
    /// Of a part of a network: where its result goes. Neither that place nor the input's is used for other maps.
    var result: Map?

    let imageBorder: Window.Border

    /// - Parameters:
    ///   - input: the image without its border.
    ///   - border: the zeros around the image that its convolution reads.
    ///   - element: what maps are stored as; the image is of floats.
    public init(
        input: PlanOperation.Shape, border: Window.Border = Window.Border(1), element: MapElement = .float32,
        kernels: KernelSet
    ) {
        self.kernels = kernels
        self.element = element
        inputShape = input
        imageBorder = border
        _ = layout.allocate(Self.guardCount)
        let bordered = border.around(input)
        inputRegion = layout.allocate(bordered.channels * bordered.pixels)
    }

    var image: Map { Map(shape: inputShape, element: .float32, region: inputRegion) }

    /// Steps added from here on belong to a new group.
    public mutating func beginGroup(_ name: String) { groups.append(name) }

    /// 3x3 convolution with padding 1 over the image; the image is released.
    public mutating func stem(_ name: String, _ weights: PackedConvolution, stride: Int, _ finish: Finish) -> Map {
        precondition(weights.rows == 9 * inputShape.channels, "\(name): weights for another image")
        precondition(imageBorder == Window.Border(1), "\(name): the image has the border \(imageBorder)")
        let output = PlanOperation.Shape(
            channels: weights.outputChannels, height: (inputShape.height - 1) / stride + 1,
            width: (inputShape.width - 1) / stride + 1)
        let map = allocate(output, element)
        append(
            name, .stem, kernels.kernel(CK_OP_STEM, element), from: image, to: map, weights, finish, kernel: 3,
            stride: stride)
        releaseImage()
        return map
    }

    /// 1x1 convolution to a prefix of `channels` output channels, reading a prefix of the packed input channels.
    public mutating func pointwise(
        _ name: String, _ input: Map, _ weights: PackedConvolution, channels: Int, _ finish: Finish
    ) -> Map {
        precondition(input.shape.channels <= weights.rows && channels <= weights.outputChannels, "\(name): no prefix")
        precondition(weights.element == element, "\(name): weights of \(weights.element)")
        let output = PlanOperation.Shape(channels: channels, height: input.shape.height, width: input.shape.width)
        // Vectors are floats whatever the weights are.
        let stored = output.pixels == 1 ? .float32 : element
        let (input, finish) = (copied(name, input, as: stored), copied(name, finish, as: stored))
        let map = allocate(output, stored)
        append(
            name, .pointwise, kernels.pointwise(input.shape, outputs: channels, element), from: input, to: map, weights,
            finish)
        releaseCopies()
        return map
    }

    /// Depthwise convolution with padding `(kernel - 1) / 2`; the packed weights may have more channels.
    /// - Parameter means: where its means over all pixels go, summed while the result is written.
    public mutating func depthwise(
        _ name: String, _ input: Map, _ weights: PackedConvolution, kernel: Int, stride: Int, _ finish: Finish,
        means: Map? = nil
    ) -> Map {
        precondition(weights.rows == kernel * kernel && input.shape.channels <= weights.outputChannels, name)
        precondition(weights.element == element, "\(name): weights of \(weights.element)")
        let output = PlanOperation.Shape(
            channels: input.shape.channels, height: (input.shape.height - 1) / stride + 1,
            width: (input.shape.width - 1) / stride + 1)
        let (input, finish) = (copied(name, input, as: element), copied(name, finish, as: element))
        let map = allocate(output, element)
        append(
            name, .depthwise, kernels.kernel(CK_OP_DEPTHWISE, element), from: input, to: map, weights, finish,
            kernel: kernel, stride: stride, meansOffset: means?.region.offset ?? -1)
        operations[operations.count - 1].rowTile = kernels.rowTile(
            input.shape, kernel: kernel, stride: stride, width: output.width, element)
        releaseCopies()
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
        precondition(weights.element == element, "\(name): weights of \(weights.element)")
        let factors = copied(name, factors, as: .float32)
        // One "map" of as many pixels as there are rows of weights: panels of rows.
        let rows = PackedConvolution.rows(input.shape.channels, element)
        let scaled = allocate(PlanOperation.Shape(channels: channels, height: rows, width: 1), element)
        append(
            name + ".scale", .scaleRows, kernels.kernel(CK_OP_SCALE_ROWS, element), from: factors, to: scaled,
            weights, nil, factorsOffset: factors.region.offset)
        let output = PlanOperation.Shape(channels: channels, height: input.shape.height, width: input.shape.width)
        let (input, finish) = (copied(name, input, as: element), copied(name, finish, as: element))
        let map = allocate(output, element)
        append(
            name, .pointwise, kernels.pointwise(input.shape, outputs: channels, element), from: input, to: map, weights,
            finish, weightsOffset: scaled.region.offset, panelStride: rows * Int(CK_LANES))
        releaseCopies()
        release(scaled)
        return map
    }

    /// Mean over all pixels.
    public mutating func pool(_ name: String, _ input: Map) -> Map {
        let map = allocate(PlanOperation.Shape(channels: input.shape.channels, height: 1, width: 1))
        append(name, .pool, kernels.kernel(CK_OP_POOL, input.element), from: input, to: map, nil, nil)
        return map
    }

    /// Multiplies a map in place by one factor per channel.
    public mutating func scale(_ name: String, _ map: Map, by factors: Map) {
        precondition(factors.shape.pixels == 1 && factors.shape.channels == map.shape.channels, name)
        let factors = copied(name, factors, as: .float32)
        append(
            name, .scale, kernels.kernel(CK_OP_SCALE, map.element), from: map, to: map, nil, nil,
            factorsOffset: factors.region.offset)
        releaseCopies()
    }

    /// No later operation reads the map.
    public mutating func release(_ map: Map) {
        if let owner = map.owner { return releaseShared(owner) }
        if let result, map.region == result.region || map.region == inputRegion { return }
        layout.release(map.region)
    }

    mutating func releaseImage() { release(image) }

    /// - Parameter output: one pixel; its channels are the plan's output.
    public func build(output: Map) -> Plan {
        var complete = self
        let vector = complete.copied("output", output, as: .float32)
        let count = vector.shape.channels * vector.shape.pixels
        return complete.build(outputs: [Plan.Place(name: "", offset: vector.region.offset, count: count)])
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
        from input: Map, to output: Map, _ weights: PackedConvolution?,
        _ finish: Finish?, kernel: Int = 1, stride: Int = 1, factorsOffset: Int = -1, meansOffset: Int = -1,
        weightsOffset: Int = -1, panelStride: Int? = nil
    ) {
        if let residual = finish?.residual { precondition(residual.shape == output.shape, "\(name): residual shape") }
        var operation = PlanOperation(
            kind: kind, function: function, input: input.shape, output: output.shape, inputOffset: input.region.offset,
            outputOffset: output.region.offset, residualOffset: finish?.residual?.region.offset ?? -1,
            weights: weights.map { UnsafePointer($0.weights.base) },
            panelStride: panelStride ?? weights?.panelStride ?? 0, kernel: kernel, stride: stride,
            factorsOffset: factorsOffset, meansOffset: meansOffset, weightsOffset: weightsOffset,
            scale: finish?.epilogue.scale, shift: finish?.epilogue.shift, activation: finish?.activation ?? CK_NONE)
        operation.activatesSum = finish?.activatesSum ?? false
        operation.parameters = finish?.parameters ?? .none
        operation.window = Window(kernel: kernel, stride: stride, padding: (kernel - 1) / 2)
        operation.inputElement = input.element
        operation.outputElement = output.element
        operation.weightElement = weights?.element ?? .float32
        append(name, operation, weights.map { [$0.weights] } ?? [], finish)
    }

    mutating func append(
        _ name: String, _ operation: PlanOperation, _ weights: [AlignedBuffer], _ finish: Finish?
    ) {
        precondition(!groups.isEmpty, "\(name): no group was begun")
        operations.append(operation)
        steps.append(Plan.Step(name: name, normalization: finish?.normalization, group: groups.count - 1))
        owners.append(contentsOf: weights)
        if let finish { owners.append(finish.epilogue.buffer) }
    }

    mutating func releaseCopies() {
        for copy in copies { release(copy) }
        copies = []
    }

    /// The map itself, or where it is stored as something else a copy, until `releaseCopies`.
    mutating func copied(_ name: String, _ map: Map, as element: MapElement) -> Map {
        guard map.element != element else { return map }
        let copy = allocate(map.shape, element)
        let isNarrowing = map.element == .float32
        precondition(isNarrowing || element == .float32, "\(name): \(map.element) as \(element)")
        let operation = makeOperation(
            isNarrowing ? .narrow : .widen,
            kernels.kernel(isNarrowing ? CK_OP_NARROW : CK_OP_WIDEN, isNarrowing ? element : map.element), from: map,
            to: copy)
        append(name + (isNarrowing ? ".narrow" : ".widen"), operation, [], nil)
        copies.append(copy)
        return copy
    }

    /// With its residual, if it has one, stored as the element.
    mutating func copied(_ name: String, _ finish: Finish, as element: MapElement) -> Finish {
        guard let residual = finish.residual else { return finish }
        var result = finish
        result.residual = copied(name, residual, as: element)
        return result
    }
}
