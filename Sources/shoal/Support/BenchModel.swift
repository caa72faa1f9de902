import Engine
import Foundation
import Graphs
import SearchSpace
import Supernets

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
    static func load(_ path: String, subnet: String?, subnets: String?, resolution: Int?) throws -> [BenchModel] {
        let package = try PackageFile(path)
        if package.kind == NetworkPackage.kind {
            guard subnet == nil, subnets == nil else { throw Refusal("\(path): is a network; it has no subnets") }
            return [try network(try LoadedNetwork(package.package(), path: path), resolution: resolution)]
        }
        let loaded = try LoadedSupernet(package)
        var configurations = try subnets.map { try read($0, for: loaded) } ?? [try loaded.subnet(subnet)]
        if let resolution {
            for index in configurations.indices { configurations[index].resolution = resolution }
        }
        return try configurations.map { configuration in
            do {
                let plan = try loaded.supernet.plan(
                    configuration, statistics: loaded.supernet.checkpointStatistics(for: configuration),
                    kernels: loaded.kernels)
                return BenchModel(
                    package: path, work: .plan(plan), subnet: configuration, packedBytes: loaded.supernet.packedBytes,
                    flops: plan.flops,
                    instructionSet: loaded.kernels.instructionSet)
            } catch { throw Refusal("\(path): \(error)") }
        }
    }

    private static func network(_ loaded: LoadedNetwork, resolution: Int?) throws -> BenchModel {
        let bound = try loaded.bound(to: try loaded.inputShape(channels: 3, side: resolution))
        let kernels = try KernelSet.selected()
        let hybrid = try loaded.hybrid(bound)
        return BenchModel(
            package: loaded.path, work: hybrid.plan.map(TimedWork.plan) ?? .hybrid(hybrid), subnet: nil,
            packedBytes: hybrid.weightBytes, flops: bound.flops, instructionSet: kernels.instructionSet,
            evaluatedOperators: hybrid.evaluatedOperators)
    }

    private static func read(_ file: String, for loaded: LoadedSupernet) throws -> [SubnetConfiguration] {
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
