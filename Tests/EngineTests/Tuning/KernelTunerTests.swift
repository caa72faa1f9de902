import CKernels
@testable import Engine
import Testing

@Suite struct KernelTunerTests {
    @Test func theLeastTimeDecides() {
        var times: [[UInt64]] = [[1, 100, 100, 90], [1, 95, 300, 85], [1, 200, 60, 200]]

        let (best, nanoseconds) = KernelTuner.fastest(ways: 3, rounds: 3) { times[$0].removeFirst() }

        #expect(best == 2)
        #expect(nanoseconds == [90, 85, 60])
    }

    @Test(arguments: [(980, 0), (981, 0), (979, 1)] as [(UInt64, Int)])
    func theCostModelsWayIsKeptUnlessAnotherIsFasterByTwoPercent(time: UInt64, best: Int) {
        #expect(KernelTuner.fastest(ways: 2, rounds: 1) { $0 == 0 ? 1000 : time }.best == best)
    }

    @Test func everyShapeIsMeasuredOnceWithTheCostModelsWayFirst() {
        let plan = Self.plan(KernelSet(.portable))
        var now: UInt64 = 0

        let rows = KernelTuner(
            KernelSet(.portable), rounds: 1, limit: .max,
            clock: {
                now += 1; return now
            }
        )
        .measure([plan, plan])

        #expect(rows.map(\.shape.description) == Self.shapes)
        #expect(
            rows.map(\.ways) == [
                ["f32-pointwise2x1-portable"], ["5", "4", "6", "7", "8"], ["winograd4", "direct", "winograd2"],
            ])
        // A clock that counts its readings makes all ways equal.
        #expect(rows.allSatisfy { $0.best == 0 && $0.nanoseconds.allSatisfy { $0 == 1 } })
    }

    @Test func noShapeIsBegunAfterTheLimit() {
        var now: UInt64 = 0

        let rows = KernelTuner(
            KernelSet(.portable), rounds: 1, limit: 10,
            clock: {
                now += 3; return now
            }
        )
        .measure([Self.plan(KernelSet(.portable))])

        #expect(rows.count == 1)
    }

    @Test func plansConsultTheChoicesAndResultsStayEqual() throws {
        let set = InstructionSet.fastest
        let plain = KernelSet(set)
        let expected = Self.run(Self.plan(plain))
        let measured = KernelTuner(plain, rounds: 1, limit: .max, clock: { 0 }).measure([Self.plan(plain)])
        for row in measured where row.shape.operation != .convolution {
            for way in row.ways {
                var kernels = plain
                kernels.choices.set(way, for: row.shape)

                let plan = Self.plan(kernels)

                let operation = try #require(plan.operations.first { KernelChoices.Shape($0) == row.shape })
                #expect(operation.kernelName == way || "\(operation.rowTile)" == way)
                #expect(Self.run(plan) == expected, "\(row.shape) by \(way)")
            }
        }
    }

    @Test func methodsAreChosenPerShape() {
        let input = PlanOperation.Shape(channels: 32, height: 10, width: 10)
        let window = Window(kernel: 3, padding: 1)
        var kernels = KernelSet(.portable)
        #expect(kernels.method(window, input, outputs: 32) == .winograd(side: 4))

        for method in DenseConvolution.Method.all {
            kernels.choices.set(method.name, for: .init(.convolution, input, outputs: 32, kernel: 3))
            #expect(kernels.method(window, input, outputs: 32) == method)
        }
        kernels.choices.set("fourier", for: .init(.convolution, input, outputs: 32, kernel: 3))
        #expect(kernels.method(window, input, outputs: 32) == .winograd(side: 4))
        #expect(kernels.method(Window(kernel: 3, stride: 2, padding: 1), input, outputs: 32) == .direct)
    }

    @Test func adoptedRowsReplaceWhatWasKnownOfTheirShapes() {
        var choices = KernelChoicesCodingTests.choices
        let known = choices.ways.keys.first { $0.operation == .depthwise }!
        let unknown = KernelChoices.Shape(.pointwise, .init(channels: 8, height: 2, width: 2), outputs: 8)

        choices.adopt([
            .init(shape: known, ways: ["7", "6"], nanoseconds: [1, 2], best: 0),
            .init(shape: unknown, ways: ["a", "b"], nanoseconds: [2, 1], best: 1),
        ])

        #expect(choices.ways[known] == nil)
        #expect(choices.ways[unknown] == "b")
        #expect(choices.ways.count == 3)
    }

    private static let shapes = [
        "pointwise 10x10 16->32", "depthwise 3x3 /1 10x10 32->32", "convolution 3x3 /1 10x10 32->32",
    ]

    /// One of each operation that can be computed in several ways, twice.
    private static func plan(_ kernels: KernelSet) -> Plan {
        var fixture = Fixture(seed: 5)
        func finish(_ channels: Int) -> PlanBuilder.Finish {
            PlanBuilder.Finish(
                epilogue: Epilogue(scale: fixture.values(channels), shift: fixture.values(channels)),
                activation: CK_RELU)
        }
        func packed(_ outputs: Int, _ rows: Int) -> PackedConvolution {
            PackedConvolution(weight: fixture.values(outputs * rows), outputChannels: outputs, rows: rows)
        }
        var builder = PlanBuilder(input: .init(channels: 3, height: 10, width: 10), kernels: kernels)
        builder.beginGroup("all")
        let image = builder.stem("stem", packed(16, 27), stride: 1, finish(16))
        let window = Window(kernel: 3, padding: 1)
        let expand = packed(32, 16)
        var map = builder.pointwise("expand", image, expand, channels: 32, finish(32))
        _ = builder.pointwise("again", image, expand, channels: 32, finish(32))
        map = builder.depthwise("depthwise", map, packed(32, 9), window, finish(32))
        let shape = PlanOperation.Shape(channels: 32, height: 10, width: 10)
        let filter = DenseConvolution(
            weight: fixture.values(32 * 32 * 9), inputChannels: 32, outputChannels: 32, window: window,
            method: kernels.method(window, shape, outputs: 32))
        map = builder.convolution("dense", map, filter, finish(32))
        return builder.build(output: builder.pool("pool", map))
    }

    private static func run(_ plan: Plan) -> [Float] {
        var fixture = Fixture(seed: 6)
        let image = fixture.values(plan.inputShape.channels * plan.inputShape.pixels)
        let session = Session(for: [plan])
        return image.withUnsafeBufferPointer { Array(session.run(plan, on: $0)) }
    }
}
