import Foundation
import LatencyPrediction
import SearchSpace
import Testing

@Suite struct LatencyTablePredictionTests {
    let space = LatencyFixture.space

    @Test func aPredictionIsTheSumOfTheOperators() throws {
        let operators = try SupernetOperators(LatencyFixture.architecture)
        let table = try LatencyFixture.table()
        let prepared = try table.prepare(for: space, of: operators)
        var generator = SeededGenerator(seed: 51)
        for _ in 0..<200 {
            let subnet = space.sample(using: &generator)
            let expected = try operators.operators(of: subnet).reduce(0) { $0 + LatencyFixture.cost($1) }
            #expect(abs(try table.predict(subnet, of: operators) - expected) < 1e-9)
            #expect(abs(try prepared.cost(of: subnet) - expected) < 1e-9)
        }
    }

    @Test func aMissingRowIsNamed() throws {
        let operators = try SupernetOperators(LatencyFixture.architecture)
        let key = "expanded_conv-input:6x6x24-output:6x6x24-expand:72-kernel:5-stride:1-idskip:1-se:1-hs:1"
        let full = try LatencyFixture.table()
        var table = LatencyTable(source: full.source)
        for (resolution, rows) in full.entries { try table.add(rows.filter { $0.key != key }, resolution: resolution) }
        #expect(full.entries[24]?[key] != nil)

        #expect(throws: LatencyRefusal.missingEntry(key: key, resolution: 24)) {
            try table.prepare(for: space, of: operators)
        }
        #expect(throws: LatencyRefusal.missingEntry(key: key, resolution: 24)) {
            try table.predict(space.largest, of: operators)
        }
        #expect(try table.predict(space.smallest, of: operators) > 0)
    }

    @Test func anUnmeasuredResolutionIsNamedByItsFirstRow() throws {
        let full = try LatencyFixture.table()
        var table = LatencyTable(source: full.source)
        try table.add(try #require(full.entries[24]), resolution: 24)
        #expect(throws: LatencyRefusal.missingEntry(key: "Conv-input:16x16x1-output:8x8x8", resolution: 16)) {
            try table.prepare(for: space, of: try SupernetOperators(LatencyFixture.architecture))
        }
    }

    @Test func requiredOperatorsAreEnoughAndNoneIsSuperfluous() throws {
        let operators = try SupernetOperators(LatencyFixture.architecture)
        let rows = try LatencyTable.requiredOperators(of: operators, space: space, resolution: 24)
        // Stem, first block, tail of four; per stage first and other blocks x 2 kernels x 2 ratios.
        #expect(rows.count == 6 + 2 * 2 * 4)
        #expect(Set(rows.map(\.latencyKey)).count == rows.count)
    }

    /// Published latency table and configurations of Dynamic-OFA's search, which the repository may not hold.
    @Test(.enabled(if: LatencyFixture.shared != nil, "needs shared data: ofa/latency_table_jetson_cpu, peer_search"))
    func predictionsOfThePublishedTableAreThosePublished() throws {
        struct Peer: Decodable {
            struct Result: Decodable {
                let configuration: SubnetConfiguration
                let predictedLatencyMilliseconds: Double
            }
            let results: [Result]
        }
        let folder = try #require(LatencyFixture.shared).appending(path: "data/ofa")
        let space = SearchSpace.ofaMobileNetV3
        var table = LatencyTable(source: .init(boardClass: "xavier-nx", processor: "cpu-1"))
        for resolution in space.resolutions {
            let file = folder.appending(path: "latency_table_jetson_cpu/\(resolution)_lookup_table.json")
            let rows = try JSONDecoder().decode([String: LatencyTable.Entry].self, from: Data(contentsOf: file))
            try table.add(rows, resolution: resolution)
        }
        let operators = try SupernetOperators(.imageNetMobileNetV3Width12)
        let prepared = try table.prepare(for: space, of: operators)
        let peer = try JSONDecoder().decode(
            Peer.self, from: Data(contentsOf: folder.appending(path: "peer_search.json")))
        #expect(!peer.results.isEmpty)
        for result in peer.results {
            let published = result.predictedLatencyMilliseconds
            #expect(abs(try table.predict(result.configuration, of: operators) - published) < 1e-6)
            #expect(abs(try prepared.cost(of: result.configuration) - published) < 1e-6)
        }
    }
}
