import Datasets
import Engine
import Foundation
import Graphs
import ModelImport
import PostTrainingQuantization
import Shoal
import Supernets

extension LoadedNetwork {
    /// The network bound to single images of this set's channels.
    func runner(for images: ImageSet, file: String, _ precision: Precision = .fp32) throws -> NetworkRunner {
        let shape = try inputShape(channels: images.channels)
        let preprocessor = try preprocessor(for: images, file: file, shape)
        let bound = try bound(to: shape)
        let (plan, stepped) = try plan(bound, precision)
        return NetworkRunner(
            evaluator: GraphEvaluator(bound), plan: plan, stepped: stepped, input: network.graph.inputs[0].name,
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
            for: images, file: file, channels: shape[1], side: shape[2], mean: mean, std: std)
    }
}

extension LoadedNetwork {
    /// The network by kernels, or neither plan with a note of what they do not cover.
    fileprivate func plan(_ bound: BoundGraph, _ precision: Precision) throws -> (Plan?, SteppedPlan?) {
        do {
            let (network, kernels) = (try FusedNetwork(bound), try KernelSet.selected())
            do {
                let plan = try network.plan(kernels: kernels, precision: precision)
                return (try plan.checked(for: precision, of: path), nil)
            } catch let failure as GraphFailure {
                guard !network.quantizations.isEmpty else { throw failure }
                let stepped = try SteppedPlan(network, kernels: kernels)
                Terminal.note("shoal: warning: \(path) rounds between kernels of 32 bits, which is slow: \(failure)")
                return (nil, stepped)
            }
        } catch let failure as GraphFailure {
            guard precision != .bf16 else {
                throw Refusal("\(path): \(failure); only --precision fp32 runs by its operators' definitions")
            }
            Terminal.note("shoal: warning: \(path) runs by its operators' definitions, which is slow: \(failure)")
            return (nil, nil)
        }
    }

    /// The network in 8 bits.
    func quantized(
        on images: ImageSet, file: String, _ method: RangeMethod, threads: Int
    ) throws -> NetworkPackage {
        let shape = try inputShape(channels: images.channels)
        let preprocessor = try preprocessor(for: images, file: file, shape)
        let fused: FusedNetwork
        do { fused = try FusedNetwork(try bound(to: shape)) } catch let failure as GraphFailure {
            throw Refusal("\(path): cannot be quantised: \(failure)")
        }
        return try Quantizing.package(
            fused, network.configuration, path: path, named: network.graph.name, on: images, file: file, preprocessor,
            method, threads: threads)
    }
}

/// Runs a network over images: by kernels, or where they do not cover it by the definitions of its operators.
struct NetworkRunner: Sendable {
    let evaluator: GraphEvaluator
    let plan: Plan?
    /// For networks of 8 bits that no plan covers.
    let stepped: SteppedPlan?
    let input: String
    let output: String
    let shape: [Int]
    let preprocessor: ImagePreprocessor

    /// What it computes in.
    var precision: Precision { plan?.precision ?? (stepped == nil ? .fp32 : .int8) }

    func run(on images: ImageSet, threads: Int) throws -> Evaluator.Result {
        if let plan { return Evaluator.run(plan, on: images, preprocessor, threads: threads) }
        if let stepped { return Evaluator.run(stepped, on: images, preprocessor, threads: threads) }
        return try Evaluator.run(on: images, threads: threads) { (range) throws(GraphFailure) in
            var part = Evaluator.Part()
            for index in range { try run(images, index, &part) }
            return part
        }
    }

    private func run(_ images: ImageSet, _ index: Int, _ part: inout Evaluator.Part) throws(GraphFailure) {
        var pixels = [Float](repeating: 0, count: shape.reduce(1, *))
        pixels.withUnsafeMutableBufferPointer { preprocessor.convert(images, at: index, into: $0) }
        let start = PlanTimer.now()
        let outputs = try evaluator.run([input: TensorValue(shape: shape, .float32(pixels))])
        guard let logits = outputs[output]?.tensor?.values, !logits.isEmpty else {
            throw GraphFailure("the output \(output) holds no 32-bit floats")
        }
        logits.withUnsafeBufferPointer { part.add($0, since: start, label: images.labels?[index]) }
    }
}
