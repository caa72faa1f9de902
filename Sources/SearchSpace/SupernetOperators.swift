/// Why a supernet's operators cannot be listed.
public enum OperatorRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    case configuration(ConfigurationRefusal)
    /// The space's stages, positions or values are not those of the architecture.
    case foreignSpace(field: String, space: String, architecture: String)

    public var description: String {
        switch self {
        case .configuration(let refusal): "configuration: \(refusal)"
        case .foreignSpace(let field, let space, let architecture):
            "search space \(space) does not fit the supernet \(architecture): \(field)"
        }
    }
}

/// The operators of a supernet whose widths are known.
///
/// Every convolution pads so that a stride of s maps a side of n to ceil(n / s).
public struct SupernetOperators: Sendable {
    public let architecture: SupernetArchitecture
    private let widths: SupernetArchitecture.Widths

    /// The most channels that a description may ask for.
    public static let widthLimit = 16_384

    /// Refuses an architecture that is not valid or has no widths.
    public init(_ architecture: SupernetArchitecture) throws(ArchitectureRefusal) {
        try architecture.validate()
        guard let widths = architecture.widths else {
            throw ArchitectureRefusal(field: "widths", reason: "not known; they are read off the weights")
        }
        guard widths.stages.count == architecture.strides.count else {
            let (expected, found) = (architecture.strides.count, widths.stages.count)
            throw ArchitectureRefusal(field: "widths.stages", reason: "expected \(expected) values, found \(found)")
        }
        let all = [widths.stem, widths.firstBlock, widths.finalExpand, widths.featureMix, widths.classes]
        for width in all + widths.stages where !(1...Self.widthLimit).contains(width) {
            throw ArchitectureRefusal(field: "widths", reason: "\(width) is outside \(1...Self.widthLimit)")
        }
        self.architecture = architecture
        self.widths = widths
    }

    /// All operators of a subnet in the order of execution.
    public func operators(of configuration: SubnetConfiguration) throws(OperatorRefusal) -> [SubnetOperator] {
        let space = architecture.searchSpace
        do { try space.validate(configuration) } catch { throw .configuration(error) }
        let resolution = configuration.resolution
        var blocks: [SubnetOperator] = []
        for stage in 0..<space.stageCount {
            for position in 0..<configuration.depths[stage] {
                let index = stage * space.positionsPerStage + position
                blocks.append(
                    block(
                        resolution: resolution, stage: stage, position: position,
                        kernel: configuration.kernelSizes[index], expandRatio: configuration.expandRatios[index]))
            }
        }
        return head(resolution: resolution) + blocks + tail(resolution: resolution)
    }

    /// Twice the multiply-adds of a subnet for one image.
    public func flops(of configuration: SubnetConfiguration) throws(OperatorRefusal) -> Int {
        try operators(of: configuration).reduce(0) { $0 + $1.flops }
    }

    /// Refuses a space that lays its positions out otherwise or has values that this supernet lacks.
    public func requireFit(of space: SearchSpace) throws(OperatorRefusal) {
        let own = architecture.searchSpace
        let checks = [
            ("stages", space.stageCount == own.stageCount),
            ("positions per stage", space.positionsPerStage == own.positionsPerStage),
            ("resolutions", Set(space.resolutions).isSubset(of: own.resolutions)),
            ("depths", Set(space.depths).isSubset(of: own.depths)),
            ("kernelSizes", Set(space.kernelSizes).isSubset(of: own.kernelSizes)),
            ("expandRatios", Set(space.expandRatios).isSubset(of: own.expandRatios)),
        ]
        for (field, holds) in checks where !holds {
            throw .foreignSpace(field: field, space: space.name, architecture: architecture.name)
        }
    }
}

extension SupernetOperators {
    /// Stem and fixed first block.
    func head(resolution: Int) -> [SubnetOperator] {
        let stem = FeatureShape(side: side(resolution, after: -1), channels: widths.stem)
        return [
            plain(
                .stem, from: FeatureShape(side: resolution, channels: architecture.inputChannels), to: stem,
                kernel: 3, stride: architecture.stemStride, hasHardSwish: true),
            SubnetOperator(
                kind: .block, stage: nil, position: nil, input: stem,
                output: FeatureShape(side: stem.height, channels: widths.firstBlock), mid: widths.stem,
                isExpanding: false, kernel: 3, stride: 1, hasResidual: widths.stem == widths.firstBlock,
                hasSqueezeExcite: false, hasHardSwish: false),
        ]
    }

    func block(resolution: Int, stage: Int, position: Int, kernel: Int, expandRatio: Int) -> SubnetOperator {
        let isFirst = position == 0
        let inputChannels = isFirst ? (stage == 0 ? widths.firstBlock : widths.stages[stage - 1]) : widths.stages[stage]
        let stride = isFirst ? architecture.strides[stage] : 1
        return SubnetOperator(
            kind: .block, stage: stage, position: position,
            input: FeatureShape(
                side: side(resolution, after: isFirst ? stage - 1 : stage),
                channels: inputChannels),
            output: FeatureShape(side: side(resolution, after: stage), channels: widths.stages[stage]),
            mid: ChannelCounts.mid(input: inputChannels, expandRatio: expandRatio), isExpanding: true, kernel: kernel,
            stride: stride, hasResidual: stride == 1 && inputChannels == widths.stages[stage],
            hasSqueezeExcite: architecture.squeezeExcite[stage],
            hasHardSwish: architecture.activations[stage] == .hardSwish)
    }

    /// Final expand, pooling, feature mix and classifier.
    func tail(resolution: Int) -> [SubnetOperator] {
        let last = architecture.strides.count - 1
        let input = FeatureShape(side: side(resolution, after: last), channels: widths.stages[last])
        let expanded = FeatureShape(side: input.height, channels: widths.finalExpand)
        let pooled = FeatureShape(side: 1, channels: widths.finalExpand)
        let mixed = FeatureShape(side: 1, channels: widths.featureMix)
        return [
            plain(.finalExpand, from: input, to: expanded, hasHardSwish: true),
            plain(.pooling, from: expanded, to: pooled),
            plain(.featureMix, from: pooled, to: mixed, hasHardSwish: true),
            plain(.classifier, from: mixed, to: FeatureShape(side: 1, channels: widths.classes)),
        ]
    }

    /// Side of the feature map after the stem (-1) or a stage.
    private func side(_ resolution: Int, after stage: Int) -> Int {
        ([architecture.stemStride] + architecture.strides[0..<(stage + 1)]).reduce(resolution) { ($0 + $1 - 1) / $1 }
    }

    private func plain(
        _ kind: SubnetOperator.Kind, from input: FeatureShape, to output: FeatureShape, kernel: Int = 1,
        stride: Int = 1, hasHardSwish: Bool = false
    ) -> SubnetOperator {
        SubnetOperator(
            kind: kind, stage: nil, position: nil, input: input, output: output, mid: 0, isExpanding: false,
            kernel: kernel, stride: stride, hasResidual: false, hasSqueezeExcite: false, hasHardSwish: hasHardSwish)
    }
}
