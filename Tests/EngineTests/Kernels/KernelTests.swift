import CKernels
import Engine
import Testing

/// Every row of the kernel table against the definition, on shapes around the block and tile sizes.
@Suite struct KernelTests {
    static let sets = InstructionSet.allCases.filter(\.isSupported)
    static let shapes: [(channels: Int, outputs: Int, side: Int)] = [
        (1, 1, 1), (3, 16, 5), (16, 16, 7), (17, 33, 6), (24, 72, 14), (40, 48, 10), (72, 24, 3), (96, 31, 9),
        (5, 144, 4), (19, 40, 17),
    ]

    /// Names of the rows that differ in nothing but their micro-tile.
    static func pointwiseRows(of set: InstructionSet) -> [String] {
        KernelTable.rows.map { String(cString: $0.name) }
            .filter { $0.hasPrefix("f32-pointwise") && $0.hasSuffix("-\(set.rawValue)") }
    }

    @Test(arguments: sets, Array(shapes.indices))
    func pointwiseMatchesDefinition(set: InstructionSet, shape: Int) {
        let (channels, outputs, side) = Self.shapes[shape]
        for activation in [CK_NONE, CK_RELU, CK_HARD_SWISH, CK_HARD_SIGMOID] {
            for (usedInputs, usedOutputs) in [(channels, outputs), ((channels + 1) / 2, (outputs + 1) / 2)] {
                var fixture = Fixture(seed: UInt64(shape * 10 + channels))
                let weights = fixture.values(outputs * channels)
                let input = Reference.Map(
                    channels: usedInputs, height: side, width: side, values: fixture.values(usedInputs * side * side))
                let prefix = (0..<usedOutputs).flatMap { weights[$0 * channels..<$0 * channels + usedInputs] }
                let expected = Reference.convolution(
                    input, weights: prefix, outputs: usedOutputs, kernel: 1, stride: 1, padding: 0, groups: 1)
                let packed = PackedConvolution(weight: weights, outputChannels: outputs, rows: channels)
                for row in Self.pointwiseRows(of: set) {
                    fixture.check(expected, from: input, activation: activation, KernelSet(set, pointwise: row)) {
                        builder, image, finish in
                        builder.pointwise("pointwise", image, packed, channels: usedOutputs, finish)
                    }
                }
            }
        }
    }

    @Test(arguments: sets, [1, 3, 5, 7])
    func depthwiseMatchesDefinition(set: InstructionSet, kernel: Int) {
        for (channels, side) in [(16, 1), (24, 4), (40, 7), (17, 14), (48, 28), (3, 12), (16, 20), (33, 11)] {
            for stride in [1, 2] {
                var fixture = Fixture(seed: UInt64(kernel * 1000 + channels * 10 + stride))
                let weights = fixture.values((channels + 16) * kernel * kernel)
                let input = Reference.Map(
                    channels: channels, height: side, width: side, values: fixture.values(channels * side * side))
                let expected = Reference.convolution(
                    input, weights: Array(weights.prefix(channels * kernel * kernel)), outputs: channels,
                    kernel: kernel, stride: stride, padding: (kernel - 1) / 2, groups: channels)
                let packed = PackedConvolution(weight: weights, outputChannels: channels + 16, rows: kernel * kernel)
                fixture.check(expected, from: input, activation: CK_HARD_SWISH, KernelSet(set)) {
                    builder, image, finish in
                    builder.depthwise("depthwise", image, packed, kernel: kernel, stride: stride, finish)
                }
            }
        }
    }

    @Test(arguments: sets)
    func depthwiseMatchesDefinitionInEveryTile(set: InstructionSet) {
        for (channels, side) in [(16, 1), (24, 4), (40, 7), (17, 14), (48, 28), (3, 12), (16, 20), (33, 11), (8, 3)] {
            for kernel in [3, 7] {
                var fixture = Fixture(seed: UInt64(kernel * 1000 + channels * 10))
                let weights = fixture.values(channels * kernel * kernel)
                let shape = PlanOperation.Shape(channels: channels, height: side, width: side)
                let input = Reference.Map(
                    channels: channels, height: side, width: side, values: fixture.values(channels * side * side))
                let expected = Reference.convolution(
                    input, weights: weights, outputs: channels, kernel: kernel, stride: 1, padding: (kernel - 1) / 2,
                    groups: channels)
                let packed = PackedConvolution(weight: weights, outputChannels: channels, rows: kernel * kernel)
                for way in ["4", "5", "6", "7", "8", "quads"] {
                    var kernels = KernelSet(set)
                    kernels.choices.set(
                        way, for: .init(.depthwise, shape, outputs: channels, kernel: kernel, stride: 1))
                    fixture.check(expected, from: input, activation: CK_RELU, kernels) { builder, image, finish in
                        builder.depthwise("depthwise", image, packed, kernel: kernel, stride: 1, finish)
                    }
                }
            }
        }
    }

    @Test(arguments: sets, [1, 2])
    func stemMatchesDefinition(set: InstructionSet, stride: Int) {
        for (channels, outputs, side) in [(1, 16, 28), (3, 24, 17), (3, 40, 9), (1, 8, 2)] {
            var fixture = Fixture(seed: UInt64(channels * 100 + outputs + stride))
            let weights = fixture.values(outputs * channels * 9)
            let image = Reference.Map(
                channels: channels, height: side, width: side, values: fixture.values(channels * side * side))
            let expected = Reference.convolution(
                image, weights: weights, outputs: outputs, kernel: 3, stride: stride, padding: 1, groups: 1)
            let packed = PackedConvolution(weight: weights, outputChannels: outputs, rows: 9 * channels)
            var builder = PlanBuilder(
                input: .init(channels: channels, height: side, width: side), kernels: KernelSet(set))
            builder.beginGroup("stem")
            let finish = fixture.finish(channels: outputs, CK_RELU)
            let map = builder.stem("stem", packed, stride: stride, finish.value)
            let actual = fixture.run(builder.build(output: map), on: image.values)
            fixture.compare(actual, fixture.applying(finish, to: expected, CK_RELU))
        }
    }

    @Test(arguments: sets)
    func poolAndScaleMatchDefinition(set: InstructionSet) {
        for (channels, side) in [(16, 1), (40, 7), (17, 14)] {
            var fixture = Fixture(seed: UInt64(channels))
            let input = Reference.Map(
                channels: channels, height: side, width: side, values: fixture.values(channels * side * side))
            var blocked = input.blocked()
            var means = [Float](repeating: 0, count: (channels + 15) / 16 * 16)
            Fixture.call(set, CK_OP_POOL) { function in
                blocked.withUnsafeMutableBufferPointer { map in
                    means.withUnsafeMutableBufferPointer { output in
                        var call = ck_pool(
                            input: map.baseAddress, output: output.baseAddress, pixels: Int32(side * side),
                            blocks: Int32(output.count / 16))
                        function(&call, 0, 1)
                    }
                }
            }
            for channel in 0..<channels {
                let sum = input.values[channel * side * side..<(channel + 1) * side * side].reduce(0, +)
                #expect(abs(means[channel] - sum / Float(side * side)) < 1e-5)
            }
            Fixture.call(set, CK_OP_SCALE) { function in
                blocked.withUnsafeMutableBufferPointer { map in
                    means.withUnsafeMutableBufferPointer { factors in
                        var call = ck_scale(
                            map: map.baseAddress, factors: factors.baseAddress, pixels: Int32(side * side),
                            blocks: Int32(factors.count / 16))
                        function(&call, 0, 1)
                    }
                }
            }
            let scaled = Reference.Map(blocked: blocked, channels: channels, height: side, width: side)
            for channel in 0..<channels {
                #expect(scaled[channel, side / 2, 0] == input[channel, side / 2, 0] * means[channel])
            }
        }
    }

    /// By a clock of one nanosecond a look, the rate is the number of operations itself.
    @Test(arguments: sets) func yardsticksCountTheirOperations(set: InstructionSet) {
        for features in [ProcessorFeatures.available, []] {
            for element in MapElement.allCases {
                var now: UInt64 = 0
                let rate = KernelSet(set, features: features).measuredPeak(element) {
                    now += 1
                    return now
                }
                let perRound = rate / 20_000
                // Whole vectors of multiply-adds, and of bytes four a lane.
                let unit = Double(2 * CK_LANES) * (element == .uint8 ? 4 : 1)
                #expect(perRound >= unit && perRound.truncatingRemainder(dividingBy: unit) == 0, "\(set) \(element)")
            }
        }
    }

    @Test func everyOperationHasARowForEverySet() {
        for set in Self.sets { _ = KernelSet(set) }
        let names = KernelTable.rows.map { String(cString: $0.name) }
        #expect(Set(names).count == names.count)
    }

    @Test func setsAreThoseOfTheArchitecture() {
        #if arch(x86_64)
            #expect(!InstructionSet.neon.isSupported)
        #elseif arch(arm64)
            #expect(Self.sets == [.portable, .neon] && InstructionSet.fastest == .neon)
        #endif
        // The numbers of the sets in the kernel table are their places here.
        #expect(InstructionSet.allCases.count == Int(CK_INSTRUCTION_SET_COUNT.rawValue))
    }

    @Test func unknownInstructionSetIsRefusedByName() {
        #expect(InstructionSet(rawValue: "sse9") == nil)
        #expect(InstructionSetRefusal(requested: "sse9").description.contains("sse9: this machine can run portable"))
    }
}
