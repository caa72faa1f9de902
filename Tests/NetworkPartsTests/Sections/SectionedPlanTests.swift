import Fusion
import Graphs
import Testing

@testable import Engine
@testable import NetworkParts

@Suite struct SectionedPlanTests {
    /// A stem, residual blocks of two widths with a block between them that has no plain shortcut, and a classifier;
    /// with a depthwise block whose squeeze-and-excite keeps a second value alive.
    private func network(seed: UInt64) throws -> FusedNetwork {
        var s = NetworkSamples(seed: seed)
        var x = s.add("Relu", [s.convolution("x", 3, 16, kernel: 3)])
        func block(_ x: String, _ inputs: Int, _ outputs: Int, stride: Int) -> String {
            let inner = s.add("Relu", [s.convolution(x, inputs, outputs, kernel: 3, stride: stride)])
            let sum = s.convolution(inner, outputs, outputs, kernel: 3)
            let shortcut = inputs == outputs ? x : s.convolution(x, inputs, outputs, stride: stride)
            return s.add("Relu", [s.add("Add", [sum, shortcut])])
        }
        x = block(x, 16, 16, stride: 1)
        x = block(x, 16, 16, stride: 1)
        x = block(x, 16, 24, stride: 2)
        x = block(x, 24, 24, stride: 1)
        let wide = s.add("Relu", [s.convolution(x, 24, 48)])
        let filtered = s.add("Relu", [s.convolution(wide, 48, 48, kernel: 3, groups: 48)])
        let means = s.add("GlobalAveragePool", [filtered])
        let gate = s.add("Sigmoid", [s.convolution(s.add("Relu", [s.convolution(means, 48, 8)]), 8, 48)])
        x = s.add("Add", [s.convolution(s.add("Mul", [filtered, gate]), 48, 24), x])
        x = s.add("GlobalAveragePool", [x])
        x = s.add("Flatten", [x])
        x = s.add("Gemm", [x, s.random([24, 5]), s.random([5])])
        return try FusedNetwork(s.bound(x, input: [1, 3, 20, 20]))
    }

    private let image: [Float] = (0..<1_200).map { Float(($0 * 7) % 23) / 11 - 1 }

    /// The whole network and its parts read one copy of the weights, and answer alike.
    @Test func partsShareTheWeightsOfTheWhole() throws {
        let network = try network(seed: 6)
        let weights = PackedWeights()
        let whole = try network.plan(kernels: KernelSet(.fastest), weights: weights)
        let bytes = weights.byteCount
        let plan = try SectionedPlan(network, kernels: KernelSet(.fastest), weights: weights)
        #expect(weights.byteCount == bytes && bytes > 0)

        let (full, session) = (Session(for: [whole]), SectionedSession(for: plan))
        let expected = image.withUnsafeBufferPointer { Array(full.run(whole, on: $0)) }
        image.withUnsafeBufferPointer { session.place($0) }
        for part in plan.parts { session.perform(part) }
        #expect(Array(session.output) == expected)
    }

    @Test(arguments: [UInt64(1), .random(in: 0...UInt64.max)])
    func allPartsInOrderGiveTheWholePlansBits(seed: UInt64) throws {
        let network = try network(seed: seed)
        for set in InstructionSet.allCases where set.isSupported {
            let plain = try network.plan(kernels: KernelSet(set))
            let plan = try SectionedPlan(network, kernels: KernelSet(set))
            #expect(plan.isResidual == [false, true, true, false, true, true, false])
            #expect(plan.flops == plain.flops && plan.outputCount == 5)
            let (whole, session) = (Session(for: [plain]), SectionedSession(for: plan))
            image.withUnsafeBufferPointer { image in
                session.place(image)
                for part in plan.parts { session.perform(part) }
                #expect(Array(session.output) == Array(whole.run(plain, on: image)), "\(set), seed \(seed)")
            }
        }
    }

    /// Residual blocks around parts that join maps side by side, in blocks of channels that do not fit (an Inception
    /// block, a dense one, one that shuffles channels): each part runs from either of two places in the arena.
    private func joining(seed: UInt64) throws -> FusedNetwork {
        var s = NetworkSamples(seed: seed)
        var x = s.add("Relu", [s.convolution("x", 3, 16, kernel: 3)])
        func residual(_ x: String, _ width: Int) -> String {
            let inner = s.add("Relu", [s.convolution(x, width, width, kernel: 3)])
            return s.add("Relu", [s.add("Add", [s.convolution(inner, width, width, kernel: 3), x])])
        }
        x = residual(x, 16)
        let small = s.add("Relu", [s.convolution(x, 16, 10)])
        let large = s.add("Relu", [s.convolution(s.add("Relu", [s.convolution(x, 16, 7)]), 7, 21, kernel: 3)])
        let pooled = s.convolution(
            s.add("MaxPool", [x], ["kernel_shape": .ints([3, 3]), "pads": .ints([1, 1, 1, 1])]), 16, 9)
        x = s.add("Concat", [small, large, pooled], ["axis": .int(1)])
        x = residual(x, 40)
        let grown = s.add("Relu", [s.convolution(x, 40, 12, kernel: 3)])
        x = s.add("Concat", [x, grown], ["axis": .int(1)])
        x = s.shuffled(s.add("Relu", [s.convolution(x, 52, 24)]), [1, 24, 20, 20], groups: 3)
        x = residual(x, 24)
        x = s.add("Flatten", [s.add("GlobalAveragePool", [x])])
        x = s.add("Gemm", [x, s.random([24, 5]), s.random([5])])
        return try FusedNetwork(s.bound(x, input: [1, 3, 20, 20]))
    }

    @Test(arguments: [UInt64(1), .random(in: 0...UInt64.max)])
    func partsThatJoinMapsGiveTheWholePlansBits(seed: UInt64) throws {
        let network = try joining(seed: seed)
        for set in InstructionSet.allCases where set.isSupported {
            let plain = try network.plan(kernels: KernelSet(set))
            let plan = try SectionedPlan(network, kernels: KernelSet(set))
            #expect(plan.isResidual.count { $0 } == 3 && plan.flops == plain.flops)
            #expect(plan.parts.contains { $0.plan.operations.contains { $0.kind == .gather } })
            let (whole, session) = (Session(for: [plain]), SectionedSession(for: plan))
            image.withUnsafeBufferPointer { image in
                session.place(image)
                for part in plan.parts { session.perform(part) }
                #expect(Array(session.output) == Array(whole.run(plain, on: image)), "\(set), seed \(seed)")
            }
        }
    }

    /// Any set of residual blocks left out: the same with the map copied out and in again before every part, always
    /// from the first slot.
    private func checkLeavingOut(of plan: SectionedPlan, seed: UInt64) {
        let session = SectionedSession(for: plan)
        let saved = AlignedBuffer(count: plan.parts.map(\.input.storage).max() ?? 1)
        let residual = plan.parts.indices.filter { plan.isResidual[$0] }
        for left in 0..<1 << residual.count {
            let out = Set(residual.enumerated().filter { left >> $0.offset & 1 == 1 }.map(\.element))
            image.withUnsafeBufferPointer { session.place($0) }
            for part in plan.parts.indices where !out.contains(part) { session.perform(plan.parts[part]) }
            let direct = Array(session.output)
            image.withUnsafeBufferPointer { session.place($0) }
            for part in plan.parts.indices where !out.contains(part) {
                if part > 0 {
                    session.save(before: part, to: saved)
                    session.resume(before: part, from: saved)
                }
                session.perform(plan.parts[part])
            }
            #expect(direct == Array(session.output), "without \(out), seed \(seed)")
        }
        withExtendedLifetime(session) {}
    }

    @Test(arguments: [UInt64(2), .random(in: 0...UInt64.max)])
    func partsThatJoinMapsRunFromEitherPlace(seed: UInt64) throws {
        checkLeavingOut(of: try SectionedPlan(try joining(seed: seed), kernels: KernelSet(.fastest)), seed: seed)
    }

    /// Leaving any set of residual blocks out gives what a network without them would.
    @Test(arguments: [UInt64(2), .random(in: 0...UInt64.max)])
    func leavingBlocksOutLeavesTheMapAsItWas(seed: UInt64) throws {
        checkLeavingOut(of: try SectionedPlan(try network(seed: seed), kernels: KernelSet(.fastest)), seed: seed)
    }

    @Test func lookingAtAMapLeavesIt() throws {
        let plan = try SectionedPlan(try network(seed: 3), kernels: KernelSet(.fastest))
        let session = SectionedSession(for: plan)
        image.withUnsafeBufferPointer { session.place($0) }
        session.perform(plan.parts[0])
        let before = (0..<16 * 400).map { session.current[$0] }
        let means = session.look(plan.pooling(before: 1))
        let expected: [Float] = (0..<16).map { channel in
            var sum: Float = 0
            for pixel in 0..<400 { sum += before[pixel * 16 + channel] }
            return sum / 400
        }
        #expect(zip(means, expected).allSatisfy { abs($0 - $1) < 1e-4 })
        #expect(before == (0..<16 * 400).map { session.current[$0] })
        withExtendedLifetime(session) {}
    }

    @Test func aSubstituteOfZerosRectifiesItsInput() throws {
        let plan = try SectionedPlan(try network(seed: 4), kernels: KernelSet(.fastest))
        let session = SectionedSession(for: plan)
        let zeros = plan.substitute(
            weight: [Float](repeating: 0, count: 9 * 16 * 16), bias: [Float](repeating: -0.25, count: 16), before: 1)
        image.withUnsafeBufferPointer { session.place($0) }
        session.perform(plan.parts[0])
        let before = (0..<16 * 400).map { session.current[$0] }
        session.perform(zeros)
        #expect((0..<16 * 400).map { session.current[$0] } == before.map { max($0 - 0.25, 0) })
        withExtendedLifetime(session) {}
    }

    /// Neighbouring parts share two places for the maps between them, as large as the largest of these maps, and no map
    /// inside a part reaches into them: what a part works in stays in near caches from one part to the next.
    @Test(arguments: [UInt64(5), .random(in: 0...UInt64.max)])
    func mapsInsidePartsLieBesideThoseBetweenThem(seed: UInt64) throws {
        for set in InstructionSet.allCases where set.isSupported {
            let plan = try SectionedPlan(try network(seed: seed), kernels: KernelSet(set))
            let layout = plan.layout
            #expect(layout.slotCount == 16 * 400, "\(set), seed \(seed)")
            let zeros = plan.substitute(
                weight: [Float](repeating: 0, count: 9 * 16 * 16), bias: [Float](repeating: 0, count: 16), before: 1)
            for part in plan.parts + [zeros, plan.pooling(before: 1)] {
                for (slot, operations) in part.versions.enumerated() {
                    let ends = Set([layout.slot(slot), layout.slot(1 - slot)])
                    for operation in operations where !ends.contains(operation.outputOffset) {
                        #expect(operation.outputOffset >= layout.work, "\(operation.kind), \(set), seed \(seed)")
                    }
                    let last = try #require(operations.last)
                    #expect(last.outputOffset == layout.slot(part.isInPlace ? slot : 1 - slot))
                    #expect(last.output.storage <= layout.slotCount)
                }
            }
        }
    }
}
