import Fusion
import Graphs
import Testing

@testable import Engine
@testable import NetworkParts

@Suite struct SessionFeaturesTests {
    private let image: [Float] = (0..<3 * 64).map { Float(($0 * 7) % 23) / 11 - 1 }

    private func features(_ network: FusedNetwork) throws -> (features: [Float], plan: Plan, session: Session) {
        let plan = try network.plan(kernels: .selected())
        let session = Session(for: [plan])
        let count = try #require(session.featureCount(of: plan))
        let buffer = AlignedBuffer(count: count)
        image.withUnsafeBufferPointer { _ = session.run(plan, on: $0) }
        session.readFeatures(of: plan, into: buffer.base)
        return ((0..<count).map { buffer.base[$0] }, plan, session)
    }

    /// What the classifier makes of the features is the output.
    @Test func theClassifierReadsThem() throws {
        var s = NetworkSamples(seed: 3)
        let x = s.add("Flatten", [s.add("GlobalAveragePool", [s.convolution("x", 3, 20, kernel: 3)])])
        let (weights, bias) = (s.random([20, 5]), s.random([5]))
        let output = s.add("Gemm", [x, weights, bias])
        let network = try FusedNetwork(s.bound(output, input: [1, 3, 8, 8]))
        let (features, plan, session) = try features(network)
        guard case .float32(let w)? = s.initialisers[weights]?.elements,
            case .float32(let b)? = s.initialisers[bias]?.elements
        else { throw GraphFailure("no constants") }
        let logits = plan.output(in: session.arena.base)
        for column in 0..<5 {
            let sum = (0..<20).reduce(b[column]) { $0 + features[$1] * w[$1 * 5 + column] }
            #expect(abs(sum - logits[column]) < 1e-4)
        }
    }

    /// Of a layer of 8 bits the bytes, whatever lies beside them in the arena.
    @Test func bytesAreGivenAsNumbers() throws {
        var w = QuantizedNetworkTests.Writer(s: NetworkSamples(seed: 4))
        let map = w.rounded(w.convolution(w.rounded("x"), 3, 20, kernel: 3))
        let pooled = w.rounded(w.s.add("GlobalAveragePool", [map]))
        let output = w.s.add("Flatten", [w.convolution(pooled, 20, 5)])
        let network = try FusedNetwork(w.s.bound(output, input: [1, 3, 8, 8]))
        let (features, plan, _) = try features(network)
        #expect(plan.operations.last?.inputElement == .uint8 && features.count == 20)
        #expect(features.allSatisfy { (0...255).contains($0) && $0 == $0.rounded() })
        #expect(Set(features).count > 5, "\(features)")
    }

    @Test func aPlanThatEndsInAMapHasNone() throws {
        var s = NetworkSamples(seed: 5)
        let x = s.add("Flatten", [s.add("GlobalAveragePool", [s.convolution("x", 3, 20, kernel: 3)])])
        let plan = try FusedNetwork(s.bound(x, input: [1, 3, 8, 8])).plan(kernels: .selected())
        #expect(Session(for: [plan]).featureCount(of: plan) == nil)
    }
}
