import CAllocations
import CKernels
import Fusion
import Graphs
import Testing

@testable import Engine
@testable import NetworkParts

private let supportedSets = InstructionSet.allCases.filter(\.isSupported)

@Suite struct MaskedPartTests {
    static let side = 20

    /// A stem, an inverted residual block, one that halves the map, a basic block (Winograd), a block whose second
    /// convolution is 5x5 (direct), and a classifier.
    private func network(seed: UInt64) throws -> FusedNetwork {
        var s = NetworkSamples(seed: seed)
        var x = s.add("Relu", [s.convolution("x", 3, 24, kernel: 3)])
        func inverted(_ x: String, _ inputs: Int, _ hidden: Int, _ outputs: Int, stride: Int) -> String {
            let wide = s.add("Relu", [s.convolution(x, inputs, hidden)])
            let filtered = s.add(
                "Relu", [s.convolution(wide, hidden, hidden, kernel: 3, stride: stride, groups: hidden)])
            let narrow = s.convolution(filtered, hidden, outputs)
            return stride == 1 ? s.add("Add", [narrow, x]) : narrow
        }
        x = inverted(x, 24, 72, 24, stride: 1)
        x = inverted(x, 24, 80, 40, stride: 2)
        for kernel in [3, 5] {
            let inner = s.add("Relu", [s.convolution(x, 40, 40, kernel: 3)])
            x = s.add("Relu", [s.add("Add", [s.convolution(inner, 40, 40, kernel: kernel), x])])
        }
        x = s.add("Flatten", [s.add("GlobalAveragePool", [x])])
        x = s.add("Gemm", [x, s.random([40, 5]), s.random([5])])
        return try FusedNetwork(s.bound(x, input: [1, 3, Self.side, Self.side]))
    }

    private let image: [Float] = (0..<3 * side * side).map { Float(($0 * 7) % 23) / 11 - 1 }

    /// Sections 1 to 4 have a hidden map.
    private static let parts = 1...4

    private func output(
        _ plan: SectionedPlan, _ changed: [Int: MaskLists], showing: ((Int, UnsafeMutablePointer<Float>) -> Void)? = nil
    ) -> [Float] {
        let session = SectionedSession(for: plan)
        image.withUnsafeBufferPointer { session.place($0) }
        for part in plan.parts.indices {
            if let mask = changed[part] { session.perform(mask) } else { session.perform(plan.parts[part]) }
            showing?(part, session.current)
        }
        defer { withExtendedLifetime(session) {} }
        return Array(session.output)
    }

    @Test(arguments: supportedSets, [UInt64(1), .random(in: 0...UInt64.max)])
    func aMaskOfEverythingGivesTheSameBits(set: InstructionSet, seed: UInt64) throws {
        let plan = try SectionedPlan(try network(seed: seed), kernels: KernelSet(set))
        let whole = output(plan, [:])
        for part in Self.parts {
            let masked = try #require(try plan.masked(part), "part \(part)")
            #expect(output(plan, [part: MaskLists(for: masked)]) == whole, "part \(part), \(set), seed \(seed)")
            #expect(masked.flops(of: MapMask(all: masked)) == plan.parts[part].flops)
            let same = try #require(try plan.masked(part, weights: masked.weights, bias: masked.bias))
            #expect(close(output(plan, [part: MaskLists(for: same)]), whole), "part \(part), \(set), seed \(seed)")
        }
        for part in [0, 5] {
            let masked = try plan.masked(part)
            #expect(masked?.blocks == nil, "part \(part)")
        }
    }

    /// A block left out is one whose columns in the next convolution's weights are zeros.
    @Test(arguments: supportedSets, [UInt64(2), .random(in: 0...UInt64.max)])
    func aBlockLeftOutCountsAsZeros(set: InstructionSet, seed: UInt64) throws {
        var generator = NetworkSamples(seed: seed)
        let plan = try SectionedPlan(try network(seed: seed), kernels: KernelSet(set))
        for part in Self.parts {
            let masked = try #require(try plan.masked(part))
            var mask = MapMask(all: masked)
            for block in mask.blocks.indices { mask.blocks[block] = generator.numbers(1)[0] > 0 }
            mask.blocks[Int(seed % UInt64(masked.blocks))] = true
            var weights = masked.weights
            let (channels, outputs) = (masked.readShape.channels, masked.bias.count)
            let taps = weights.count / channels / outputs
            for index in weights.indices where !mask.blocks[index / taps % channels / 16] { weights[index] = 0 }
            let zeroed = try #require(try plan.masked(part, weights: weights, bias: masked.bias))
            let lists = MaskLists(for: masked)
            lists.set(mask)
            let (actual, expected) = (output(plan, [part: lists]), output(plan, [part: MaskLists(for: zeroed)]))
            #expect(close(actual, expected), "part \(part), \(mask.blocks), \(set), seed \(seed)")
            lists.set(MapMask(all: masked))
            #expect(output(plan, [part: lists]) == output(plan, [:]), "masks change from run to run")
        }
    }

    /// Rows left out are those of the part's input, the others have the whole part's bits.
    @Test(arguments: supportedSets, [UInt64(3), .random(in: 0...UInt64.max)])
    func aStripLeftOutKeepsTheShortcut(set: InstructionSet, seed: UInt64) throws {
        var generator = NetworkSamples(seed: seed)
        let plan = try SectionedPlan(try network(seed: seed), kernels: KernelSet(set))
        let withoutShortcut = try plan.masked(2)?.strips
        let withBorder = try plan.masked(4)?.strips
        #expect(withoutShortcut == 1 && withBorder == 1)
        for part in [1, 3] {
            let masked = try #require(try plan.masked(part))
            #expect(masked.strips == (part == 1 ? 7 : 3))
            var mask = MapMask(all: masked)
            for strip in mask.strips.indices { mask.strips[strip] = generator.numbers(1)[0] > 0 }
            let shape = masked.output
            var maps: [[Float]] = []
            let lists = MaskLists(for: masked)
            lists.set(mask)
            for lists in [nil, lists] {
                _ = output(plan, lists.map { [part: $0] } ?? [:]) { done, map in
                    guard done == part || (done == part - 1 && lists == nil) else { return }
                    maps.append(Array(UnsafeBufferPointer(start: map, count: shape.storage)))
                }
            }
            for block in 0..<shape.blocks {
                for row in 0..<shape.height {
                    let line = (block * shape.height + row) * shape.width * 16
                    let strip = mask.strips.indices.first { masked.rows(of: $0).contains(row) } ?? 0
                    let expected = maps[mask.strips[strip] ? 1 : 0]
                    for value in line..<line + shape.width * 16
                    where block * 16 + value % 16 < shape.channels && maps[2][value] != expected[value] {
                        Issue.record("part \(part), row \(row), \(mask.strips), \(set), seed \(seed)")
                        return
                    }
                }
            }
        }
    }

    /// Blocks whose windows are not one odd square around the pixel: the hidden map is filtered and read by windows of
    /// their own, padding is uneven, or the window is even.
    private static let windows: [String: (filter: (kernel: Int, pads: [Int])?, reader: (kernel: Int, pads: [Int]))] = [
        "dw3 then 3x3": ((3, [1, 1, 1, 1]), (3, [1, 1, 1, 1])),
        "dw5 then 3x3": ((5, [2, 2, 2, 2]), (3, [1, 1, 1, 1])),
        "dw3, padding before": ((3, [2, 2, 0, 0]), (1, [0, 0, 0, 0])),
        "dw3, padding after": ((3, [0, 0, 2, 2]), (1, [0, 0, 0, 0])),
        "dw4": ((4, [1, 1, 2, 2]), (1, [0, 0, 0, 0])),
        "3x3, padding before": (nil, (3, [2, 2, 0, 0])),
        "3x3, padding after": (nil, (3, [0, 0, 2, 2])),
        "dw3 padding after, 3x3 padding before": ((3, [0, 0, 2, 2]), (3, [2, 2, 0, 0])),
    ]

    @Test(arguments: supportedSets, windows.keys.sorted())
    func rowsAreComputedAsFarAsTheWindowsReach(set: InstructionSet, name: String) throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        let windows = try #require(Self.windows[name])
        var s = NetworkSamples(seed: seed)
        let stem = s.add("Relu", [s.convolution("x", 3, 32, kernel: 3)])
        var inner = s.add("Relu", [s.convolution(stem, 32, 40)])
        if let filter = windows.filter {
            inner = s.add(
                "Relu", [s.convolution(inner, 40, 40, kernel: filter.kernel, pads: filter.pads, groups: 40)])
        }
        let read = s.convolution(inner, 40, 32, kernel: windows.reader.kernel, pads: windows.reader.pads)
        let pooled = s.add("Flatten", [s.add("GlobalAveragePool", [s.add("Add", [read, stem])])])
        let logits = s.add("Gemm", [pooled, s.random([32, 5]), s.random([5])])
        let plan = try SectionedPlan(
            try FusedNetwork(s.bound(logits, input: [1, 3, Self.side, Self.side])), kernels: KernelSet(set))
        // Where a border is kept around a whole map, rows cannot be left out.
        guard let masked = try plan.masked(1), masked.strips > 1 else { return }
        #expect(masked.flops(of: MapMask(all: masked)) == plan.parts[1].flops)
        let (before, whole) = (result(of: 0, plan, nil), result(of: 1, plan, nil))
        for turn in 0..<20 {
            var mask = MapMask(all: masked)
            for strip in mask.strips.indices { mask.strips[strip] = s.numbers(1)[0] > 0 }
            let lists = MaskLists(for: masked)
            lists.set(mask)
            let found = result(of: 1, plan, lists)
            let line = masked.output.width * 16
            for row in 0..<masked.output.height * masked.output.blocks {
                let strip = mask.strips.indices.first { masked.rows(of: $0).contains(row % masked.output.height) }
                let expected = mask.strips[strip ?? 0] ? whole : before
                let values = row * line..<(row + 1) * line
                guard close(Array(found[values]), Array(expected[values])) else {
                    Issue.record("row \(row), turn \(turn), \(mask.strips), \(set), seed \(seed)")
                    return
                }
            }
        }
    }

    /// The map after a part.
    private func result(of part: Int, _ plan: SectionedPlan, _ mask: MaskLists?) -> [Float] {
        var map: [Float] = []
        _ = output(plan, mask.map { [part: $0] } ?? [:]) { done, current in
            guard done == part else { return }
            map = Array(UnsafeBufferPointer(start: current, count: plan.parts[part].output.storage))
        }
        return map
    }

    /// Every masked row of the table occurs in the parts of these tests; a new row needs a test here.
    @Test func thePartsUseEveryMaskedKernel() throws {
        for set in supportedSets {
            let plan = try SectionedPlan(try network(seed: 5), kernels: KernelSet(set))
            var used = Set<UInt32>()
            for part in Self.parts {
                let masked = try #require(try plan.masked(part))
                used.formUnion(masked.versions[0].compactMap { $0.maskedOperation?.rawValue })
            }
            let rows = CK_OP_MASKED_POINTWISE.rawValue...CK_OP_MASKED_WINOGRAD_OUTPUT.rawValue
            #expect(used == Set(rows))
        }
    }

    @Test func aMaskAllocatesNothing() throws {
        let plan = try SectionedPlan(try network(seed: 4), kernels: KernelSet(.fastest))
        let masked = try #require(try plan.masked(1))
        let lists = MaskLists(for: masked)
        var mask = MapMask(all: masked)
        let session = SectionedSession(for: plan)
        image.withUnsafeBufferPointer { session.place($0) }
        session.perform(plan.parts[0])
        mask.blocks[1] = false
        mask.strips[2] = false
        lists.set(mask)
        session.perform(lists)
        ca_begin()
        lists.set(mask)
        session.perform(lists)
        #expect(ca_count() == 0)
    }

    private func close(_ actual: [Float], _ expected: [Float]) -> Bool {
        let largest = expected.map(abs).max() ?? 1
        return zip(actual, expected).allSatisfy { abs($0 - $1) <= 2e-5 * largest }
    }
}
