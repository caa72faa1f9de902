import AdminAPI
import FleetModel
import Foundation
import LatencyPrediction
import SearchInputs
import SearchSpace
import SubnetSearch

/// Made-up measurements of the published space, so that searches need no files from elsewhere.
struct SearchFixture {
    let folder: String

    /// Writes an accuracy file and a latency table: both rise with FLOPs, the former less and less.
    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "shoal-search-\(UUID())").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let space = SearchSpace.ofaMobileNetV3
        let operators = try SupernetOperators(.imageNetMobileNetV3Width12)
        var generator = SeededGenerator(seed: 3)
        let samples = try (0..<40).map { _ in
            let subnet = space.sample(using: &generator)
            let share = Double(try operators.flops(of: subnet)) / 1.5e9
            return AccuracyRegression.Sample(configuration: subnet, top1: 0.6 + 0.3 * share / (1 + share))
        }
        let accuracy = AccuracySamples(
            weightsSHA256: "none", images: 1, calibrationImages: 1, seed: 3, samples: samples)
        var table = LatencyTable(source: .init(boardClass: "test board", processor: "cpu", engineVersion: "e1"))
        for resolution in space.resolutions {
            let rows = try LatencyTable.requiredOperators(of: operators, space: space, resolution: resolution)
            try table.add(
                Dictionary(uniqueKeysWithValues: rows.map { ($0.latencyKey, .init(mean: Double($0.flops) / 1e7)) }),
                resolution: resolution)
        }
        try JSONEncoder().encode(accuracy).write(to: URL(filePath: folder + "/accuracy.json"))
        try JSONEncoder().encode(table).write(to: URL(filePath: folder + "/table.json"))
        // The same board class, measured again: a sixteenth slower.
        var held = LatencyTable(source: table.source)
        for (resolution, rows) in table.entries {
            try held.add(rows.mapValues { .init(mean: $0.mean * 17 / 16) }, resolution: resolution)
        }
        try JSONEncoder().encode(held).write(to: URL(filePath: folder + "/held.json"))
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    func text(
        _ name: String, constraints: Int = 2, seed: UInt64 = 1, boardClass: String = "test board",
        accuracy: String = "accuracy.json"
    ) -> String {
        let list = (1...constraints).map { "    - { latencyMilliseconds: \(30 + 60 * $0 / constraints) }" }
        return """
            apiVersion: shoal/v1
            kind: Search
            metadata: { name: \(name) }
            spec:
              model: classifier
              boardClass: \(boardClass)
              processor: cpu
              space: ofa-mbv3
              accuracyPredictor: \(folder)/\(accuracy)
              latencyTable: \(folder)/table.json
              constraints:
            \(list.joined(separator: "\n"))
              seed: \(seed)
              generations: 20
            """
    }

    func job(_ name: String, constraints: Int = 2, seed: UInt64 = 1) throws -> SearchJob {
        try SearchFile.parse(text(name, constraints: constraints, seed: seed), file: "job")
    }
}
