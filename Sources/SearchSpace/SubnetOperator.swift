/// Height x width x channels of a feature map.
public struct FeatureShape: Hashable, Codable, Sendable, CustomStringConvertible {
    public let height: Int
    public let width: Int
    public let channels: Int

    public init(height: Int, width: Int, channels: Int) {
        self.height = height
        self.width = width
        self.channels = channels
    }

    public init(side: Int, channels: Int) { self.init(height: side, width: side, channels: channels) }

    public var description: String { "\(height)x\(width)x\(channels)" }
}

/// One building block of a subnet with its shapes: what a latency table has a row for and FLOPs are counted of.
public struct SubnetOperator: Hashable, Codable, Sendable {
    public enum Kind: String, Hashable, Codable, Sendable {
        case stem
        /// The fixed first block and the elastic blocks: (expand), depthwise, (squeeze-and-excite), project.
        case block
        case finalExpand
        case pooling
        case featureMix
        case classifier
    }

    public let kind: Kind
    /// Stage and position within it of an elastic block; `nil` elsewhere.
    public let stage: Int?
    public let position: Int?
    public let input: FeatureShape
    public let output: FeatureShape
    /// Channels between expand and project convolution; 0 outside blocks.
    public let mid: Int
    /// Whether the block begins with an expand convolution; the fixed first block does not.
    public let isExpanding: Bool
    public let kernel: Int
    public let stride: Int
    /// Whether the block's input is added to its output.
    public let hasResidual: Bool
    public let hasSqueezeExcite: Bool
    public let hasHardSwish: Bool
}

extension SubnetOperator {
    /// Twice the multiply-adds of convolutions and linear layers; pooling, activations and BN do not count.
    public var flops: Int { 2 * multiplyAdds }

    private var multiplyAdds: Int {
        let (inputPixels, outputPixels) = (input.height * input.width, output.height * output.width)
        switch kind {
        case .stem, .finalExpand, .featureMix, .classifier:
            return outputPixels * output.channels * input.channels * kernel * kernel
        case .pooling:
            return 0
        case .block:
            let expand = isExpanding ? inputPixels * input.channels * mid : 0
            let depthwise = outputPixels * mid * kernel * kernel
            let squeeze = hasSqueezeExcite ? 2 * mid * ChannelCounts.squeeze(mid: mid) : 0
            return expand + depthwise + squeeze + outputPixels * mid * output.channels
        }
    }
}
