import Graphs
import Testing

@testable import Engine
@testable import NetworkParts

/// Networks by kernels, and where there are none by definitions, against the operators' definitions alone.
enum HybridCheck {
    /// By every instruction set of this machine, on one thread and on two, twice each.
    /// - Returns: the operators without a kernel.
    @discardableResult
    static func check(
        _ samples: NetworkSamples, _ outputs: [String], input shape: [Int], tolerance: Float = 1e-4, seed: UInt64 = 0
    ) throws -> [String] {
        let bound = try samples.bound(outputs, input: shape)
        let image = (0..<shape.reduce(1, *)).map { Float(($0 * 7) % 23) / 11 - 1 }
        let inputs = ["x": TensorValue(shape: shape, .float32(image))]
        let expected = try GraphEvaluator(bound).run(inputs)
        var evaluated: [String] = []
        for set in InstructionSet.allCases where set.isSupported {
            let network = try HybridNetwork(bound, kernels: KernelSet(set))
            evaluated = network.evaluatedOperators
            for threads in [1, 2] {
                let session = HybridSession(network, threads: threads)
                for _ in 0..<2 {
                    let actual = try session.run(inputs)
                    try #require(actual.count == expected.count)
                    for (name, reference) in expected {
                        let found = try #require(actual[name])
                        #expect(found.type == reference.type)
                        let error = try difference(found, reference)
                        #expect(error <= tolerance, "\(name), \(set), \(threads) threads, seed \(seed)")
                    }
                }
            }
        }
        return evaluated
    }

    /// Largest difference over the largest value, at least 1.
    private static func difference(_ value: TensorValue, _ reference: TensorValue) throws -> Float {
        guard case .float32(let left) = value.elements, case .float32(let right) = reference.elements else {
            return value == reference ? 0 : .infinity
        }
        try #require(left.count == right.count)
        let scale = max(1, right.map(abs).max() ?? 1)
        return zip(left, right).reduce(0) { sum, pair in
            let error = abs(pair.0 - pair.1) / scale
            return error.isNaN ? .infinity : max(sum, error)
        }
    }
}
