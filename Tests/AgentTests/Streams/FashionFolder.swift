import FleetModel
import Foundation
import ModelImport
import Packages
import SearchSpace
import Supernets
import Testing

@testable import Agent

/// The Fashion-MNIST supernet in a folder of its own, with four points, fastest first, their statistics, and eight
/// images.
struct FashionFolder {
    private static let example = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Examples/fashion-supernet").path()
    static let resolutions = [20, 28, 24, 28]
    let path = FileManager.default.temporaryDirectory.appending(path: "f-\(UUID().uuidString.prefix(8))").path()

    init() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try SupernetImporter.importCheckpoint(
            path: Self.example + "/fashion_supernet.pth", configPath: Self.example + "/fashion_supernet.json"
        ).write(to: path + "/p")
        let file = try SupernetFile(path + "/p")
        var statistics = StatisticsFile(weightsSHA256: file.weightsSHA256)
        let points = try Self.resolutions.enumerated().map { index, resolution in
            var subnet = index < 2 ? file.supernet.space.smallest : file.supernet.space.largest
            subnet.resolution = resolution
            subnet = file.supernet.space.canonical(subnet)
            try statistics.insert(file.supernet.checkpointStatistics(for: subnet))
            return OperatingPoint(
                configuration: subnet, accuracy: 0.6 + Double(index) / 10, latencyMilliseconds: Double(index + 1),
                flops: 1)
        }
        try statistics.write(to: path + "/t")
        try JSONEncoder().encode(
            ParetoTable(model: "m", boardClass: "test", processor: "cpu", seed: 1, points: points)
        ).write(to: URL(filePath: path + "/q"))
        let images = (0..<8 * 784).map { UInt8($0 * 7 % 256) }
        try Data([0, 0, 8, 3, 0, 0, 0, 8, 0, 0, 0, 28, 0, 0, 0, 28] + images).write(to: URL(filePath: path + "/i"))
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    func model(_ name: String, framesPerSecond: Double, processor: Int? = nil) -> AgentConfiguration.Model {
        AgentConfiguration.Model(
            name: name, package: path + "/p", points: path + "/q", statistics: path + "/t",
            stream: .init(images: [path + "/i"], framesPerSecond: framesPerSecond), processor: processor)
    }
}
