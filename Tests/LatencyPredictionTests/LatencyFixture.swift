import Foundation
import LatencyPrediction
import SearchSpace

/// A small supernet with a latency table made up for it: each operator costs its FLOPs / 1e5 plus 0.25 ms.
enum LatencyFixture {
    static let architecture = SupernetArchitecture(
        name: "tiny", inputChannels: 1, resolutions: [16, 24], kernelSizes: [3, 5], expandRatios: [2, 3],
        depths: [1, 2], stemStride: 2, strides: [2, 1], activations: [.relu, .hardSwish], squeezeExcite: [false, true],
        mean: [0], std: [1], labels: [],
        widths: .init(stem: 8, firstBlock: 8, stages: [16, 24], finalExpand: 24, featureMix: 32, classes: 10))
    static let space = architecture.searchSpace
    static let source = LatencyTable.Source(boardClass: "bench", processor: "cpu-1")

    static func table(source: LatencyTable.Source = source) throws -> LatencyTable {
        let operators = try SupernetOperators(architecture)
        var table = LatencyTable(source: source)
        for resolution in space.resolutions {
            let rows = try LatencyTable.requiredOperators(of: operators, space: space, resolution: resolution)
            try table.add(
                Dictionary(uniqueKeysWithValues: rows.map { ($0.latencyKey, .init(count: 10, mean: cost($0))) }),
                resolution: resolution)
        }
        return table
    }

    static func cost(_ row: SubnetOperator) -> Double { 0.25 + Double(row.flops) / 1e5 }

    /// The folder of shared data, which is not part of the repository: `SHOAL_SHARED`, or beside the checkout.
    static var shared: URL? {
        let beside = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../shared")
        let named = ProcessInfo.processInfo.environment["SHOAL_SHARED"].map { URL(filePath: $0) }
        return [named, beside].compactMap { $0 }.first {
            FileManager.default.fileExists(atPath: $0.appending(path: "data/ofa/peer_search.json").path)
        }
    }
}
