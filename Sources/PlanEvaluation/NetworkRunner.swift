package import Datasets
package import Engine
package import Graphs
package import NetworkParts
package import PostTrainingQuantization
import Supernets

/// How a network runs.
package enum NetworkWork: Sendable {
    case plan(Plan)
    /// By kernels in parts.
    case hybrid(HybridNetwork)
    /// For networks of 8 bits that no plan covers.
    case stepped(SteppedPlan)

    /// What it computes in.
    package var precision: Precision {
        switch self {
        case .plan(let plan): plan.precision
        case .hybrid(let network): network.precision
        case .stepped: .int8
        }
    }

    /// Operators without a kernel.
    package var evaluatedOperators: [String] {
        if case .hybrid(let network) = self { network.evaluatedOperators } else { [] }
    }

    package var hasKernels: Bool {
        if case .hybrid(let network) = self { !network.plans.isEmpty } else { true }
    }
}

/// Runs a network over images: by kernels, and where they do not cover it by the definitions of its operators.
package struct NetworkRunner: Sendable {
    package let bound: BoundGraph
    package let work: NetworkWork
    package let input: String
    package let output: String
    package let shape: [Int]
    package let preprocessor: ImagePreprocessor

    package init(
        bound: BoundGraph, work: NetworkWork, input: String, output: String, shape: [Int],
        preprocessor: ImagePreprocessor
    ) {
        (self.bound, self.work, self.input, self.output) = (bound, work, input, output)
        (self.shape, self.preprocessor) = (shape, preprocessor)
    }

    package func run(
        on images: ImageSet, threads: Int, counted: @escaping @Sendable () -> Void = {}
    ) throws -> Evaluator.Result {
        let hybrid: HybridNetwork
        switch work {
        case .plan(let plan):
            return Evaluator.run(plan, on: images, preprocessor, threads: threads, counted: counted)
        case .stepped(let stepped):
            return Evaluator.run(stepped, on: images, preprocessor, threads: threads, counted: counted)
        case .hybrid(let network): hybrid = network
        }
        return try Evaluator.run(on: images, threads: threads) { (range) throws(GraphFailure) in
            let session = HybridSession(hybrid)
            var part = Evaluator.Part(counted)
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
        guard let value = outputs[output] else {
            throw GraphFailure("the output \(output.printable) holds no numbers")
        }
        let logits = value.tensor?.values ?? value.doubles.map { Float($0) }
        logits.withUnsafeBufferPointer { part.add($0, since: start, label: images.labels?[index]) }
    }
}
