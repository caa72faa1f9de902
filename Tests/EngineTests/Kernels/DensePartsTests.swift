import CKernels
import Engine
import Testing

/// A small residual network with every dense operation: the same bits however its operations are shared.
@Suite struct DensePartsTests {
    private static func network(_ set: InstructionSet) -> (plan: Plan, image: [Float]) {
        var fixture = Fixture(seed: 7)
        let window = Window(kernel: 3, padding: 1), strided = Window(kernel: 3, stride: 2, padding: 1)
        func finish(_ channels: Int, residual: PlanBuilder.Map? = nil) -> PlanBuilder.Finish {
            let random = fixture.finish(channels: channels, CK_NONE)
            return .init(
                epilogue: random.value.epilogue, .relu, residual: residual, activatesSum: residual != nil)
        }
        func filter(_ inputs: Int, _ outputs: Int, _ window: Window, _ method: DenseConvolution.Method = .direct)
            -> DenseConvolution
        {
            DenseConvolution(
                weight: fixture.values(inputs * outputs * window.taps), inputChannels: inputs,
                outputChannels: outputs, window: window, method: method)
        }
        let image = fixture.values(3 * 80 * 80)
        let stem = Window(kernel: 7, stride: 2, padding: 3)
        var builder = PlanBuilder(
            input: .init(channels: 3, height: 80, width: 80), border: stem.border, kernels: KernelSet(set))
        builder.beginGroup("test")
        let first = builder.imageConvolution(
            "stem", PackedConvolution(weight: fixture.values(40 * 147), outputChannels: 40, rows: 147), stem,
            finish(40))
        let pooled = builder.pool("pool", first, .max, strided)
        builder.release(first)
        let inner = builder.convolution("inner", pooled, filter(40, 40, window, .winograd(side: 4)), finish(40))
        let outer = builder.convolution(
            "outer", inner, filter(40, 40, window, .winograd(side: 2)), finish(40, residual: pooled))
        builder.release(inner)
        builder.release(pooled)
        let shortcut = builder.convolution(
            "shortcut", outer, filter(40, 72, Window(kernel: 1, stride: 2)), finish(72))
        let main = builder.convolution("main", outer, filter(40, 72, strided), finish(72))
        builder.release(outer)
        let sum = builder.add("add", main, shortcut, .silu)
        let means = builder.pool("means", sum, .average(countsBorder: true), strided)
        return (builder.build(output: means), image)
    }

    /// By the definition all count, in the transformed domain fewer: a fraction of the peak is one of what was done.
    @Test func winogradDoesFewerOperationsThanItsDefinition() {
        let operations = Self.network(.portable).plan.operations
        for (side, name) in [(4, "inner"), (2, "outer")] {
            let products = operations.filter { $0.kind == .winogradOutput && $0.tileSide == side }
            let flops = products.map(\.flops).reduce(0, +)
            let executed = products.map(\.executedFlops).reduce(0, +)
            let (direct, transformed) = (9 * 20 * 20, (side + 2) * (side + 2) * (20 / side) * (20 / side))
            #expect(flops == 3_200 * direct, "\(name)")
            #expect(executed == 3_200 * transformed, "\(name)")
        }
        let others = operations.filter { $0.kind != .winogradOutput }
        #expect(others.contains { $0.flops > 0 })
        #expect(others.allSatisfy { $0.executedFlops == $0.flops })
    }

    @Test(arguments: KernelTests.sets, [2, 3, 8])
    func partsGiveTheSameBitsAsTheWhole(set: InstructionSet, parts: Int32) {
        let (plan, image) = Self.network(set)
        let whole = Fixture(seed: 0).run(plan, on: image)
        let arena = AlignedBuffer(count: plan.arenaCount)
        image.withUnsafeBufferPointer { plan.place($0, in: arena.base) }
        for operation in plan.operations {
            for part in (0..<parts).reversed() { operation.perform(in: arena.base, part: part, of: parts) }
        }
        let last = plan.operations[plan.operations.count - 1]
        #expect((0..<last.output.storage).map { arena.base[last.outputOffset + $0] } == whole)
        let isFinite = whole.allSatisfy { $0.isFinite }
        #expect(isFinite)
    }

    @Test(arguments: KernelTests.sets)
    func twoThreadsGiveTheSameBitsAsOne(set: InstructionSet) {
        let (plan, image) = Self.network(set)
        let results = [1, 2].map { threads in
            let session = Session(for: [plan], threads: threads)
            return image.withUnsafeBufferPointer { [Float](session.run(plan, on: $0)) }
        }

        #expect(results[0] == results[1])
    }

    /// The definition's operations, whichever way a convolution is computed.
    @Test func flopsAreThoseOfTheDefinition() {
        let (plan, _) = Self.network(.portable)
        let convolutions = plan.operations.filter { $0.flops > 0 }.reduce(into: 0) { sum, operation in
            let isConvolution = operation.kind != .windowPool && operation.kind != .add
            sum += isConvolution ? operation.flops : 0
        }

        let pixels = (stem: 40 * 40, middle: 20 * 20, end: 10 * 10)
        let expected =
            147 * 40 * pixels.stem + 2 * 9 * 40 * 40 * pixels.middle + 40 * 72 * pixels.end
            + 9 * 40 * 72 * pixels.end
        #expect(convolutions == 2 * expected)
    }
}
