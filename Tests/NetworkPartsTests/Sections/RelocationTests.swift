import Fusion
import Graphs
import Testing

@testable import Engine
@testable import NetworkParts

/// Parts of networks run at other places of an arena than they were planned for.
@Suite struct RelocationTests {
    private let image: [Float] = (0..<3 * 400).map { Float(($0 * 7) % 23) / 11 - 1 }

    /// Dense, depthwise and pointwise convolutions, channel factors, a residual, and means taken along the way.
    private func network(_ s: inout NetworkSamples) throws -> FusedNetwork {
        var x = s.add("Relu", [s.convolution("x", 3, 16, kernel: 3)])
        x = s.add("Relu", [s.add("Add", [s.convolution(x, 16, 16, kernel: 3), x])])
        let wide = s.add("Relu", [s.convolution(x, 16, 48)])
        let filtered = s.add("Relu", [s.convolution(wide, 48, 48, kernel: 3, groups: 48)])
        let means = s.add("GlobalAveragePool", [filtered])
        let gate = s.add("Sigmoid", [s.convolution(s.add("Relu", [s.convolution(means, 48, 8)]), 8, 48)])
        x = s.add("Add", [s.convolution(s.add("Mul", [filtered, gate]), 48, 16), x])
        x = s.add("Flatten", [s.add("GlobalAveragePool", [s.add("MaxPool", [x], ["kernel_shape": .ints([2, 2])])])])
        x = s.add("Gemm", [x, s.random([16, 5]), s.random([5])])
        return try FusedNetwork(s.bound(x, input: [1, 3, 20, 20]))
    }

    /// The same in 8 bits, with bytes looked up and added.
    private func quantized(seed: UInt64) throws -> FusedNetwork {
        var w = QuantizedNetworkTests.Writer(s: NetworkSamples(seed: seed))
        var x = w.rounded(w.s.add("Relu", [w.convolution(w.rounded("x"), 3, 16, kernel: 3)]))
        x = w.rounded(w.s.add("Relu", [w.s.add("Add", [w.rounded(w.convolution(x, 16, 16, kernel: 3)), x])]))
        x = w.rounded(w.s.add("Sigmoid", [w.rounded(w.convolution(x, 16, 16, kernel: 3, groups: 16))]))
        x = w.s.add("Flatten", [w.s.add("GlobalAveragePool", [x])])
        return try FusedNetwork(w.s.bound(x, input: [1, 3, 20, 20]))
    }

    /// At every offset twice as far and a little more, in an arena that holds nothing but NaN, the same bits.
    private func check(_ plan: Plan, _ name: String) {
        let (near, far) = (AlignedBuffer(count: plan.arenaCount), AlignedBuffer(count: 2 * plan.arenaCount + 64))
        far.base.update(repeating: .nan, count: far.count)
        func place(_ offset: Int) -> Int { 2 * offset + 64 }
        image.withUnsafeBufferPointer { image in
            plan.place(image, in: near.base)
            plan.place(image, in: far.base + place(plan.inputOffset) - plan.inputOffset)
        }
        var tables: [AlignedBuffer] = []
        for operation in plan.operations {
            let (here, there) = (operation, operation.relocated(keeping: &tables, place))
            for (old, new) in zip(Mirror(reflecting: here).children, Mirror(reflecting: there).children) {
                guard let field = old.label, field.hasSuffix("Offset"), let old = old.value as? Int else { continue }
                #expect(new.value as? Int == (old < 0 ? old : place(old)), "\(name): \(field) of \(operation.kind)")
            }
            here.perform(in: near.base)
            there.perform(in: far.base)
        }
        let moved = UnsafeBufferPointer(start: far.base + place(plan.outputOffset), count: plan.outputCount)
        #expect(tables.isEmpty, "\(name): nothing is gathered")
        #expect(plan.output(in: near.base).map(\.bitPattern) == moved.map(\.bitPattern), "\(name)")
    }

    @Test(arguments: [UInt64(1), .random(in: 0...UInt64.max)])
    func plansOfEveryPrecisionGiveTheSameBitsElsewhere(seed: UInt64) throws {
        var samples = NetworkSamples(seed: seed)
        let network = try network(&samples)
        let narrow = try quantized(seed: seed)
        for set in InstructionSet.allCases where set.isSupported {
            for precision in [Precision.fp32, .bf16] {
                let plan = try network.plan(kernels: KernelSet(set), precision: precision)
                #expect(plan.precision == precision)
                check(plan, "\(precision) by \(set), seed \(seed)")
            }
            let plan = try narrow.plan(kernels: KernelSet(set))
            #expect(plan.precision == .int8)
            check(plan, "int8 by \(set), seed \(seed)")
        }
    }
}
