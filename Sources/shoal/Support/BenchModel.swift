import Engine
import Foundation
import Graphs
import Packages
import PlanEvaluation
import SearchSpace
import Shoal
import Supernets
import NetworkParts

/// A network, or one subnet of a supernet, that is measured.
struct BenchModel {
    let package: String
    let work: TimedWork
    let subnet: SubnetConfiguration?
    let packedBytes: Int
    let flops: Int
    let instructionSet: InstructionSet
    /// Operators without a kernel.
    var evaluatedOperators: [String] = []

    /// The subnets of a package: one of `--subnet`, those of a file, or the largest. Times do not depend on
    /// statistics, so the checkpoint's will do.
    static func load(
        _ path: String, subnet: String?, subnets: String?, resolution: ImageSize?, precision: Precision = .fp32
    ) throws -> [BenchModel] {
        let package = try PackageFile(path)
        if package.kind == NetworkPackage.kind {
            guard subnet == nil, subnets == nil else { throw Refusal("\(path): is a network; it has no subnets") }
            let loaded = try LoadedNetwork(package.package(), path: path, resolution: resolution)
            return [try network(loaded, precision)]
        }
        let loaded = try LoadedSupernet(package)
        var configurations = try subnets.map { try read($0, for: loaded) } ?? [try loaded.subnet(subnet)]
        if let resolution {
            guard resolution.isSquare else { throw Refusal("\(path): is a supernet, whose images are square") }
            for index in configurations.indices { configurations[index].resolution = resolution.height }
        }
        let supernet = loaded.planned(precision)
        return try configurations.map { configuration in
            do {
                let plan = try supernet.plan(
                    configuration, statistics: loaded.supernet.checkpointStatistics(for: configuration),
                    kernels: loaded.kernels)
                return BenchModel(
                    package: path, work: .plan(plan), subnet: configuration, packedBytes: supernet.packedBytes,
                    flops: plan.flops,
                    instructionSet: loaded.kernels.instructionSet)
            } catch { throw Refusal("\(path): \(error)") }
        }
    }

    private static func network(_ loaded: LoadedNetwork, _ precision: Precision) throws -> BenchModel {
        let bound = try loaded.bound(to: try loaded.inputShape(channels: loaded.channels ?? 3))
        let kernels = try KernelSet.selected()
        switch try loaded.work(bound, precision) {
        case .plan(let plan):
            return BenchModel(
                package: loaded.path, work: .plan(plan), subnet: nil, packedBytes: plan.weightBytes,
                flops: bound.flops, instructionSet: kernels.instructionSet)
        case .hybrid(let hybrid):
            return BenchModel(
                package: loaded.path, work: .hybrid(hybrid), subnet: nil, packedBytes: hybrid.weightBytes,
                flops: bound.flops, instructionSet: kernels.instructionSet,
                evaluatedOperators: hybrid.evaluatedOperators)
        case .stepped:
            throw Refusal("\(loaded.path): rounds between kernels of 32 bits, whose time says nothing")
        }
    }

    static func read(_ file: String, for loaded: LoadedSupernet) throws -> [SubnetConfiguration] {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw Refusal("--subnets \(file): cannot be read")
        }
        guard let configurations = try? JSONDecoder().decode([SubnetConfiguration].self, from: data),
            !configurations.isEmpty
        else { throw Refusal("--subnets \(file): is not a list of subnet configurations") }
        for (index, configuration) in configurations.enumerated() {
            do { try loaded.supernet.space.validate(configuration) } catch {
                throw Refusal("--subnets \(file): number \(index + 1): \(error)")
            }
        }
        return configurations.map { loaded.supernet.space.canonical($0) }
    }
}
