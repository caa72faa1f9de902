import Testing

@testable import Fusion
@testable import Graphs

/// How graphs whose nodes are kernels' and definitions' by turns are cut.
@Suite struct NetworkCutTests {
    /// A map by a kernel, its absolute value and its least values by definition, a sum by a kernel: as often as there
    /// are branches, each of which needs a map of its own.
    private func branches(_ count: Int, side: Int) throws -> BoundGraph {
        let b = GraphBuilder(seed: 1)
        var sum = b.constant(GraphSamples.floats([1, 3, 1, 1], [0, 0, 0]))
        for index in 0..<count {
            let factor = b.constant(GraphSamples.floats([], [Float(index + 1)]))
            let map = b.add("Abs", [b.add("Mul", ["x", factor])])
            sum = b.add("Add", [sum, b.add("ReduceMin", [map], ["axes": .ints([2, 3])])])
        }
        return try b.bound(sum, input: [1, 3, side, side])
    }

    private func chain(_ count: Int, side: Int) throws -> BoundGraph {
        let b = GraphBuilder(seed: 2)
        var x = b.convolution("x", 3, 16)
        for _ in 0..<count { x = b.add("Abs", [b.convolution(x, 16, 16)]) }
        return try b.bound(b.add("GlobalAveragePool", [x]), input: [1, 3, side, side])
    }

    private func cut(_ bound: BoundGraph, window: Int?) throws -> SegmentedNetwork {
        try SegmentedNetwork(bound, evaluates: true, window: window)
    }

    /// What each segment's plan, or each node, reads and makes.
    private func stages(_ network: SegmentedNetwork) -> [ValueLifetimes.Stage] { network.lifetimes.stages }

    private func plans(_ network: SegmentedNetwork) -> Int {
        network.segments.count { if case .kernels = $0 { true } else { false } }
    }

    @Test(arguments: [20, 80], [256, 512])
    func memoryDoesNotGrowWithTheNumberOfBranches(count: Int, side: Int) throws {
        let bound = try branches(count, side: side)
        let map = 3 * side * side * 4
        let (fewest, ordered) = (try cut(bound, window: .max), try cut(bound, window: 0))

        let chosen = try SegmentedNetwork(bound)

        #expect(fewest.peakBytes > count * map && fewest.segments.count < 6)
        // Image and map, blocks of 16 channels in the arena.
        #expect(ordered.peakBytes < 3 * map + 3 * 16 * side * side * 4)
        #expect(chosen.peakBytes <= max(NetworkCut.leastBudget, NetworkCut.tolerance * ordered.peakBytes))
        #expect(plans(fewest) < plans(chosen) && plans(chosen) < plans(ordered))
    }

    @Test func smallMapsAreNoReasonForMoreParts() throws {
        let bound = try branches(20, side: 64)
        let fewest = try cut(bound, window: .max)

        #expect(try SegmentedNetwork(bound) == fewest)
        #expect(try fewest.segments.count < cut(bound, window: 0).segments.count)
    }

    /// A chain has one order; large maps do not cut its plans further.
    @Test(arguments: [8, 512])
    func chainsAreCutWhereTheKindsMeet(side: Int) throws {
        let bound = try chain(12, side: side)
        let network = try SegmentedNetwork(bound)

        #expect(network.segments.count == 2 * 12 + 1)
        #expect(try cut(bound, window: 0) == network && cut(bound, window: .max) == network)
        // A convolution's result beside the last map that was made, and its two maps in the arena.
        #expect(network.peakBytes <= 4 * 16 * side * side * 4 + 19 * side * side * 4)
    }

    @Test func nodesKeepTheGraphsOrderWithoutWindows() throws {
        let bound = try branches(6, side: 16)
        let names = Dictionary(
            uniqueKeysWithValues: bound.graph.nodes.enumerated().map { ($1.outputs[0], $0) })

        let places = stages(try cut(bound, window: 0)).map { stage in stage.makes.compactMap { names[$0] }.max() ?? 0 }

        #expect(places == places.sorted())
    }

    @Test(arguments: [0, 1000, 10_000, 50_000, .max])
    func everythingComesAfterWhatItReads(window: Int) throws {
        for bound in [try branches(9, side: 16), try chain(9, side: 16)] {
            var made = Set(bound.graph.inputs.map(\.name)).union(bound.graph.initialisers.keys)
            for stage in stages(try cut(bound, window: window)) {
                #expect(made.isSuperset(of: stage.reads.filter { !$0.isEmpty }))
                #expect(made.isDisjoint(with: stage.makes))
                made.formUnion(stage.makes)
            }
            #expect(made.isSuperset(of: bound.graph.outputs))
        }
    }

    /// The larger the window, the fewer parts and the more memory.
    @Test func windowsWeighPartsAgainstMemory() throws {
        let bound = try branches(32, side: 64)
        let cuts = try [0, 400_000, 1_600_000, .max].map { try cut(bound, window: $0) }

        for (smaller, larger) in zip(cuts, cuts.dropFirst()) {
            #expect(smaller.segments.count > larger.segments.count)
            #expect(smaller.peakBytes < larger.peakBytes)
        }
    }
}
