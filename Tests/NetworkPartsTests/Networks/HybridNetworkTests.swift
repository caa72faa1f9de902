import CAllocations
import Graphs
import Testing

@testable import Engine
@testable import Fusion
@testable import NetworkParts

/// Memory and results of networks that kernels and definitions compute by turns.
@Suite struct HybridNetworkTests {
    private static let side = 32
    private static let windows = [Int.max, 100_000, 0]

    /// Branches of large maps, each reduced to a few numbers; an output that later parts read, and maps too.
    private func branches(_ count: Int, seed: UInt64, side: Int = Self.side) throws -> BoundGraph {
        var s = NetworkSamples(seed: seed)
        let first = s.add("Relu", [s.convolution("x", 3, 16, kernel: 3)])
        let shared = s.add("Abs", [s.convolution(first, 16, 16)])
        var sum = s.random([1, 16, 1, 1])
        for _ in 0..<count {
            let map = s.add("Abs", [s.convolution(shared, 16, 16)])
            sum = s.add("Add", [sum, s.add("ReduceMin", [map], ["axes": .ints([2, 3])])])
        }
        let last = s.add("Add", [first, s.add("Mul", [shared, sum])])
        return try s.bound([shared, sum, last, first], input: [1, 3, side, side])
    }

    private func chain(_ count: Int, side: Int = Self.side) throws -> BoundGraph {
        var s = NetworkSamples(seed: 3)
        var x = s.convolution("x", 3, 16)
        for _ in 0..<count { x = s.add("Abs", [s.convolution(x, 16, 16)]) }
        x = s.add("GlobalAveragePool", [x])
        return try s.bound(x, input: [1, 3, side, side])
    }

    private func network(_ bound: BoundGraph, window: Int?) throws -> HybridNetwork {
        HybridNetwork(try SegmentedNetwork(bound, evaluates: true, window: window), kernels: KernelSet(.fastest))
    }

    private func image(_ side: Int = Self.side, shift: Int = 0) -> [String: TensorValue] {
        let values = (0..<3 * side * side).map { Float((($0 + shift) * 7) % 23) / 11 - 1 }
        return ["x": TensorValue(shape: [1, 3, side, side], .float32(values))]
    }

    /// Bytes of the values that are left after each plan and node, constants apart.
    private func left(_ network: HybridNetwork, _ inputs: [String: TensorValue]) throws -> [Int] {
        var bytes: [Int] = []
        let constants = network.bound.graph.initialisers
        _ = try HybridSession(network).run(inputs) { _, values in
            bytes.append(
                values.filter { constants[$0.key] == nil }.reduce(0) {
                    $0 + $1.value.count * $1.value.type.element.byteCount
                })
        }
        return bytes
    }

    @Test(arguments: [2, 20])
    func aChainLeavesOneMap(length: Int) throws {
        let network = try HybridNetwork(chain(length), kernels: KernelSet(.fastest))

        let bytes = try left(network, image())

        #expect(bytes.count == 2 * length + 1)
        #expect(bytes.dropLast().allSatisfy { $0 == 16 * Self.side * Self.side * 4 } && bytes.last == 16 * 4)
    }

    @Test func branchesInTheGraphsOrderLeaveAsMuchAsOne() throws {
        let (few, many) = (try branches(2, seed: 5), try branches(20, seed: 5))
        let map = 16 * Self.side * Self.side * 4
        func most(_ bound: BoundGraph, _ window: Int) throws -> Int {
            try #require(try left(network(bound, window: window), image()).max())
        }

        let (ordered, fewest) = (try most(many, 0), try most(many, .max))

        #expect(try ordered <= most(few, 0) + 16 * 4)
        #expect(ordered <= 4 * map + 16 * 4 && fewest >= 20 * map)
    }

    /// As `left`, of the whole heap.
    @Test func theHeapDoesNotGrowWithTheLength() throws {
        guard ca_is_counting() != 0 else { return }
        let inputs = image(64)
        let peaks = try [4, 24].map { length in
            let session = try HybridSession(HybridNetwork(chain(length, side: 64), kernels: KernelSet(.fastest)))
            ca_begin_bytes()
            _ = try session.run(inputs)
            return Int(ca_peak_bytes())
        }

        #expect(peaks[1] < peaks[0] + 16 * 64 * 64 * 4, "\(peaks) bytes")
    }

    @Test func plansShareAnArena() throws {
        let network = try HybridNetwork(chain(6), kernels: KernelSet(.fastest))
        let largest = try #require(network.plans.map(\.arenaCount).max())

        #expect(network.plans.count > 6)
        #expect(HybridSession(network).arenaBytes == AlignedBuffer(count: largest).byteCount)
    }

    /// Outputs that later parts read among them.
    @Test(arguments: [UInt64(1), .random(in: 0...UInt64.max)])
    func everyCutGivesTheSameBits(seed: UInt64) throws {
        let bound = try branches(5, seed: seed)
        let inputs = image()
        let expected = try GraphEvaluator(bound).run(inputs)
        var parts: [Int] = []
        var first: [String: TensorValue]?
        for window in Self.windows {
            let network = try network(bound, window: window)
            parts.append(network.parts.count)
            let session = HybridSession(network)
            for _ in 0..<2 {
                let found = try session.run(inputs)
                try #require(found.keys.sorted() == bound.graph.outputs.sorted())
                if let first { #expect(first == found, "window \(window), seed \(seed)") }
                first = first ?? found
            }
        }
        #expect(parts == parts.sorted() && parts[0] < parts[2])
        for (name, value) in try #require(first) {
            let pairs = zip(value.doubles, try #require(expected[name]).doubles)
            #expect(pairs.allSatisfy { abs($0 - $1) <= 1e-4 * max(1, abs($1)) }, "\(name), seed \(seed)")
        }
    }

    /// Two resolutions by turns, and one network in several sessions at a time.
    @Test func sessionsDoNotDisturbEachOther() async throws {
        let networks = try [24, 32].map { try network(branches(4, seed: 9, side: $0), window: 0) }
        let sessions = networks.map { HybridSession($0) }
        let expected = try networks.indices.map { try HybridSession(networks[$0]).run(image([24, 32][$0])) }
        for turn in 0..<6 { #expect(try sessions[turn % 2].run(image([24, 32][turn % 2])) == expected[turn % 2]) }

        let results = try await withThrowingTaskGroup(of: [Bool].self) { group in
            for threads in [1, 1, 2, 2] {
                let (network, inputs, others) = (networks[1], image(), image(shift: 5))
                group.addTask {
                    let session = HybridSession(network, threads: threads)
                    var results: [[String: TensorValue]] = []
                    for _ in 0..<4 { results += [try session.run(inputs), try session.run(others)] }
                    return results.indices.map { ($0 % 2 == 0) == (results[$0] == results[0]) }
                        + [results[0] == expected[1]]
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(results.count == 4 * 9 && results.allSatisfy { $0 })
    }
}
