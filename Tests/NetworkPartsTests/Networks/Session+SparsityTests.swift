import Fusion
import Graphs
import Testing

@testable import Engine
@testable import NetworkParts

@Suite struct SessionSparsityTests {
    /// Two steps: ReLU leaves the zeros that the plain maps have, a negative bias makes whole blocks zero.
    @Test(arguments: [UInt64(1), .random(in: 0...UInt64.max)])
    func zerosOfEveryStepAreCounted(seed: UInt64) throws {
        var s = NetworkSamples(seed: seed)
        let weights = s.random([24, 3, 3, 3])
        let bias = s.constant([24], (0..<24).map { $0 < 16 ? -1_000 : 0 })
        let first = s.add("Relu", [s.add("Conv", ["x", weights, bias], ["pads": .ints([1, 1, 1, 1])])])
        let second = s.convolution(first, 24, 8)
        let means = s.add("Flatten", [s.add("GlobalAveragePool", [second])])
        let output = s.add("Gemm", [means, s.random([8, 5]), s.random([5])])
        let network = try FusedNetwork(s.bound(output, input: [1, 3, 10, 10]))
        for set in InstructionSet.allCases where set.isSupported {
            let plan = try network.plan(kernels: KernelSet(set))
            let session = Session(for: [plan])
            var steps: [ActivationSparsity] = []
            let image = (0..<300).map { Float(($0 * 7) % 23) / 11 - 1 }
            for _ in 0..<2 { image.withUnsafeBufferPointer { session.run(plan, on: $0, counting: &steps) } }
            #expect(steps.count == 2, "vectors have no zeros to leave out")
            #expect(steps[0].values == 2 * 2_400 && steps[0].blocks == 4 && steps[0].tiles == 2 * 2 * 30)
            #expect(steps[0].zeroBlocks >= 2 && steps[0].zeroTiles >= 60 && steps[0].zeros >= 2 * 1_600)
            #expect(steps[0].zeroBlockShare == 0.5, "\(set), seed \(seed)")
            #expect(steps[1].zeroBlocks == 0 && steps[1].zeros < steps[1].values / 10, "\(set), seed \(seed)")
            #expect(ActivationSparsity.share(steps) > 0.4)
        }
    }
}
