import Datasets
import Engine
import Foundation
import Fusion
import Graphs
import ModelImport
import Packages
import PostTrainingQuantization
import ProgressLines
import Shoal
import Supernets
import NetworkParts
import PlanEvaluation

extension LoadedNetwork {
    /// The network bound to single images of this set's channels.
    func runner(for images: ImageSet, file: String, _ precision: Precision = .fp32) throws -> NetworkRunner {
        let shape = try inputShape(channels: images.channels)
        let preprocessor = try preprocessor(for: images, file: file, shape)
        let bound = try bound(to: shape)
        return NetworkRunner(
            bound: bound, work: try work(bound, precision), input: network.graph.inputs[0].name,
            output: network.graph.outputs[0], shape: shape, preprocessor: preprocessor)
    }

    private func preprocessor(for images: ImageSet, file: String, _ shape: [Int]) throws -> ImagePreprocessor {
        let configuration = network.configuration
        try ImagePreprocessor.check(images, file: file, channels: shape[1])
        if configuration.mean == nil || configuration.std == nil {
            Terminal.note("shoal: warning: \(path) was imported without mean and std; pixels are only divided by 255")
        }
        let (mean, std) = try normalization(channels: shape[1])
        return try ImagePreprocessor(
            for: images, file: file, channels: shape[1], size: ImageSize(height: shape[2], width: shape[3]),
            mean: mean, std: std)
    }
}

extension LoadedNetwork {
    /// The network by kernels as far as they cover it, with a note of what is slow.
    func work(_ bound: BoundGraph, _ precision: Precision) throws -> NetworkWork {
        let kernels = try KernelSet.selected()
        do {
            let network = try FusedNetwork(bound)
            do {
                let plan = try network.plan(kernels: kernels, precision: precision)
                try plan.precision.check(for: precision, of: path)
                return .plan(plan)
            } catch let failure as GraphFailure {
                guard !network.quantizations.isEmpty else { throw failure }
                let stepped = try SteppedPlan(network, kernels: kernels)
                Terminal.note("shoal: warning: \(path) rounds between kernels of 32 bits, which is slow: \(failure)")
                return .stepped(stepped)
            }
        } catch let failure as GraphFailure {
            guard precision != .int8 || bound.graph.nodes.contains(where: \.isOfIntegers) else {
                throw Refusal("\(path): is not in 8 bits, and cannot be quantised: \(failure)")
            }
            return try hybrid(bound, kernels, precision, failure)
        }
    }

    private func hybrid(
        _ bound: BoundGraph, _ kernels: KernelSet, _ precision: Precision, _ failure: GraphFailure
    ) throws -> NetworkWork {
        let network: HybridNetwork
        do { network = try HybridNetwork(bound, kernels: kernels, precision: precision) } catch {
            throw Refusal("\(path): \(error)")
        }
        guard precision != .bf16 || network.precision == .bf16 else {
            throw Refusal("\(path): \(failure), and nothing of it runs in bfloat16")
        }
        if !network.evaluatedOperators.isEmpty {
            Terminal.note(
                "shoal: warning: \(path): no kernel covers \(network.evaluatedOperators.joined(separator: ", ")); "
                    + "these run by their definitions, which is slow")
        }
        return network.plan.map(NetworkWork.plan) ?? .hybrid(network)
    }

    /// The network in 8 bits.
    func quantized(
        on images: ImageSet, file: String, _ method: RangeMethod, threads: Int
    ) throws -> NetworkPackage {
        let shape = try inputShape(channels: images.channels)
        let preprocessor = try preprocessor(for: images, file: file, shape)
        let fused: FusedNetwork
        do {
            fused = try FusedNetwork(try bound(to: shape))
            // Before the images are run: every step must have operators.
            _ = try fused.graph(named: network.graph.name)
        } catch let failure as GraphFailure {
            throw Refusal("\(path): cannot be quantised: \(failure)")
        }
        var configuration = network.configuration
        if let resolution { configuration.inputSize = resolution }
        let counted = StatusLine.standardError.goOn(
            "calibrating 8 bits, images", of: images.count * Quantizing.mostPasses)
        return try Quantizing.package(
            fused, configuration, path: path, named: network.graph.name, on: images, file: file, preprocessor,
            method, threads: threads, counted: counted
        ) { Terminal.note("shoal: warning: \($0)") }
    }
}

extension Node {
    /// Rounds to 8 bits or computes with them.
    fileprivate var isOfIntegers: Bool {
        operatorName == "QuantizeLinear" || operatorName == "DynamicQuantizeLinear"
            || operatorName.hasPrefix("QLinear") || operatorName.hasSuffix("Integer")
    }
}
