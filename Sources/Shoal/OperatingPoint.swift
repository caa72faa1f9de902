import Datasets
import Engine
import Graphs
import NetworkParts
import Packages

/// A network, or one subnet of a supernet, prepared to run: its plan exists, its weights are packed.
///
/// Any number of sessions on any threads may run the same point. Made by `Model.prepare`.
public struct OperatingPoint: Sendable {
    /// Where the numbers of a subnet's batch normalisations come from.
    public enum Statistics: String, Sendable {
        /// The statistics file, which names this subnet; or a network, which brings its own.
        case own
        /// The checkpoint's, which fit one subnet at most: right for measuring time, not for answers.
        case checkpoint
    }

    enum Work: Sendable {
        case plan(Plan)
        /// In part by the plain definitions of the operators: right, slow, and it allocates.
        case hybrid(HybridNetwork, input: String, output: String)
    }

    /// `nil` for a network.
    public let subnet: Subnet?
    public let statistics: Statistics
    /// Of the image, in pixels.
    public let height: Int
    public let width: Int
    /// Side of the image where it is a square, as every subnet's; else its height.
    public var resolution: Int { height }
    /// Channels of the image.
    public let channels: Int
    /// Values in the output; `nil` where their number depends on the image.
    public let outputCount: Int?
    /// Of one inference; a multiply-add counts as two.
    public let flops: Int
    /// Why kernels do not cover the whole network, so that the rest runs slowly and allocates; `nil` where they do.
    public let slowBecause: String?

    let work: Work
    let mean: [Float]
    let std: [Float]

    /// Floats of one planar image.
    public var inputCount: Int { channels * height * width }

    init(
        _ plan: Plan, subnet: Subnet?, statistics: Statistics, normalization: (mean: [Float], std: [Float])
    ) {
        work = .plan(plan)
        self.subnet = subnet
        self.statistics = statistics
        (mean, std) = normalization
        (channels, height, width) = (plan.inputShape.channels, plan.inputShape.height, plan.inputShape.width)
        outputCount = plan.outputCount
        flops = plan.flops
        slowBecause = nil
    }

    /// A network of which kernels cover a part.
    init(
        _ network: HybridNetwork, shape: [Int], normalization: (mean: [Float], std: [Float]), because reason: String
    ) {
        let bound = network.bound
        work = .hybrid(network, input: bound.graph.inputs[0].name, output: bound.graph.outputs[0])
        subnet = nil
        statistics = .own
        (mean, std) = normalization
        (channels, height, width) = (shape[1], shape[2], shape[3])
        outputCount = bound.types[bound.graph.outputs[0]].map { $0.shape.reduce(1, *) }
        flops = bound.flops
        slowBecause = reason
    }

    var size: ImageSize { ImageSize(height: height, width: width) }

    /// What turns the pixels of images of one size into its input.
    func preprocessor(height: Int, width: Int) -> ImagePreprocessor {
        ImagePreprocessor(
            channels: channels, height: height, width: width, size: size, mean: mean, std: std)
    }
}
