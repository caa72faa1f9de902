import Foundation
import LatencyPrediction
import SearchSpace

/// A folder of its own for each test, and a latency table made up for a small supernet.
struct SearchInputsFixture {
    static let architecture = SupernetArchitecture(
        name: "tiny", inputChannels: 1, resolutions: [16, 24], kernelSizes: [3, 5], expandRatios: [2, 3],
        depths: [1, 2], stemStride: 2, strides: [2, 1], activations: [.relu, .hardSwish], squeezeExcite: [false, true],
        mean: [0], std: [1], labels: [],
        widths: .init(stem: 8, firstBlock: 8, stages: [16, 24], finalExpand: 24, featureMix: 32, classes: 10))
    static let space = architecture.searchSpace

    /// The folder of shared data, which is not part of the repository: `SHOAL_SHARED`, or beside the checkout.
    static var shared: URL? {
        let beside = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../shared")
        let named = ProcessInfo.processInfo.environment["SHOAL_SHARED"].map { URL(filePath: $0) }
        return [named, beside].compactMap { $0 }.first {
            FileManager.default.fileExists(atPath: $0.appending(path: "data/ofa/peer_search.json").path)
        }
    }

    let folder = FileManager.default.temporaryDirectory.appending(path: "search-inputs-\(UUID().uuidString)").path

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    func write(_ name: String, _ text: String) throws -> String {
        let path = folder + "/" + name
        try FileManager.default.createDirectory(
            atPath: URL(filePath: path).deletingLastPathComponent().path, withIntermediateDirectories: true)
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    /// Each operator takes its FLOPs / 1e5 plus 0.25 ms.
    static func table(processor: String = "cpu") throws -> LatencyTable {
        let operators = try SupernetOperators(architecture)
        var table = LatencyTable(source: .init(boardClass: "bench", processor: processor))
        for resolution in space.resolutions {
            let rows = try LatencyTable.requiredOperators(of: operators, space: space, resolution: resolution)
            let entries = rows.map { ($0.latencyKey, LatencyTable.Entry(mean: 0.25 + Double($0.flops) / 1e5)) }
            try table.add(Dictionary(uniqueKeysWithValues: entries), resolution: resolution)
        }
        return table
    }
}
