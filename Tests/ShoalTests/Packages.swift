import Engine
import Foundation
import Graphs
import ModelImport
import Packages
import SearchSpace
import Shoal
import Supernets

/// Packages made for a test, in a folder of its own that goes with it.
final class Packages {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path()
    let folder = FileManager.default.temporaryDirectory.appending(path: "shoal-library-\(UUID())").path()

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func write(_ name: String, _ text: String) throws -> String {
        try text.write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
        return folder + "/" + name
    }

    /// The Fashion-MNIST supernet.
    func supernet() throws -> String {
        let example = Self.root + "/Examples/fashion-supernet"
        let path = folder + "/fashion.shoal"
        try SupernetImporter.importCheckpoint(
            path: example + "/fashion_supernet.pth", configPath: example + "/fashion_supernet.json"
        ).write(to: path)
        return path
    }

    /// A 1x1 convolution of three channels to two, the mean over the map, and a vector: `weights` is `[2][3]`.
    func network(weights: [Float], height: Int = 4, width: Int = 4, last: String = "Flatten") throws -> String {
        let graph = try Graph(
            name: "means",
            inputs: [.init(name: "x", element: .float32, dimensions: [1, 3, height, width].map { .fixed($0) })],
            outputs: ["y"],
            initialisers: ["w": TensorValue(shape: [2, 3, 1, 1], .float32(weights))],
            nodes: [
                Node("Conv", opset: 13, inputs: ["x", "w"], outputs: ["c"]),
                Node("GlobalAveragePool", opset: 13, inputs: ["c"], outputs: ["g"]),
                Node(last, opset: 13, inputs: ["g"], outputs: ["y"]),
            ])
        let network = NetworkPackage(
            graph: graph,
            configuration: .init(mean: [0.5, 0.5, 0.5], std: [0.5, 0.25, 1], labels: ["first", "second"]))
        let path = folder + "/means-\(last).shoal"
        try network.package().write(to: path)
        return path
    }
}
