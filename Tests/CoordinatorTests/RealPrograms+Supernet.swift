import FleetModel
import Foundation
import LatencyPrediction
import SearchInputs
import SearchSpace
import Testing

/// What a board needs to run the example supernet: package `f.shoal`, `points.json`, `statistics`, and `images`.
extension RealPrograms {
    static let example = root.path() + "/Examples/fashion-supernet"

    /// 40 images of 28x28 with labels.
    private func writeImages() throws {
        let images: [UInt8] =
            [0, 0, 8, 3, 0, 0, 0, 40, 0, 0, 0, 28, 0, 0, 0, 28] + (0..<40 * 784).map { UInt8($0 % 251) }
        let labels: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 40] + (0..<40).map { UInt8($0 % 10) }
        try Data(images).write(to: URL(filePath: folder + "/images"))
        try Data(labels).write(to: URL(filePath: folder + "/labels"))
    }

    /// A table in which latency is FLOPs: wrong, as tables are, but not by orders of magnitude.
    func writeTable(_ boardClass: String, millisecondsPerFLOP: Double) throws {
        let named = try NamedSpace(folder + "/f.shoal")
        let operators = try SupernetOperators(named.architecture)
        var table = LatencyTable(source: .init(boardClass: boardClass, processor: "cpu", engineVersion: "e1"))
        for resolution in named.space.resolutions {
            let rows = try LatencyTable.requiredOperators(of: operators, space: named.space, resolution: resolution)
            try table.add(
                Dictionary(
                    uniqueKeysWithValues: rows.map {
                        ($0.latencyKey, .init(mean: Double($0.flops) * millisecondsPerFLOP))
                    }), resolution: resolution)
        }
        try JSONEncoder().encode(table).write(to: URL(filePath: folder + "/table.json"))
    }

    func prepareSupernet() async throws {
        try await run([
            "import", Self.example + "/fashion_supernet.pth", "--config", Self.example + "/fashion_supernet.json",
            "--output", folder + "/f.shoal",
        ])
        try writeImages()
        try writeTable("any", millisecondsPerFLOP: 1e-8)
        try await run([
            "search", "--space", folder + "/f.shoal", "--accuracy-predictor",
            Self.example + "/accuracy_samples.json", "--latency-table", folder + "/table.json", "--points", "6",
            "--output", folder + "/search.json",
        ])
        try await run([
            "calibrate", folder + "/f.shoal", "--points", folder + "/search.json", "--calibrate", folder + "/images",
            "--images", folder + "/images", "--labels", folder + "/labels", "--statistics", folder + "/statistics",
            "--table", folder + "/points.json",
        ])
        try offerAllPoints()
    }

    /// Two files of gates between the smallest and the largest point, `first.hooks` and `second.hooks`, which differ in
    /// what the gates read.
    func prepareHooks() async throws {
        let table = try JSONDecoder().decode(
            ParetoTable.self, from: try Data(contentsOf: URL(filePath: folder + "/points.json")))
        let subnets = [table.points[0].configuration, table.points[table.points.count - 1].configuration]
        try JSONEncoder().encode(subnets).write(to: URL(filePath: folder + "/subnets.json"))
        for (name, inputs) in [("first", []), ("second", ["--inputs", "latency"])] {
            try await run(
                [
                    "hooks", "build", folder + "/f.shoal", "--subnets", folder + "/subnets.json", "--statistics",
                    folder + "/statistics", "--output", folder + "/\(name).hooks",
                ] + inputs)
        }
    }

    /// The images show nothing: what was measured on them would leave of six points as many as luck has it.
    private func offerAllPoints() throws {
        func object(_ name: String) throws -> [String: Any] {
            let data = try Data(contentsOf: URL(filePath: folder + "/" + name))
            return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        }
        var table = try object("points.json")
        let found = try #require(try object("search.json")["points"] as? [[String: Any]])
        func number(_ point: [String: Any], _ name: String) -> Double { point[name] as? Double ?? 0 }
        var front: [[String: Any]] = []
        for point in found.sorted(by: {
            number($0, "predictedLatencyMilliseconds") < number($1, "predictedLatencyMilliseconds")
        }) where number(point, "predictedAccuracy") > number(front.last ?? [:], "predictedAccuracy") {
            front.append(point)
        }
        #expect(front.count > 2)
        table["points"] = front.map { point in
            [
                "accuracy": point["predictedAccuracy"] ?? 0, "configuration": point["configuration"] ?? [:],
                "flops": point["flops"] ?? 0, "latencyMilliseconds": point["predictedLatencyMilliseconds"] ?? 1,
            ]
        }
        try JSONSerialization.data(withJSONObject: table).write(to: URL(filePath: folder + "/points.json"))
    }
}
