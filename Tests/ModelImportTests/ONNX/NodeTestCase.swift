import Foundation
import SwiftProtobuf

@testable import Graphs
@testable import ModelImport

/// One of ONNX's backend node tests: a model of one node or a few, inputs, and the outputs of the reference.
struct NodeTestCase {
    let folder: URL
    var name: String { folder.lastPathComponent }

    /// The folder of all of them: from the environment, or where Cluster/install puts the package `onnx`.
    static let root: URL? = {
        if let stated = ProcessInfo.processInfo.environment["SHOAL_ONNX_NODE_TESTS"] { return URL(filePath: stated) }
        let libraries = Fixture.repository.appending(path: ".build-onnx/venv/lib")
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: libraries.path())) ?? []
        return versions.map {
            libraries.appending(path: "\($0)/site-packages/onnx/backend/test/data/node")
        }.first { FileManager.default.fileExists(atPath: $0.path()) }
    }()

    static func all(in root: URL) throws -> [NodeTestCase] {
        try FileManager.default.contentsOfDirectory(atPath: root.path()).filter { $0.hasPrefix("test_") }.sorted()
            .map { NodeTestCase(folder: root.appending(path: $0)) }
    }

    /// Why the case does not pass; `nil` if it does.
    func failure() -> String? {
        do {
            let graph = try graph()
            for set in try FileManager.default.contentsOfDirectory(atPath: folder.path())
            where set.hasPrefix("test_data_set_") {
                if let failure = try failure(of: graph, in: folder.appending(path: set)) { return failure }
            }
            return nil
        } catch let failure as CheckpointFailure {
            return [failure.subject, failure.reason].compactMap { $0 }.joined(separator: ": ")
        } catch {
            return "\(error)"
        }
    }

    /// Operators that have not changed since are tested in opsets before the first that is read.
    func graph() throws -> Graph {
        let file = folder.appending(path: "model.onnx")
        var model = try Onnx_ModelProto(serializedBytes: try Data(contentsOf: file))
        guard let version = model.opsetImport.first?.version, version < ONNXLimits.opsets.lowerBound,
            model.opsetImport[0].domain.isEmpty
        else { return try ONNXImporter.read(from: file.path()) }
        model.opsetImport[0].version = Int64(ONNXLimits.opsets.lowerBound)
        return try ONNXImporter.parse(model.serializedBytes())
    }

    private func failure(of graph: Graph, in set: URL) throws -> String? {
        var inputs: [String: TensorValue] = [:]
        for (index, input) in graph.inputs.enumerated() {
            inputs[input.name] = try Self.tensor(set.appending(path: "input_\(index).pb"), input.element)
        }
        let bound = try BoundGraph(graph, sizes: .init(shapes: inputs.mapValues(\.shape)))
        let outputs = try GraphEvaluator(bound).run(inputs)
        for (index, name) in graph.outputs.enumerated() {
            guard let found = outputs[name] else { return "has no output \(name)" }
            let expected = try Self.tensor(set.appending(path: "output_\(index).pb"), found.elements.type)
            if let type = bound.types[name], type != expected.type { return "\(name) was inferred as \(type)" }
            guard found.type == expected.type else { return "\(name) is \(found.type) instead of \(expected.type)" }
            if let difference = found.difference(from: expected) { return "\(name) \(difference)" }
        }
        return nil
    }

    /// The files keep `bfloat16` as `uint16`.
    static func tensor(_ file: URL, _ element: ElementType) throws -> TensorValue {
        var proto = try Onnx_TensorProto(serializedBytes: try Data(contentsOf: file))
        if element == .bfloat16, proto.dataType == 4 { proto.dataType = 16 }
        var reader = ONNXTensorReader(external: nil)
        return try reader.read(proto)
    }
}

extension TensorValue {
    /// Within the tolerance of ONNX's own runner: 1e-7 plus a thousandth.
    func difference(from expected: TensorValue) -> String? {
        let (own, other) = (elements.castToDouble, expected.elements.castToDouble)
        for (index, (left, right)) in zip(own, other).enumerated() {
            if left == right || left.isNaN && right.isNaN { continue }
            guard abs(left - right) <= 1e-7 + 1e-3 * abs(right) else {
                return "differs at \(index): \(left) instead of \(right)"
            }
        }
        return nil
    }
}

extension Elements {
    fileprivate var castToDouble: [Double] {
        guard case .float64(let values) = cast(to: .float64) else { return [] }
        return values
    }
}
