package import Engine
package import Fusion
import Graphs
package import NetworkParts
package import Packages

/// A network package whose computation hooks can look into.
package struct HookablePackage: Sendable {
    package let path: String
    package let name: String
    package let plan: Plan
    package let fused: FusedNetwork
    /// Size of the images that it reads, where that is known.
    package let size: ImageSize?
    package let weightsSHA256: String
    package let mean: [Float]
    package let std: [Float]
    package let kernels: KernelSet
    /// Of the whole network and of its parts.
    package let weights = PackedWeights()

    /// - Parameter channels: of the images, where the graph leaves them open.
    /// - Throws: `ShoalFailure` where no kernel covers the network.
    package init(_ package: PackageFile, channels: Int?, kernels: KernelSet) throws {
        guard package.kind == NetworkPackage.kind else {
            throw ShoalFailure(
                .file, "\(package.path): is a package of kind \(package.kind); hooks are built for networks")
        }
        let loaded = try LoadedNetwork(package.package(), path: package.path)
        try self.init(loaded, weightsSHA256: package.weightsSHA256(), channels: channels, kernels: kernels)
    }

    package init(
        _ loaded: LoadedNetwork, weightsSHA256: String, channels: Int?, kernels: KernelSet
    ) throws {
        (path, name, size) = (loaded.path, loaded.network.graph.name, loaded.size)
        (self.kernels, self.weightsSHA256) = (kernels, weightsSHA256)
        let bound = try loaded.bound(to: try loaded.inputShape(channels: loaded.channels ?? channels))
        do {
            fused = try FusedNetwork(bound)
            plan = try fused.plan(kernels: kernels, weights: weights)
        } catch { throw ShoalFailure(.file, "\(path): hooks need a network that kernels cover: \(error)") }
        (mean, std) = try loaded.normalization(channels: plan.inputShape.channels)
    }

    /// The network part by part.
    package func sections() throws(ShoalFailure) -> SectionedPlan {
        do { return try SectionedPlan(fused, kernels: kernels, weights: weights) } catch {
            throw ShoalFailure(.file, "\(path): \(error)")
        }
    }
}
