import Engine
import SearchSpace

/// Names and shapes of all tensors that a supernet of this architecture consists of.
struct SupernetLayout {
    let architecture: SupernetArchitecture
    private var perStage: Int { architecture.depths.max() ?? 0 }
    private var positions: Int { architecture.strides.count * perStage }

    /// Reads the widths off the tensors that show them.
    func widths(of tensors: [String: Tensor]) throws(ReadingFailure) -> SupernetArchitecture.Widths {
        func outputs(_ name: String) throws(ReadingFailure) -> Int {
            guard let tensor = tensors[name] else { throw ReadingFailure("is missing", subject: name) }
            guard let count = tensor.shape.first, (1...8_192).contains(count) else {
                throw ReadingFailure("has the shape \(tensor.shape)", subject: name)
            }
            return count
        }
        var stages: [Int] = []
        for stage in architecture.strides.indices {
            stages.append(try outputs("blocks.\(stage * perStage + 1).conv.point_linear.conv.conv.weight"))
        }
        return SupernetArchitecture.Widths(
            stem: try outputs("first_conv.conv.weight"),
            firstBlock: try outputs("blocks.0.conv.point_linear.conv.weight"), stages: stages,
            finalExpand: try outputs("final_expand_layer.conv.weight"),
            featureMix: try outputs("feature_mix_layer.conv.weight"), classes: try outputs("classifier.linear.weight"))
    }

    /// Every tensor there must be is there in its shape and finite, and there is no other.
    func check(_ tensors: [String: Tensor]) throws(ReadingFailure) {
        let expected = try expected(widths(of: tensors))
        for (name, shape) in expected.sorted(by: { $0.key < $1.key }) {
            guard let tensor = tensors[name] else { throw ReadingFailure("is missing", subject: name) }
            guard tensor.shape == shape else {
                throw ReadingFailure("has the shape \(tensor.shape), expected \(shape)", subject: name)
            }
            guard tensor.values.allSatisfy(\.isFinite) else {
                throw ReadingFailure("holds a value that is not finite", subject: name)
            }
        }
        if let extra = tensors.keys.filter({ expected[$0] == nil }).min() {
            throw ReadingFailure("does not belong to a supernet of this description", subject: extra)
        }
    }

    private func expected(_ widths: SupernetArchitecture.Widths) -> [String: [Int]] {
        var shapes = [
            "first_conv.conv.weight": [widths.stem, architecture.inputChannels, 3, 3],
            "blocks.0.conv.depth_conv.conv.weight": [widths.stem, 1, 3, 3],
            "blocks.0.conv.point_linear.conv.weight": [widths.firstBlock, widths.stem, 1, 1],
            "final_expand_layer.conv.weight": [widths.finalExpand, widths.stages.last ?? 0, 1, 1],
            "feature_mix_layer.conv.weight": [widths.featureMix, widths.finalExpand, 1, 1],
            "classifier.linear.weight": [widths.classes, widths.featureMix],
            "classifier.linear.bias": [widths.classes],
        ]
        addNormalization("first_conv.bn", widths.stem, to: &shapes)
        addNormalization("blocks.0.conv.depth_conv.bn", widths.stem, to: &shapes)
        addNormalization("blocks.0.conv.point_linear.bn", widths.firstBlock, to: &shapes)
        addNormalization("final_expand_layer.bn", widths.finalExpand, to: &shapes)
        for position in 0..<positions { addBlock(position, widths, to: &shapes) }
        return shapes
    }

    private func addBlock(_ position: Int, _ widths: SupernetArchitecture.Widths, to shapes: inout [String: [Int]]) {
        let stage = position / perStage
        let output = widths.stages[stage]
        let entry = stage == 0 ? widths.firstBlock : widths.stages[stage - 1]
        let input = position % perStage == 0 ? entry : output
        let mid = ChannelCounts.mid(input: input, expandRatio: architecture.expandRatios.max() ?? 1)
        let kernels = architecture.kernelSizes.sorted(by: >)
        let block = "blocks.\(position + 1).conv"
        shapes[block + ".inverted_bottleneck.conv.conv.weight"] = [mid, input, 1, 1]
        shapes[block + ".depth_conv.conv.conv.weight"] = [mid, 1, kernels[0], kernels[0]]
        for (larger, smaller) in zip(kernels, kernels.dropFirst()) {
            shapes["\(block).depth_conv.conv.\(larger)to\(smaller)_matrix"] =
                [smaller * smaller, smaller * smaller]
        }
        shapes[block + ".point_linear.conv.conv.weight"] = [output, mid, 1, 1]
        addNormalization(block + ".inverted_bottleneck.bn.bn", mid, to: &shapes)
        addNormalization(block + ".depth_conv.bn.bn", mid, to: &shapes)
        addNormalization(block + ".point_linear.bn.bn", output, to: &shapes)
        guard architecture.squeezeExcite[stage] else { return }
        let squeeze = ChannelCounts.squeeze(mid: mid)
        shapes[block + ".depth_conv.se.fc.reduce.weight"] = [squeeze, mid, 1, 1]
        shapes[block + ".depth_conv.se.fc.reduce.bias"] = [squeeze]
        shapes[block + ".depth_conv.se.fc.expand.weight"] = [mid, squeeze, 1, 1]
        shapes[block + ".depth_conv.se.fc.expand.bias"] = [mid]
    }

    private func addNormalization(_ name: String, _ channels: Int, to shapes: inout [String: [Int]]) {
        for part in ["weight", "bias", "running_mean", "running_var"] { shapes["\(name).\(part)"] = [channels] }
    }
}
