package import Engine
package import Fusion
import Graphs
package import NetworkParts
package import Packages

/// A network package that kernels cover wholly, as agents run it and hooks look into it.
package struct HookablePackage: Sendable {
    package let path: String
    package let name: String
    package let plan: Plan
    package let fused: FusedNetwork
    /// Size of the images that it reads, where that is known.
    package let size: ImageSize?
    package let weightsSHA256: String
    package let graphSHA256: String
    package let mean: [Float]
    package let std: [Float]
    package let kernels: KernelSet
    /// Why it can have no hooks, though it runs.
    private let reasonAgainstHooks: String?
    /// Of the whole network and of its parts.
    package let weights = PackedWeights()

    /// - Parameter channels: of the images, where the graph leaves them open.
    /// - Throws: `ShoalFailure` where no kernel covers the network.
    package init(_ package: PackageFile, channels: Int?, kernels: KernelSet) throws {
        guard package.kind == NetworkPackage.kind else {
            throw ShoalFailure(
                .file,
                "\(package.path): is a package of kind \(package.kind); hooks are built for networks, and with "
                    + "--subnets for subnets of a supernet")
        }
        let loaded = try LoadedNetwork(package.package(), path: package.path)
        try self.init(loaded, weightsSHA256: package.weightsSHA256(), channels: channels, kernels: kernels)
    }

    package init(
        _ loaded: LoadedNetwork, weightsSHA256: String, channels: Int?, kernels: KernelSet
    ) throws {
        (path, name, size) = (loaded.path, loaded.network.graph.name, loaded.size)
        (self.kernels, self.weightsSHA256) = (kernels, weightsSHA256)
        graphSHA256 = try loaded.network.graphSHA256()
        try loaded.checkInput()
        guard loaded.size != nil else {
            throw ShoalFailure(
                .file, "\(path): the network leaves the image's size open; import it with inputSize in --config")
        }
        let bound = try loaded.bound(to: try loaded.inputShape(channels: loaded.channels ?? channels))
        reasonAgainstHooks = bound.reasonAgainstHooks
        do {
            fused = try FusedNetwork(bound)
            plan = try fused.plan(kernels: kernels, weights: weights)
        } catch {
            throw ShoalFailure(.file, "\(path): hooks and agents need a network that kernels cover wholly: \(error)")
        }
        (mean, std) = try loaded.normalization(channels: plan.inputShape.channels)
    }

    /// - Throws: `ShoalFailure` where gates could not compare its answers.
    package func checkHooks() throws(ShoalFailure) {
        if let reasonAgainstHooks { throw ShoalFailure(.file, "\(path): \(reasonAgainstHooks)") }
    }

    /// The network part by part.
    package func sections() throws(ShoalFailure) -> SectionedPlan {
        do { return try SectionedPlan(fused, kernels: kernels, weights: weights) } catch {
            throw ShoalFailure(.file, "\(path): \(error)")
        }
    }
}

extension PlanOperation.Shape {
    package var size: ImageSize { ImageSize(height: height, width: width) }
}

extension BoundGraph {
    /// Gates compare answers as logits: softmax makes probabilities of them, whose distance is the damage.
    /// - Returns: `nil` where the output is one row of logits.
    fileprivate var reasonAgainstHooks: String? {
        guard graph.outputs.count == 1, let type = types[graph.outputs[0]] else { return nil }
        guard type.shape.reduce(1, *) > 1 else { return "has a single output, of which no gate can tell the damage" }
        var name = graph.outputs[0]
        let shapesOnly: Set = ["Identity", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Dropout", "Cast"]
        while let node = graph.nodes.first(where: { $0.outputs.contains(name) }) {
            guard !["Softmax", "Sigmoid", "HardSigmoid"].contains(node.operatorName) else {
                return "ends in \(node.operatorName): gates compare logits; import the network without it"
            }
            guard shapesOnly.contains(node.operatorName), let input = node.inputs.first else { return nil }
            name = input
        }
        return nil
    }
}
