import Engine
import Foundation
import LatencyPrediction
import ModelImport
import SearchSpace
import Shoal
import SubnetSearch
import Supernets

/// What `shoal measure accuracy` writes: sampled subnets with the accuracy that each reached.
struct AccuracySamples: Codable {
    var weightsSHA256: String
    /// Images that the accuracy was measured on, held back from the streams.
    var images: Int
    var calibrationImages: Int
    var seed: UInt64
    var samples: [AccuracyRegression.Sample]
}

/// A search space with the architecture behind it.
struct NamedSpace {
    let space: SearchSpace
    let architecture: SupernetArchitecture
    let weightsSHA256: String?

    /// - Parameter name: `ofa-mbv3`, or the path of a supernet package.
    init(_ name: String) throws {
        if name == SearchSpace.ofaMobileNetV3.name {
            space = .ofaMobileNetV3
            architecture = .imageNetMobileNetV3Width12
            weightsSHA256 = nil
        } else if FileManager.default.fileExists(atPath: name) {
            let loaded = try LoadedSupernet(name)
            space = loaded.supernet.space
            architecture = loaded.supernet.architecture
            weightsSHA256 = loaded.weightsSHA256
        } else {
            throw Refusal("--space \(name): is neither ofa-mbv3 nor a supernet package", .notFound)
        }
    }
}

/// An accuracy predictor and how good it is known to be.
struct LoadedPredictor {
    let predictor: AccuracyPredictor
    /// On measured subnets that it was not fitted to; `nil` for a published predictor.
    let heldOut: AccuracyRegression.Quality?
    let method: String

    /// - Parameter path: a PyTorch checkpoint of linear layers, or measured accuracies of `shoal measure accuracy`.
    init(_ path: String, for space: NamedSpace, seed: UInt64) throws {
        guard let data = FileManager.default.contents(atPath: path) else { throw Refusal("\(path): cannot be read") }
        guard data.first != UInt8(ascii: "{") else {
            self = try Self(measured: data, path, for: space, seed: seed)
            return
        }
        let layers = try AccuracyPredictorImporter.read(from: path).map {
            MultilayerPerceptron.Layer(
                inputs: $0.weight.shape[1], outputs: $0.weight.shape[0], weights: $0.weight.values, bias: $0.bias.values
            )
        }
        do {
            predictor = try AccuracyPredictor(
                encoding: try .onceForAll(space.space), members: [try MultilayerPerceptron(layers: layers)])
        } catch { throw Refusal("\(path): \(error)") }
        heldOut = nil
        method = "published perceptron"
    }

    private init(measured data: Data, _ path: String, for space: NamedSpace, seed: UInt64) throws {
        guard let file = try? JSONDecoder().decode(AccuracySamples.self, from: data) else {
            throw Refusal("\(path): holds neither measured accuracies nor a predictor")
        }
        guard space.weightsSHA256 == nil || file.weightsSHA256 == space.weightsSHA256 else {
            throw Refusal("\(path): the accuracies were measured with other weights")
        }
        var generator = SeededGenerator(seed: seed)
        do {
            let outcome = try AccuracyRegression(encoding: ArchitectureEncoding(space.space))
                .fit(file.samples, using: &generator)
            predictor = outcome.predictor
            heldOut = outcome.heldOut
            method = "\(outcome.method)"
        } catch { throw Refusal("\(path): \(error)") }
    }
}

extension LatencyTable {
    /// Reads a table of `shoal measure latency`, or a folder of Dynamic-OFA's `RESOLUTION_lookup_table.json` files.
    static func load(_ path: String) throws -> LatencyTable {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw Refusal("\(path): there is no such latency table", .notFound)
        }
        guard isFolder.boolValue else {
            return try decode(LatencyTable.self, path, "a latency table")
        }
        let folder = URL(filePath: path)
        let name = folder.lastPathComponent
        let suffix = "_lookup_table.json"
        var table = LatencyTable(source: .init(boardClass: name, processor: name.hasSuffix("gpu") ? "gpu" : "cpu"))
        let files = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(suffix) }.sorted()
        guard !files.isEmpty else { throw Refusal("\(path): has no file RESOLUTION\(suffix)") }
        for file in files {
            guard let resolution = Int(file.dropLast(suffix.count)) else {
                throw Refusal("\(path)/\(file): is not named by a resolution")
            }
            let rows = try decode([String: Entry].self, "\(path)/\(file)", "a latency table of one resolution")
            do { try table.add(rows, resolution: resolution) } catch { throw Refusal("\(path)/\(file): \(error)") }
        }
        return table
    }

    private static func decode<Value: Decodable>(_: Value.Type, _ path: String, _ what: String) throws -> Value {
        guard let data = FileManager.default.contents(atPath: path) else { throw Refusal("\(path): cannot be read") }
        do { return try JSONDecoder().decode(Value.self, from: data) } catch let error as DecodingError {
            throw Refusal("\(path): is not \(what): \(error.sentence)")
        } catch { throw Refusal("\(path): \(error)") }
    }
}
