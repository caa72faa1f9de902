import Engine
import SearchSpace

/// One inverted bottleneck at its widest, as every subnet reads it.
struct PackedBlock: Sendable {
    struct SqueezeExcite: Sendable {
        var reduce: PackedConvolution
        let reduceBias: [Float]
        var expand: PackedConvolution
        let expandBias: [Float]
    }

    let name: String
    let stage: Int
    /// Position over all stages; -1 for the fixed first block.
    let position: Int
    let inputChannels: Int
    let outputChannels: Int
    let stride: Int
    let activation: SupernetArchitecture.Activation
    /// `nil` in the fixed first block, which has no expand convolution.
    private(set) var expand: (convolution: PackedConvolution, normalization: BatchNormalization)?
    private(set) var depthwise: DepthwiseKernels
    let depthwiseNormalization: BatchNormalization
    private(set) var squeezeExcite: SqueezeExcite?
    private(set) var project: PackedConvolution
    let projectNormalization: BatchNormalization

    var hasResidual: Bool { stride == 1 && inputChannels == outputChannels }

    var byteCount: Int {
        (expand?.convolution.byteCount ?? 0) + depthwise.byteCount + project.byteCount
            + (squeezeExcite.map { $0.reduce.byteCount + $0.expand.byteCount } ?? 0)
    }
}

extension PackedBlock {
    /// The same block with its weights as bfloat16.
    func bfloat16() -> PackedBlock {
        var result = self
        result.expand = expand.map { ($0.convolution.bfloat16(), $0.normalization) }
        result.depthwise = depthwise.bfloat16()
        if let squeezeExcite {
            result.squeezeExcite?.reduce = squeezeExcite.reduce.bfloat16()
            result.squeezeExcite?.expand = squeezeExcite.expand.bfloat16()
        }
        result.project = project.bfloat16()
        return result
    }

    /// The fixed first block: 3x3 depthwise with ReLU, then a projection.
    init(firstBlockOf widths: SupernetArchitecture.Widths, from source: WeightSource) throws(SupernetRefusal) {
        let prefix = "blocks.0.conv"
        name = "blocks.0"
        stage = -1
        position = -1
        inputChannels = widths.stem
        outputChannels = widths.firstBlock
        stride = 1
        activation = .relu
        expand = nil
        depthwise = try DepthwiseKernels(source, prefix: prefix + ".depth_conv", channels: widths.stem, sizes: [3])
        depthwiseNormalization = try source.normalization(prefix + ".depth_conv.bn", channels: widths.stem)
        squeezeExcite = nil
        project = try source.pointwise(
            prefix + ".point_linear.conv.weight", from: widths.stem, to: widths.firstBlock)
        projectNormalization = try source.normalization(prefix + ".point_linear.bn", channels: widths.firstBlock)
    }

    /// The elastic block at a position.
    init(
        position: Int, of architecture: SupernetArchitecture, widths: SupernetArchitecture.Widths,
        from source: WeightSource
    ) throws(SupernetRefusal) {
        let perStage = architecture.searchSpace.positionsPerStage
        let stage = position / perStage
        let isFirst = position % perStage == 0
        let entry = stage == 0 ? widths.firstBlock : widths.stages[stage - 1]
        let input = isFirst ? entry : widths.stages[stage]
        let output = widths.stages[stage]
        let mid = ChannelCounts.mid(input: input, expandRatio: architecture.expandRatios.max() ?? 1)
        let prefix = "blocks.\(position + 1).conv"
        name = "blocks.\(position + 1)"
        self.stage = stage
        self.position = position
        inputChannels = input
        outputChannels = output
        stride = isFirst ? architecture.strides[stage] : 1
        activation = architecture.activations[stage]
        expand = (
            try source.pointwise(prefix + ".inverted_bottleneck.conv.conv.weight", from: input, to: mid),
            try source.normalization(prefix + ".inverted_bottleneck.bn.bn", channels: mid)
        )
        depthwise = try DepthwiseKernels(
            source, prefix: prefix + ".depth_conv.conv", channels: mid,
            sizes: architecture.kernelSizes)
        depthwiseNormalization = try source.normalization(prefix + ".depth_conv.bn.bn", channels: mid)
        squeezeExcite =
            architecture.squeezeExcite[stage]
            ? try SqueezeExcite(source, prefix: prefix + ".depth_conv.se.fc", mid: mid) : nil
        project = try source.pointwise(prefix + ".point_linear.conv.conv.weight", from: mid, to: output)
        projectNormalization = try source.normalization(prefix + ".point_linear.bn.bn", channels: output)
    }
}

extension PackedBlock.SqueezeExcite {
    init(_ source: WeightSource, prefix: String, mid: Int) throws(SupernetRefusal) {
        let squeeze = ChannelCounts.squeeze(mid: mid)
        reduce = try source.pointwise(prefix + ".reduce.weight", from: mid, to: squeeze)
        reduceBias = try source.vector(prefix + ".reduce.bias", count: squeeze)
        expand = try source.pointwise(prefix + ".expand.weight", from: squeeze, to: mid)
        expandBias = try source.vector(prefix + ".expand.bias", count: mid)
    }
}
