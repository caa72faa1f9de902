import Datasets
import Engine
import Foundation
import Graphs
import ModelImport
import Shoal
import Supernets

extension LoadedNetwork {
    /// The network bound to single images of this set's channels.
    func runner(for images: ImageSet, file: String) throws -> NetworkRunner {
        let configuration = network.configuration
        let shape = try inputShape(channels: images.channels)
        try ImagePreprocessor.check(images, file: file, channels: shape[1])
        if configuration.mean == nil || configuration.std == nil {
            Terminal.note("shoal: warning: \(path) was imported without mean and std; pixels are only divided by 255")
        }
        let (mean, std) = try normalization(channels: shape[1])
        let bound = try bound(to: shape)
        return NetworkRunner(
            evaluator: GraphEvaluator(bound), plan: try Self.plan(bound, path: path),
            input: network.graph.inputs[0].name, output: network.graph.outputs[0], shape: shape,
            preprocessor: try ImagePreprocessor(
                for: images, file: file, channels: shape[1], side: shape[2], mean: mean, std: std))
    }
}

extension LoadedNetwork {
    /// The network by kernels, or `nil` with a note of what they do not cover.
    fileprivate static func plan(_ bound: BoundGraph, path: String) throws -> Plan? {
        do {
            return try FusedNetwork(bound).plan(kernels: try KernelSet.selected())
        } catch let failure as GraphFailure {
            Terminal.note("shoal: warning: \(path) runs by its operators' definitions, which is slow: \(failure)")
            return nil
        }
    }
}

/// Runs a network over images: by kernels, or where they do not cover it by the definitions of its operators.
struct NetworkRunner: Sendable {
    let evaluator: GraphEvaluator
    let plan: Plan?
    let input: String
    let output: String
    let shape: [Int]
    let preprocessor: ImagePreprocessor

    func run(on images: ImageSet, threads: Int) throws -> Evaluator.Result {
        if let plan { return Evaluator.run(plan, on: images, preprocessor, threads: threads) }
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
