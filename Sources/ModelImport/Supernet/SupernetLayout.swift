import Engine
import SearchSpace

/// Names and shapes of the tensors of an OFA-MobileNetV3 supernet, which follow from its architecture and widths.
///
/// Source: `ofa/imagenet_classification/elastic_nn/networks/ofa_mbv3.py` of once-for-all. `blocks.0` is fixed;
/// the elastic blocks of all stages follow at full depth, each at its largest kernel size and expand ratio.
struct SupernetLayout {
    private(set) var shapes: [String: [Int]] = [:]

    /// - Precondition: the architecture passed `validate()`, and every width is positive.
    init(_ architecture: SupernetArchitecture, widths: SupernetArchitecture.Widths) {
        let depth = Self.blocksPerStage(architecture)
        addConvolution("first_conv", [widths.stem, architecture.inputChannels, 3, 3])
        addConvolution("blocks.0.conv.depth_conv", [widths.stem, 1, 3, 3])
        addConvolution("blocks.0.conv.point_linear", [widths.firstBlock, widths.stem, 1, 1])
        var input = widths.firstBlock
        for (stage, output) in widths.stages.enumerated() {
            for block in 0..<depth {
                addBlock(
                    "blocks.\(1 + stage * depth + block).conv", input: input, output: output,
                    hasSqueezeExcite: architecture.squeezeExcite[stage], architecture)
                input = output
            }
        }
        addConvolution("final_expand_layer", [widths.finalExpand, input, 1, 1])
        shapes["feature_mix_layer.conv.weight"] = [widths.featureMix, widths.finalExpand, 1, 1]
        shapes["classifier.linear.weight"] = [widths.classes, widths.featureMix]
        shapes["classifier.linear.bias"] = [widths.classes]
    }

    private mutating func addBlock(
        _ name: String, input: Int, output: Int, hasSqueezeExcite: Bool, _ architecture: SupernetArchitecture
    ) {
        let mid = ChannelCounts.mid(input: input, expandRatio: architecture.expandRatios.max() ?? 1)
        let kernels = Set(architecture.kernelSizes).sorted()
        let largest = kernels.last ?? 1
        addElastic("\(name).inverted_bottleneck", [mid, input, 1, 1])
        addElastic("\(name).depth_conv", [mid, 1, largest, largest])
        for (small, large) in zip(kernels, kernels.dropFirst()) {
            shapes["\(name).depth_conv.conv.\(large)to\(small)_matrix"] = [small * small, small * small]
        }
        if hasSqueezeExcite {
            let squeeze = ChannelCounts.squeeze(mid: mid)
            shapes["\(name).depth_conv.se.fc.reduce.weight"] = [squeeze, mid, 1, 1]
            shapes["\(name).depth_conv.se.fc.reduce.bias"] = [squeeze]
            shapes["\(name).depth_conv.se.fc.expand.weight"] = [mid, squeeze, 1, 1]
            shapes["\(name).depth_conv.se.fc.expand.bias"] = [mid]
        }
        addElastic("\(name).point_linear", [output, mid, 1, 1])
    }

    private mutating func addConvolution(_ name: String, _ shape: [Int]) {
        add(convolution: "\(name).conv", normalization: "\(name).bn", shape)
    }

    /// Elastic layers wrap the plain ones, which doubles the last part of the name.
    private mutating func addElastic(_ name: String, _ shape: [Int]) {
        add(convolution: "\(name).conv.conv", normalization: "\(name).bn.bn", shape)
    }

    private mutating func add(convolution: String, normalization: String, _ shape: [Int]) {
        shapes["\(convolution).weight"] = shape
        for part in ["weight", "bias", "running_mean", "running_var"] {
            shapes["\(normalization).\(part)"] = [shape[0]]
        }
    }

    private static func blocksPerStage(_ architecture: SupernetArchitecture) -> Int { architecture.depths.max() ?? 1 }

    /// Channel counts as the tensors have them.
    static func widths(
        of tensors: [String: Tensor], for architecture: SupernetArchitecture
    ) throws(ReadingFailure) -> SupernetArchitecture.Widths {
        let depth = blocksPerStage(architecture)
        var stages: [Int] = []
        for stage in architecture.strides.indices {
            stages.append(try outputs("blocks.\(1 + stage * depth).conv.point_linear.conv.conv.weight", tensors))
        }
        return SupernetArchitecture.Widths(
            stem: try outputs("first_conv.conv.weight", tensors),
            firstBlock: try outputs("blocks.0.conv.point_linear.conv.weight", tensors), stages: stages,
            finalExpand: try outputs("final_expand_layer.conv.weight", tensors),
            featureMix: try outputs("feature_mix_layer.conv.weight", tensors),
            classes: try outputs("classifier.linear.weight", tensors))
    }

    private static func outputs(_ name: String, _ tensors: [String: Tensor]) throws(ReadingFailure) -> Int {
        guard let tensor = tensors[name] else { throw ReadingFailure("is missing", subject: name) }
        // At most one value in the file per output, so that no product of widths can overflow.
        guard let count = tensor.shape.first, count > 0, count <= tensor.count else {
            throw ReadingFailure("shape \(tensor.shape) has no outputs", subject: name)
        }
        return count
    }

    /// Refuses tensors that are missing, left over, of another shape, or hold values that no network has.
    func check(_ tensors: [String: Tensor]) throws(ReadingFailure) {
        for (name, shape) in shapes.sorted(by: { $0.key < $1.key }) {
            guard let tensor = tensors[name] else { throw ReadingFailure("is missing", subject: name) }
            guard tensor.shape == shape else {
                throw ReadingFailure("shape \(tensor.shape) is not \(shape)", subject: name)
            }
            try tensor.requireFinite(name)
            if name.hasSuffix(".running_var"), let index = tensor.values.firstIndex(where: { $0 < 0 }) {
                throw ReadingFailure("variance \(index) is negative", subject: name)
            }
        }
        if let extra = tensors.keys.filter({ shapes[$0] == nil }).min() {
            throw ReadingFailure("is not part of this architecture", subject: extra)
        }
    }
}
