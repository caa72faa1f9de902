import CKernels
import Engine
import Testing

/// Random inputs by seed, and one-operation plans around a kernel.
struct Fixture {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 2_654_435_761 &+ 1 }

    mutating func values(_ count: Int) -> [Float] {
        (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(Int64(state >> 40)) / Float(1 << 23) - 1
        }
    }

    struct RandomFinish {
        let value: PlanBuilder.Finish
        let scale: [Float]
        let shift: [Float]
    }

    mutating func finish(channels: Int, _ activation: ck_activation) -> RandomFinish {
        let (scale, shift) = (values(channels), values(channels))
        return RandomFinish(
            value: .init(epilogue: Epilogue(scale: scale, shift: shift), activation: activation), scale: scale,
            shift: shift)
    }

    func applying(_ finish: RandomFinish, to map: Reference.Map, _ activation: ck_activation) -> Reference.Map {
        var result = map
        for channel in 0..<map.channels {
            for row in 0..<map.height {
                for column in 0..<map.width {
                    let sum = map[channel, row, column] * finish.scale[channel] + finish.shift[channel]
                    result[channel, row, column] = Reference.activate(sum, activation)
                }
            }
        }
        return result
    }

    /// A stem with identity weights makes the map, so that the kernel under test reads one like any other.
    mutating func check(
        _ expected: Reference.Map, from map: Reference.Map, activation: ck_activation, _ kernels: KernelSet,
        _ operation: (inout PlanBuilder, PlanBuilder.Map, PlanBuilder.Finish) -> PlanBuilder.Map
    ) {
        var builder = PlanBuilder(
            input: .init(channels: map.channels, height: map.height, width: map.width), kernels: kernels)
        builder.beginGroup("test")
        let image = builder.stem(
            "identity", Self.identityStem(map.channels), stride: 1,
            .init(
                epilogue: Epilogue(
                    scale: [Float](repeating: 1, count: map.channels),
                    shift: [Float](repeating: 0, count: map.channels)), activation: CK_NONE))
        let finish = finish(channels: expected.channels, activation)
        let output = operation(&builder, image, finish.value)
        #expect(output.shape == .init(channels: expected.channels, height: expected.height, width: expected.width))
        let actual = run(builder.build(output: output), on: map.values)
        compare(actual, applying(finish, to: expected, activation))
    }

    private static func identityStem(_ channels: Int) -> PackedConvolution {
        var weights = [Float](repeating: 0, count: channels * channels * 9)
        for channel in 0..<channels { weights[(channel * channels + channel) * 9 + 4] = 1 }
        return PackedConvolution(weight: weights, outputChannels: channels, rows: channels * 9)
    }

    /// The whole output map in blocks, spare lanes included.
    func run(_ plan: Plan, on image: [Float]) -> [Float] {
        let arena = AlignedBuffer(count: plan.arenaCount)
        // Garbage from earlier plans must not matter.
        for index in 0..<arena.count { arena.base[index] = 1e6 }
        image.withUnsafeBufferPointer { plan.place($0, in: arena.base) }
        for operation in plan.operations { operation.perform(in: arena.base) }
        let last = plan.operations[plan.operations.count - 1]
        return (0..<last.output.storage).map { arena.base[last.outputOffset + $0] }
    }

    /// - Parameter largest: of the values before an activation that narrowed their range.
    func compare(_ blocked: [Float], _ expected: Reference.Map, largest: Float = 1) {
        let actual = Reference.Map(
            blocked: blocked, channels: expected.channels, height: expected.height, width: expected.width)
        let scale = expected.values.map(abs).max() ?? 1
        for (index, value) in actual.values.enumerated()
        where abs(value - expected.values[index]) > 1e-5 * max(largest, scale) {
            Issue.record("value \(index): \(value), expected \(expected.values[index])")
            return
        }
    }

    static func call(_ set: InstructionSet, _ operation: ck_operation, _ body: (ck_function) -> Void) {
        let code = UInt32(InstructionSet.allCases.firstIndex(of: set) ?? 0)
        for row in KernelTable.rows
        where row.operation == operation && row.instruction_set.rawValue == code && row.element == CK_FLOAT32 {
            body(row.function)
        }
    }
}
