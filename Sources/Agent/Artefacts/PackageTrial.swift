import Engine
import Packages
import SearchSpace
import Shoal
import Supernets

/// Whether a package that has come could take the place of what a model runs: read, never run. What is refused here
/// would end the model at the agent's next start, or answer whoever asks it with something of another shape.
struct PackageTrial: Sendable {
    private let runsSupernet: Bool
    private let points: Int
    private let input: PlanOperation.Shape?
    private let outputs: Int

    init(of deployment: ModelDeployment) {
        runsSupernet = deployment.supernet != nil
        points = deployment.points.count
        input = deployment.plans.first?.inputShape
        outputs = deployment.supernet?.supernet.classCount ?? deployment.plans.first?.outputCount ?? 0
    }

    /// Reads the package as the agent's start does; it takes the memory of another model while it lasts.
    /// - Returns: one sentence; `nil` where it fits.
    func refusal(of path: String) -> String? {
        guard let input else { return nil }
        do {
            let package = try PackageFile(path)
            if package.kind == NetworkPackage.kind {
                return runsSupernet
                    ? "it is a network, and a supernet with \(points) points runs here"
                    : try refusal(ofNetwork: package, input)
            }
            let file = try SupernetFile(path)
            guard runsSupernet else { return "it is a supernet, and a network runs here" }
            return refusal(channels: file.supernet.architecture.inputChannels, input)
                ?? refusal(outputs: file.supernet.classCount)
        } catch { return "it cannot be read: \(error)".replacing(path, with: "the package") }
    }

    private func refusal(ofNetwork package: PackageFile, _ input: PlanOperation.Shape) throws -> String? {
        let loaded = try HookablePackage(package, channels: input.channels, kernels: try KernelSet.selected())
        let shape = loaded.plan.inputShape
        if let refusal = refusal(channels: shape.channels, input) { return refusal }
        guard shape.size == input.size else {
            return "it reads images of \(shape.size) pixels, and what runs here \(input.size)"
        }
        return refusal(outputs: loaded.plan.outputCount)
    }

    private func refusal(channels: Int, _ input: PlanOperation.Shape) -> String? {
        channels == input.channels
            ? nil : "it reads images of \(channels) channels, and what runs here \(input.channels)"
    }

    private func refusal(outputs here: Int) -> String? {
        here == outputs ? nil : "it has \(here) outputs, and what runs here \(outputs)"
    }
}
