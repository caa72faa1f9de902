import CKernels
import Engine
public import Graphs
public import SearchSpace

extension PackedSupernet {
    /// One subnet as a network of its own: its prefixes of the weights, its statistics as scales and shifts. What it
    /// computes is what its plan computes.
    ///
    /// - Throws: `SupernetRefusal` when the configuration is not in the search space or statistics are missing.
    public func fusedNetwork(
        _ configuration: SubnetConfiguration, statistics: SubnetStatistics
    ) throws(SupernetRefusal) -> FusedNetwork {
        do { try space.validate(configuration) } catch { throw .configuration(error) }
        var writer = SubnetWriter(supernet: self, configuration: configuration, statistics: statistics)
        return try writer.network()
    }
}

/// Walks a subnet from image to logits, as its planner does.
private struct SubnetWriter {
    let supernet: PackedSupernet
    let configuration: SubnetConfiguration
    let statistics: SubnetStatistics
    private(set) var steps: [FusedStep] = []

    init(supernet: PackedSupernet, configuration: SubnetConfiguration, statistics: SubnetStatistics) {
        self.supernet = supernet
        self.configuration = configuration
        self.statistics = statistics
    }

    mutating func network() throws(SupernetRefusal) -> FusedNetwork {
        let (widths, side) = (supernet.widths, configuration.resolution)
        let image = MapShape(channels: supernet.architecture.inputChannels, height: side, width: side)
        var map = Value(name: "image", shape: image)
        map = convolve(
            "first_conv", map, supernet.stem, widths.stem,
            try normalized(supernet.stemNormalization, widths.stem), .hardSwish,
            window: FusedWindow(kernel: 3, stride: supernet.architecture.stemStride))
        for block in supernet.blocks
        where block.position < 0 || supernet.space.isActive(position: block.position, depths: configuration.depths) {
            map = try append(block, to: map)
        }
        map = convolve(
            "final_expand_layer", map, supernet.finalExpand, widths.finalExpand,
            try normalized(supernet.finalExpandNormalization, widths.finalExpand), .hardSwish)
        map = pool("global_avg_pool", map)
        let zeros = [Float](repeating: 0, count: widths.featureMix)
        map = convolve("feature_mix_layer", map, supernet.featureMix, widths.featureMix, biased(zeros), .hardSwish)
        map = convolve(
            "classifier", map, supernet.classifier, widths.classes, biased(supernet.classifierBias), .none)
        return FusedNetwork(
            input: "image", inputShape: image, steps: steps, output: map.name,
            outputType: ValueType(.float32, [1, widths.classes]))
    }

    private struct Value {
        let name: String
        let shape: MapShape
    }

    private mutating func append(_ block: PackedBlock, to input: Value) throws(SupernetRefusal) -> Value {
        let activation: FusedActivation = block.activation == .relu ? .relu : .hardSwish
        var map = input
        if let expand = block.expand {
            let mid = ChannelCounts.mid(
                input: block.inputChannels, expandRatio: configuration.expandRatios[block.position])
            map = convolve(
                block.name + ".expand", map, expand.convolution, mid, try normalized(expand.normalization, mid),
                activation)
        }
        let (mid, kernel) = (map.shape.channels, block.position < 0 ? 3 : configuration.kernelSizes[block.position])
        map = convolve(
            block.name + ".depthwise", map, block.depthwise[kernel], mid,
            try normalized(block.depthwiseNormalization, mid), activation,
            window: FusedWindow(kernel: kernel, stride: block.stride), groups: mid)
        if let gate = block.squeezeExcite {
            let squeeze = ChannelCounts.squeeze(mid: mid)
            var factors = pool(block.name + ".se.pool", map)
            factors = convolve(
                block.name + ".se.reduce", factors, gate.reduce, squeeze, biased(gate.reduceBias.prefix(squeeze)),
                .relu)
            factors = convolve(
                block.name + ".se.expand", factors, gate.expand, mid, biased(gate.expandBias.prefix(mid)),
                .hardSigmoid)
            map = add(
                FusedStep(
                    name: block.name + ".se.scale", work: .scaling, inputs: [map.name, factors.name],
                    output: block.name + ".se.scale", shape: map.shape))
        }
        return convolve(
            block.name + ".project", map, block.project, block.outputChannels,
            try normalized(block.projectNormalization, block.outputChannels), .none,
            residual: block.hasResidual ? input.name : nil)
    }

    private mutating func add(_ step: FusedStep) -> Value {
        steps.append(step)
        return Value(name: step.output, shape: step.shape)
    }

    private mutating func pool(_ name: String, _ map: Value) -> Value {
        add(
            FusedStep(
                name: name, work: .globalAverage, inputs: [map.name], output: name,
                shape: MapShape(channels: map.shape.channels, height: 1, width: 1)))
    }

    private typealias Affine = (scale: [Float], shift: [Float])

    private mutating func convolve(
        _ name: String, _ input: Value, _ weights: PackedConvolution, _ outputs: Int,
        _ affine: Affine, _ activation: FusedActivation, window: FusedWindow = FusedWindow(kernel: 1),
        groups: Int = 1, residual: String? = nil
    ) -> Value {
        let rows = window.kernelHeight * window.kernelWidth * input.shape.channels / groups
        let convolution = FusedConvolution(
            window: window, groups: groups, inputChannels: input.shape.channels, outputChannels: outputs,
            weights: weights.prefix(outputs: outputs, rows: rows), scale: affine.scale, shift: affine.shift)
        return add(
            FusedStep(
                name: name, work: .convolution(convolution), inputs: [input.name], output: name,
                shape: MapShape(
                    channels: outputs, height: (input.shape.height - 1) / window.strideHeight + 1,
                    width: (input.shape.width - 1) / window.strideWidth + 1),
                finish: FusedFinish(activation, residual: residual.map { .init(value: $0, isActivated: false) })))
    }

    private func normalized(
        _ normalization: BatchNormalization, _ channels: Int
    ) throws(SupernetRefusal) -> Affine {
        let epilogue = normalization.epilogue(
            try statistics.checked(for: normalization, channels: channels), channels: channels)
        return withExtendedLifetime(epilogue) {
            (
                Array(UnsafeBufferPointer(start: epilogue.scale, count: channels)),
                Array(UnsafeBufferPointer(start: epilogue.shift, count: channels))
            )
        }
    }

    private func biased(_ bias: some Collection<Float>) -> Affine {
        ([Float](repeating: 1, count: bias.count), Array(bias))
    }
}

extension FusedWindow {
    /// Square, and as wide a border as keeps the size.
    fileprivate init(kernel: Int, stride: Int = 1) {
        let border = (kernel - 1) / 2
        self.init(
            kernelHeight: kernel, kernelWidth: kernel, strideHeight: stride, strideWidth: stride,
            padding: .init(top: border, left: border, bottom: border, right: border))
    }
}

extension PackedConvolution {
    /// `[output][row]` of the first output channels and rows.
    fileprivate func prefix(outputs: Int, rows: Int) -> [Float] {
        precondition(outputs <= outputChannels && rows <= self.rows, "\(outputs)x\(rows) is no prefix")
        let lanes = Int(CK_LANES)
        return withExtendedLifetime(weights) {
            var result: [Float] = []
            result.reserveCapacity(outputs * rows)
            for output in 0..<outputs {
                let panel = weights.base + output / lanes * panelStride + output % lanes
                for row in 0..<rows { result.append(panel[row * lanes]) }
            }
            return result
        }
    }
}
