import CKernels
import Engine
import Testing

@Suite struct PlanOperationExecutedTests {
    private static let channels = 20
    /// Sides of maps, and products of one row of taps for a row of results.
    static let quadRows: [(side: Int, products: Int)] = [
        (7, 34), (8, 34), (9, 34 + 4), (10, 34 + 5 + 4), (12, 51), (13, 68), (56, 238),
    ]

    /// A depthwise operation on a square map that it reads with a border of half its kernel.
    private func depthwise(
        side: Int, kernel: Int, stride: Int, _ set: InstructionSet = .portable, way: String? = nil
    ) -> PlanOperation {
        var fixture = Fixture(seed: 3)
        let shape = PlanOperation.Shape(channels: Self.channels, height: side, width: side)
        var kernels = KernelSet(set)
        if let way {
            kernels.choices.set(
                way, for: .init(.depthwise, shape, outputs: Self.channels, kernel: kernel, stride: stride))
        }
        var builder = PlanBuilder(input: .init(channels: 1, height: side, width: side), kernels: kernels)
        builder.beginGroup("test")
        func packed(_ rows: Int) -> PackedConvolution {
            PackedConvolution(
                weight: fixture.values(Self.channels * rows), outputChannels: Self.channels, rows: rows)
        }
        let (first, second) = (packed(9), packed(kernel * kernel))
        let map = builder.stem("stem", first, stride: 1, fixture.finish(channels: Self.channels, CK_NONE).value)
        let output = builder.depthwise(
            "depthwise", map, second, kernel: kernel, stride: stride,
            fixture.finish(channels: Self.channels, CK_NONE).value)
        let operations = builder.build(output: output).operations
        return operations[operations.count - 1]
    }

    /// No kernel multiplies the zeros around a map; by the definition they count.
    @Test(arguments: [3, 5, 7, 9], [1, 2])
    func depthwiseLeavesOutWhatLiesOutsideTheMap(kernel: Int, stride: Int) {
        for side in [1, 4, 7, 14] {
            let operation = depthwise(side: side, kernel: kernel, stride: stride)
            var (inside, windows) = (0, 0)
            for row in Swift.stride(from: 0, to: side, by: stride) {
                for column in Swift.stride(from: 0, to: side, by: stride) {
                    windows += 1
                    for tap in 0..<kernel * kernel {
                        let y = row + tap / kernel - (kernel - 1) / 2
                        let x = column + tap % kernel - (kernel - 1) / 2
                        if (0..<side).contains(y), (0..<side).contains(x) { inside += 1 }
                    }
                }
            }
            #expect(operation.executedFlops == 2 * inside * Self.channels, "side \(side)")
            #expect(operation.flops == 2 * windows * kernel * kernel * Self.channels, "side \(side)")
        }
    }

    /// Seven taps of four results are 17 products instead of 28, in columns outside the map too; one or two results
    /// beyond eights go by the definition.
    @Test(.enabled(if: InstructionSet.avx512.isSupported), arguments: Self.quadRows)
    func quadruplesOfResultsShareProducts(side: Int, products: Int) {
        let rows = (0..<side).map { min($0 + 4, side) - max($0 - 3, 0) }.reduce(0, +)
        let quads = depthwise(side: side, kernel: 7, stride: 1, .avx512, way: "quads")
        #expect(quads.executedFlops == 2 * rows * products * Self.channels)
        let direct = depthwise(side: side, kernel: 7, stride: 1, .avx512, way: "8")
        #expect(direct.executedFlops == 2 * rows * rows * Self.channels)
    }
}
