/// The memory that a subnet alone asks for, in bytes of 32-bit floats: the parameters that it reads and the largest
/// maps that stand beside each other while it runs.
///
/// A supernet that serves several subnets keeps its own parameters whole, whatever the subnet.
public struct MemoryCost: CostEstimating {
    public let space: SearchSpace
    public let range: ClosedRange<Double>
    private let parameters: AdditiveCost
    private let layout: IndexedSearchSpace
    /// Of everything but the elastic blocks, by resolution.
    private let fixed: [Double]
    /// By resolution, position, kernel size and expand ratio.
    private let blocks: [Double]

    /// Throws an `OperatorRefusal` if the space does not fit the supernet.
    public init(space: SearchSpace, operators: SupernetOperators) throws {
        let parameters = try AdditiveCost(space: space, operators: operators) { row, _ in Double(4 * row.parameters) }
        let fixed = space.resolutions.map { resolution in
            let ends = operators.head(resolution: resolution) + operators.tail(resolution: resolution)
            return ends.map { Double(4 * $0.mapValues) }.reduce(0, max)
        }
        var blocks: [Double] = []
        for resolution in space.resolutions {
            for index in 0..<space.positionCount {
                let (stage, position) = index.quotientAndRemainder(dividingBy: space.positionsPerStage)
                for kernel in space.kernelSizes {
                    for expandRatio in space.expandRatios {
                        let row = operators.block(
                            resolution: resolution, stage: stage, position: position, kernel: kernel,
                            expandRatio: expandRatio)
                        blocks.append(Double(4 * row.mapValues))
                    }
                }
            }
        }
        self.init(space, parameters, fixed: fixed, blocks: blocks, range: 0...0)
        // Every dimension adds to both parts, so that the extremes are those of the space.
        let (least, most) = (cost(of: layout.smallest), cost(of: layout.largest))
        self.init(space, parameters, fixed: fixed, blocks: blocks, range: least...most)
    }

    private init(
        _ space: SearchSpace, _ parameters: AdditiveCost, fixed: [Double], blocks: [Double],
        range: ClosedRange<Double>
    ) {
        self.space = space
        self.parameters = parameters
        self.fixed = fixed
        self.blocks = blocks
        self.range = range
        layout = IndexedSearchSpace(space)
    }

    /// Every dimension adds to both parts.
    public var cheapest: SubnetIndices { layout.smallest }

    public func cost(of indices: SubnetIndices) -> Double {
        let expandCount = space.expandRatios.count
        let perPosition = space.kernelSizes.count * expandCount
        let resolution = Int(indices.values[0])
        let row = resolution * space.positionCount * perPosition
        var peak = fixed[resolution]
        for stage in 0..<space.stageCount {
            for block in 0..<layout.depths[Int(indices.values[1 + stage])] {
                let position = stage * layout.positionsPerStage + block
                let kernel = Int(indices.values[layout.kernelOffset + position])
                let expand = Int(indices.values[layout.expandOffset + position])
                peak = max(peak, blocks[row + position * perPosition + kernel * expandCount + expand])
            }
        }
        return parameters.cost(of: indices) + peak
    }
}

extension SubnetOperator {
    /// Weights, biases, and scale and shift of batch normalisation.
    public var parameters: Int {
        switch kind {
        case .stem, .finalExpand: input.channels * output.channels * kernel * kernel + 2 * output.channels
        case .featureMix: input.channels * output.channels
        case .classifier: (input.channels + 1) * output.channels
        case .pooling: 0
        case .block:
            (isExpanding ? input.channels * mid + 2 * mid : 0) + mid * kernel * kernel + 2 * mid
                + (hasSqueezeExcite ? squeezeParameters : 0) + mid * output.channels + 2 * output.channels
        }
    }

    private var squeezeParameters: Int {
        let squeezed = ChannelCounts.squeeze(mid: mid)
        return 2 * mid * squeezed + mid + squeezed
    }

    /// Values of the maps that are in memory at once, convolution by convolution, at most.
    public var mapValues: Int {
        let (inputPixels, outputPixels) = (input.height * input.width, output.height * output.width)
        let (before, after) = (inputPixels * input.channels, outputPixels * output.channels)
        guard kind == .block else { return before + after }
        let kept = hasResidual ? before : 0
        let wide = isExpanding ? inputPixels * mid : before
        let expanding = isExpanding ? before + wide : 0
        return max(expanding, (isExpanding ? kept : 0) + wide + outputPixels * mid, kept + outputPixels * mid + after)
    }
}
