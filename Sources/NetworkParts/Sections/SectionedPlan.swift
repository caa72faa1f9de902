public import Engine
public import Fusion
public import Graphs

/// How to compute a network part by part, each of which may be left out, replaced, or followed by something that looks
/// at the map in between. Immutable; any number of sessions may run it.
public final class SectionedPlan: Sendable {
    public let parts: [NetworkPart]
    /// Whether a part may be left out without a replacement.
    public let isResidual: [Bool]
    public let inputShape: PlanOperation.Shape
    /// Number of values in the output.
    public let outputCount: Int
    public let flops: Int
    let layout: SlotLayout
    private let kernels: KernelSet
    /// Maps inside the parts that can be computed in part.
    private let hidden: [HiddenMap?]

    /// - Parameter weights: shared with the plan of the whole network, so that there is one copy of them.
    /// - Throws: `GraphFailure` naming the step that no kernel covers.
    public init(
        _ network: FusedNetwork, kernels: KernelSet, weights: PackedWeights = PackedWeights()
    ) throws(GraphFailure) {
        guard network.inputs.count == 1, network.outputs.count == 1, network.inputs[0].layout == .channelsFirst else {
            throw GraphFailure("has several inputs or outputs, or pixels before channels")
        }
        guard network.quantizations.isEmpty else {
            throw GraphFailure("is of 8 bits, whose maps no gate reads; give the network that it was made from")
        }
        let sections = network.sections()
        var plans: [Plan] = []
        for (index, section) in sections.enumerated() {
            plans.append(
                try section.network.sectionPlan(readsBlocks: index > 0, kernels: kernels, weights: weights))
        }
        let layout = SlotLayout(plans)
        precondition(plans[0].inputOffset == layout.slot(0), "an image at \(plans[0].inputOffset)")
        parts = zip(plans, sections).map { plan, section in
            NetworkPart(
                plan, output: PlanOperation.Shape(section.network.steps.last?.shape ?? network.inputShape), layout)
        }
        guard let last = parts.last, last.output.pixels == 1 else {
            throw GraphFailure("the output is a map, not a vector")
        }
        isResidual = sections.map(\.isResidual)
        hidden = sections.enumerated().map { HiddenMap($1.network, readsBlocks: $0 > 0) }
        inputShape = plans[0].inputShape
        outputCount = last.output.channels
        flops = plans.reduce(0) { $0 + $1.flops }
        self.layout = layout
        self.kernels = kernels
    }

    /// A first part, and several ways to go on from its map: parts 1 and on, each of which ends the network.
    ///
    /// - Parameters:
    ///   - precisions: of the convolutions, by the outputs of their steps; for the first part the first of them, and
    ///     one for each way.
    ///   - weights: every form of a layer's weights is packed once for all parts.
    /// - Throws: `GraphFailure` naming the step that no kernel covers.
    public init(
        _ network: FusedNetwork, before section: Int, ways precisions: [[String: Precision]], _ forms: EightBitForms,
        weights: PackedWeights, kernels: KernelSet
    ) throws(GraphFailure) {
        precondition(!precisions.isEmpty, "no way to go on")
        let (first, rest) = network.split(before: section)
        var plans = [
            try first.sectionPlan(readsBlocks: false, precisions[0], forms, weights: weights, kernels: kernels)
        ]
        for way in precisions {
            plans.append(try rest.sectionPlan(readsBlocks: true, way, forms, weights: weights, kernels: kernels))
        }
        let layout = SlotLayout(plans)
        let (border, output) = (PlanOperation.Shape(rest.inputShape), PlanOperation.Shape(rest.outputs[0].shape))
        guard output.pixels == 1 else { throw GraphFailure("the output is a map, not a vector") }
        parts = plans.enumerated().map { NetworkPart($1, output: $0 == 0 ? border : output, layout) }
        isResidual = parts.map { _ in false }
        hidden = parts.map { _ in nil }
        inputShape = plans[0].inputShape
        outputCount = output.channels
        flops = plans[0].flops + plans[1].flops
        self.layout = layout
        self.kernels = kernels
    }

    /// Shape of the map that a part reads.
    public func shape(before part: Int) -> PlanOperation.Shape { parts[part].input }

    /// A part of which blocks of channels and strips of rows can be left out.
    /// - Returns: `nil` where the part has no map inside between two convolutions.
    public func masked(_ part: Int) throws(GraphFailure) -> MaskedPart? { try masked(part, reader: nil) }

    /// The same with other weights of the convolution that reads the map inside.
    /// - Parameter weights: `[output][channel][row][column]`
    public func masked(_ part: Int, weights: [Float], bias: [Float]) throws(GraphFailure) -> MaskedPart? {
        guard let old = hidden[part]?.reader, weights.count == old.weights.count, bias.count == old.shift.count else {
            throw GraphFailure("weights for another convolution")
        }
        let new = FusedConvolution(
            window: old.window, groups: 1, inputChannels: old.inputChannels, outputChannels: old.outputChannels,
            weights: weights, scale: [Float](repeating: 1, count: bias.count), shift: bias)
        return try masked(part, reader: new)
    }

    private func masked(_ part: Int, reader: FusedConvolution?) throws(GraphFailure) -> MaskedPart? {
        guard let place = hidden[part] else { return nil }
        return try MaskedPart(
            parts[part], place, isResidual: isResidual[part], reader: reader, kernels, layout)
    }

    /// A part that replaces some: `max(convolution(x) + bias + x, 0)`, 3x3 with padding 1.
    /// - Parameter weight: `[output][input][row][column]`
    /// - Precondition: as many input as output channels.
    public func substitute(weight: [Float], bias: [Float], before part: Int) -> NetworkPart {
        let shape = shape(before: part)
        let window = Window(kernel: 3, padding: 1)
        let filter = DenseConvolution(
            weight: weight, inputChannels: shape.channels, outputChannels: shape.channels, window: window,
            method: .suited(to: window, input: shape, outputs: shape.channels))
        return extra(shape, output: shape) { builder, input in
            let ones = [Float](repeating: 1, count: shape.channels)
            let finish = PlanBuilder.Finish(
                epilogue: Epilogue(scale: ones, shift: bias), .relu, residual: input, activatesSum: true)
            return builder.convolution("substitute", input, filter, finish)
        }
    }

    /// A part that takes the mean of every channel: what gates read.
    public func pooling(before part: Int) -> NetworkPart {
        let shape = shape(before: part)
        let pooled = PlanOperation.Shape(channels: shape.channels, height: 1, width: 1)
        return extra(shape, output: pooled) { builder, input in builder.pool("features", input) }
    }

    private func extra(
        _ shape: PlanOperation.Shape, output: PlanOperation.Shape,
        _ build: (inout PlanBuilder, PlanBuilder.Map) -> PlanBuilder.Map
    ) -> NetworkPart {
        var builder = PlanBuilder(blocked: shape, kernels: kernels)
        builder.beginGroup("hook")
        builder.reserveResult(output)
        builder.aimAtResult()
        let result = build(&builder, builder.blockedInput)
        let plan = builder.build(output: result)
        precondition(
            plan.arenaCount <= layout.workCount && plan.endCount <= layout.slotCount,
            "a replacement that needs more room than what it replaces")
        return NetworkPart(plan, output: result.shape, layout)
    }
}

/// Runs a network part by part in one arena, on the thread that calls it. Belongs to one thread.
public final class SectionedSession {
    public let plan: SectionedPlan
    private let arena: AlignedBuffer
    /// Where the map between the parts lies.
    private var slot = 0

    public init(for plan: SectionedPlan) {
        self.plan = plan
        arena = AlignedBuffer(count: plan.layout.arenaCount)
    }

    public var arenaBytes: Int { arena.byteCount }

    /// Writes a planar image, already normalised, for the first part to read.
    public func place(_ image: UnsafeBufferPointer<Float>) {
        slot = 0
        plan.parts[0].plan.place(image, in: arena.base)
    }

    /// Replaces the current map by the part's result.
    @inline(__always)
    public func perform(_ part: NetworkPart) {
        let operations = part.versions[slot]
        operations.withUnsafeBufferPointer { operations in
            for index in operations.indices { operations[index].perform(in: arena.base) }
        }
        if !part.isInPlace { slot = 1 - slot }
    }

    /// Replaces the current map by what a mask leaves of the part's result.
    @inline(__always)
    public func perform(_ mask: MaskLists) {
        mask.perform(mask.part.versions[slot], in: arena.base)
        if !mask.part.isInPlace, !mask.part.part.isInPlace { slot = 1 - slot }
    }

    /// Replaces the current map by the whole part's result, and shows the map inside it on the way, in the kernels'
    /// layout.
    public func perform(_ part: MaskedPart, showing watch: (UnsafePointer<Float>) -> Void) {
        let operations = part.versions[slot]
        let first = part.roles.firstIndex(of: .reads)
        for index in operations.indices {
            if index == first { watch(arena.base + operations[index].inputOffset) }
            operations[index].perform(in: arena.base)
        }
        if !part.isInPlace, !part.part.isInPlace { slot = 1 - slot }
    }

    /// The part's result beside the current map, which stays; valid until the next part runs.
    public func look(_ part: NetworkPart) -> UnsafeBufferPointer<Float> {
        precondition(!part.isInPlace, "a part that overwrites what it looks at")
        let operations = part.versions[slot]
        operations.withUnsafeBufferPointer { operations in
            for index in operations.indices { operations[index].perform(in: arena.base) }
        }
        let start = UnsafePointer(arena.base + plan.layout.slot(1 - slot))
        return UnsafeBufferPointer(start: start, count: part.output.channels * part.output.pixels)
    }

    /// Copies the map that a part is about to read.
    public func save(before part: Int, to buffer: AlignedBuffer) {
        let count = plan.shape(before: part).storage
        precondition(buffer.count >= count, "a buffer of \(buffer.count) floats for \(count)")
        buffer.base.update(from: current, count: count)
    }

    /// Makes a map that was saved before the same part the current one.
    public func resume(before part: Int, from buffer: AlignedBuffer) {
        slot = 0
        current.update(from: buffer.base, count: plan.shape(before: part).storage)
    }

    /// The current map in the kernels' layout; the network's output after its last part.
    public var current: UnsafeMutablePointer<Float> { arena.base + plan.layout.slot(slot) }

    /// The output, after the last part.
    public var output: UnsafeBufferPointer<Float> { UnsafeBufferPointer(start: current, count: plan.outputCount) }
}
