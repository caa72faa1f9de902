import CKernels
public import Engine
public import SearchSpace

extension PackedSupernet {
    /// The plan of one subnet: prefixes of the packed weights, and its own scales and shifts.
    ///
    /// - Throws: `SupernetRefusal` when the configuration is not in the search space or statistics are missing.
    public func plan(
        _ configuration: SubnetConfiguration, statistics: SubnetStatistics, kernels: KernelSet
    ) throws(SupernetRefusal) -> Plan {
        do { try space.validate(configuration) } catch { throw .configuration(error) }
        var planner = SubnetPlanner(supernet: self, configuration: configuration, statistics: statistics, kernels)
        return try planner.plan()
    }
}

/// Walks a subnet from image to logits.
private struct SubnetPlanner {
    let supernet: PackedSupernet
    let configuration: SubnetConfiguration
    let statistics: SubnetStatistics
    var builder: PlanBuilder

    init(
        supernet: PackedSupernet, configuration: SubnetConfiguration, statistics: SubnetStatistics,
        _ kernels: KernelSet
    ) {
        self.supernet = supernet
        self.configuration = configuration
        self.statistics = statistics
        let side = configuration.resolution
        builder = PlanBuilder(
            input: .init(channels: supernet.architecture.inputChannels, height: side, width: side),
            element: supernet.precision.element, kernels: kernels)
    }

    mutating func plan() throws(SupernetRefusal) -> Plan {
        builder.beginGroup("first_conv")
        var map = builder.stem(
            "first_conv", supernet.stem, stride: supernet.architecture.stemStride,
            try normalized(supernet.stemNormalization, channels: supernet.stem.outputChannels, CK_HARD_SWISH))
        for block in supernet.blocks where isActive(block) {
            builder.beginGroup(block.name)
            map = try append(block, to: map)
        }
        return try finish(map)
    }

    private func isActive(_ block: PackedBlock) -> Bool {
        block.position < 0 || supernet.space.isActive(position: block.position, depths: configuration.depths)
    }

    private mutating func append(_ block: PackedBlock, to input: PlanBuilder.Map) throws(SupernetRefusal)
        -> PlanBuilder.Map
    {
        let activation = block.activation == .relu ? CK_RELU : CK_HARD_SWISH
        var map = input
        if let expand = block.expand {
            let mid = ChannelCounts.mid(
                input: block.inputChannels, expandRatio: configuration.expandRatios[block.position])
            map = builder.pointwise(
                block.name + ".expand", input, expand.convolution, channels: mid,
                try normalized(expand.normalization, channels: mid, activation))
        }
        let kernel = block.position < 0 ? 3 : configuration.kernelSizes[block.position]
        let means = block.squeezeExcite == nil ? nil : builder.vector(channels: map.shape.channels)
        let filtered = builder.depthwise(
            block.name + ".depthwise", map, block.depthwise[kernel], kernel: kernel, stride: block.stride,
            try normalized(block.depthwiseNormalization, channels: map.shape.channels, activation), means: means)
        if block.expand != nil { builder.release(map) }
        let finish = try normalized(
            block.projectNormalization, channels: block.outputChannels, CK_NONE,
            residual: block.hasResidual ? input : nil)
        let output: PlanBuilder.Map
        if let squeezeExcite = block.squeezeExcite, let means {
            let gate = append(squeezeExcite, of: block, reading: means)
            output = builder.pointwise(
                block.name + ".project", filtered, scaledBy: gate, block.project, channels: block.outputChannels,
                finish)
            builder.release(gate)
        } else {
            output = builder.pointwise(
                block.name + ".project", filtered, block.project, channels: block.outputChannels, finish)
        }
        builder.release(filtered)
        builder.release(input)
        return output
    }

    /// The factors of the depthwise convolution's channels; the means are released.
    private mutating func append(
        _ squeezeExcite: PackedBlock.SqueezeExcite, of block: PackedBlock, reading means: PlanBuilder.Map
    ) -> PlanBuilder.Map {
        let mid = means.shape.channels
        let squeeze = ChannelCounts.squeeze(mid: mid)
        let reduced = builder.pointwise(
            block.name + ".se.reduce", means, squeezeExcite.reduce, channels: squeeze,
            biased(squeezeExcite.reduceBias.prefix(squeeze), CK_RELU))
        builder.release(means)
        let gate = builder.pointwise(
            block.name + ".se.expand", reduced, squeezeExcite.expand, channels: mid,
            biased(squeezeExcite.expandBias.prefix(mid), CK_HARD_SIGMOID))
        builder.release(reduced)
        return gate
    }

    private mutating func finish(_ map: PlanBuilder.Map) throws(SupernetRefusal) -> Plan {
        let widths = supernet.widths
        builder.beginGroup("final_expand_layer")
        let expanded = builder.pointwise(
            "final_expand_layer", map, supernet.finalExpand, channels: widths.finalExpand,
            try normalized(supernet.finalExpandNormalization, channels: widths.finalExpand, CK_HARD_SWISH))
        builder.beginGroup("global_avg_pool")
        let pooled = builder.pool("global_avg_pool", expanded)
        builder.beginGroup("feature_mix_layer")
        let zeros = [Float](repeating: 0, count: widths.featureMix)
        let mixed = builder.pointwise(
            "feature_mix_layer", pooled, supernet.featureMix, channels: widths.featureMix,
            biased(zeros[...], CK_HARD_SWISH))
        builder.beginGroup("classifier")
        let logits = builder.pointwise(
            "classifier", mixed, supernet.classifier, channels: widths.classes,
            biased(supernet.classifierBias[...], CK_NONE))
        return builder.build(output: logits)
    }

    private func normalized(
        _ normalization: BatchNormalization, channels: Int, _ activation: ck_activation,
        residual: PlanBuilder.Map? = nil
    ) throws(SupernetRefusal) -> PlanBuilder.Finish {
        let layer = try statistics.checked(for: normalization, channels: channels)
        return PlanBuilder.Finish(
            epilogue: normalization.epilogue(layer, channels: channels), activation: activation, residual: residual,
            normalization: normalization.name)
    }

    private func biased(_ bias: ArraySlice<Float>, _ activation: ck_activation) -> PlanBuilder.Finish {
        let ones = [Float](repeating: 1, count: bias.count)
        return PlanBuilder.Finish(epilogue: Epilogue(scale: ones, shift: Array(bias)), activation: activation)
    }
}
