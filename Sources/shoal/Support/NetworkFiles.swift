import Datasets
import Engine
import Foundation
import Graphs
import ModelImport
import Supernets

/// A network package with what the commands need around it.
struct LoadedNetwork {
    let path: String
    let network: NetworkPackage

    init(_ package: TensorPackage, path: String) throws {
        self.path = path
        do { network = try NetworkPackage(package) } catch { throw Refusal("\(path): \(error)") }
    }

    /// Side of the square images that it reads, where graph or configuration say so.
    var side: Int? {
        guard let input = network.graph.inputs.first, input.dimensions.count == 4 else { return nil }
        if case .fixed(let size) = input.dimensions[3] { return size > 0 ? size : nil }
        return network.configuration.inputSize
    }

    /// Shape of one input: batch of one, channels, and a square.
    /// - Parameters:
    ///   - channels: where the graph leaves them open.
    ///   - side: where the graph leaves it open; `inputSize` of the configuration without it.
    func inputShape(channels: Int?, side: Int? = nil) throws -> [Int] {
        guard let input = network.graph.inputs.first, network.graph.inputs.count == 1, input.element == .float32,
            input.dimensions.count == 4
        else { throw Refusal("\(path): the network does not read images alone: batch, channels, height, width") }
        let size = side ?? network.configuration.inputSize
        func bound(_ axis: Int, _ open: Int?) throws -> Int {
            if case .fixed(let fixed) = input.dimensions[axis] {
                guard axis < 2 || size == nil || size == fixed else {
                    throw Refusal("\(path): the network reads images of \(fixed) pixels a side, not \(size ?? 0)")
                }
                return fixed
            }
            guard let open else {
                throw Refusal("\(path): the network leaves the image's size open; import it with inputSize in --config")
            }
            return open
        }
        let shape = [try bound(0, 1), try bound(1, channels), try bound(2, size), try bound(3, size)]
        guard shape[0] == 1, shape[1] > 0, shape[2] == shape[3], shape[2] > 0 else {
            throw Refusal("\(path): the network reads \(shape); one square image at a time is supported")
        }
        return shape
    }

    /// The network bound to inputs of this shape.
    func bound(to shape: [Int]) throws -> BoundGraph {
        do {
            return try BoundGraph(network.graph, sizes: .init(shapes: [network.graph.inputs[0].name: shape]))
        } catch { throw Refusal("\(path): \(error)") }
    }

    /// The network bound to single images of this set's channels.
    func runner(for images: ImageSet, file: String) throws -> NetworkRunner {
        let configuration = network.configuration
        let shape = try inputShape(channels: images.channels)
        try ImagePreprocessor.check(images, file: file, channels: shape[1])
        if configuration.mean == nil || configuration.std == nil {
            Terminal.note("shoal: warning: \(path) was imported without mean and std; pixels are only divided by 255")
        }
        let mean = configuration.mean ?? [Float](repeating: 0, count: shape[1])
        let std = configuration.std ?? [Float](repeating: 1, count: shape[1])
        guard mean.count == shape[1], std.count == shape[1] else {
            throw Refusal("\(path): mean and std are not those of \(shape[1]) channels")
        }
        let bound = try bound(to: shape)
        return NetworkRunner(
            hybrid: try hybrid(bound), input: network.graph.inputs[0].name, output: network.graph.outputs[0],
            shape: shape,
            preprocessor: try ImagePreprocessor(
                for: images, file: file, channels: shape[1], side: shape[2], mean: mean, std: std))
    }
}

extension LoadedNetwork {
    /// The network by kernels and, with a note of what they do not cover, by operators' definitions.
    func hybrid(_ bound: BoundGraph) throws -> HybridNetwork {
        let network: HybridNetwork
        do { network = try HybridNetwork(bound, kernels: try KernelSet.selected()) } catch let failure as GraphFailure {
            throw Refusal("\(path): \(failure)")
        }
        if !network.evaluatedOperators.isEmpty {
            Terminal.note(
                "shoal: warning: \(path): no kernel covers \(network.evaluatedOperators.joined(separator: ", ")); "
                    + "these run by their definitions, which is slow")
        }
        return network
    }
}

/// Runs a network over images: by kernels, and where they do not cover it by the definitions of its operators.
struct NetworkRunner: Sendable {
    let hybrid: HybridNetwork
    let input: String
    let output: String
    let shape: [Int]
    let preprocessor: ImagePreprocessor

    func run(on images: ImageSet, threads: Int) throws -> Evaluator.Result {
        if let plan = hybrid.plan { return Evaluator.run(plan, on: images, preprocessor, threads: threads) }
        return try Evaluator.run(on: images, threads: threads) { (range) throws(GraphFailure) in
            let session = HybridSession(hybrid)
            var part = Evaluator.Part()
            for index in range { try run(session, images, index, &part) }
            return part
        }
    }

    private func run(
        _ session: HybridSession, _ images: ImageSet, _ index: Int, _ part: inout Evaluator.Part
    ) throws(GraphFailure) {
        var pixels = [Float](repeating: 0, count: shape.reduce(1, *))
        pixels.withUnsafeMutableBufferPointer { preprocessor.convert(images, at: index, into: $0) }
        let start = PlanTimer.now()
        let outputs = try session.run([input: TensorValue(shape: shape, .float32(pixels))])
        guard let values = outputs[output], let logits = values.tensor?.values ?? values.integersAsFloats,
            !logits.isEmpty
        else { throw GraphFailure("the output \(output) holds no numbers") }
        logits.withUnsafeBufferPointer { part.add($0, since: start, label: images.labels?[index]) }
    }
}

extension TensorValue {
    /// Integers, such as those of ArgMax, as floats.
    fileprivate var integersAsFloats: [Float]? {
        switch elements {
        case .int64(let values): values.map { Float($0) }
        case .int32(let values): values.map { Float($0) }
        default: nil
        }
    }
}
