import Foundation
import SearchSpace
import Testing

@testable import ModelImport

@Suite struct SupernetLayoutTests {
    /// Against the lists of names and shapes of the two public checkpoints.
    @Test(arguments: PublicSupernet.all)
    func matchesThePublicCheckpoints(supernet: PublicSupernet) throws {
        let rows = try supernet.rows()
        #expect(rows.count == 475)
        let published = Dictionary(
            uniqueKeysWithValues: rows.filter { $0.type == "float32" }.map { ($0.name, $0.shape) })
        #expect(SupernetLayout(.imageNetMobileNetV3, widths: supernet.widths).shapes == published)
    }

    @Test func everyPairOfElasticKernelSizesHasItsMatrix() {
        var architecture = SupernetArchitecture.imageNetMobileNetV3
        func matrices() -> [String: [Int]] {
            SupernetLayout(architecture, widths: PublicSupernet.all[0].widths).shapes
                .filter { $0.key.hasPrefix("blocks.1.") && $0.key.hasSuffix("_matrix") }
        }
        architecture.kernelSizes = [7, 3]
        #expect(matrices() == ["blocks.1.conv.depth_conv.conv.7to3_matrix": [9, 9]])
        architecture.kernelSizes = [5]
        #expect(matrices().isEmpty)
    }
}

/// One of the public ImageNet supernets, as the list of its tensors states it.
struct PublicSupernet: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let widths: SupernetArchitecture.Widths

    static let all = [
        PublicSupernet(
            testDescription: "w1.0",
            widths: .init(
                stem: 16, firstBlock: 16, stages: [24, 40, 80, 112, 160], finalExpand: 960, featureMix: 1280,
                classes: 1000)),
        PublicSupernet(
            testDescription: "w1.2",
            widths: .init(
                stem: 24, firstBlock: 24, stages: [32, 48, 96, 136, 192], finalExpand: 1152, featureMix: 1536,
                classes: 1000)),
    ]

    struct Row {
        let name: String
        let type: String
        let shape: [Int]
    }

    func rows() throws -> [Row] {
        let path = Fixture.path("ofa_mbv3_\(testDescription)_tensor_names.tsv")
        return try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { line in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
            let shape = fields[2].split(separator: "x").compactMap { Int($0) }
            return Row(name: String(fields[0]), type: String(fields[1]), shape: shape)
        }
    }

    /// A checkpoint with these names and shapes, and weights that stand for nothing.
    func checkpoint() throws -> [UInt8] {
        let tensors = try rows().enumerated().map { index, row in
            if row.type == "int64" { return WrittenTensor.counter(row.name, key: "\(index)") }
            let values = [Float](repeating: Float(index + 1) / 1024, count: row.shape.reduce(1, *))
            return WrittenTensor(row.name, row.shape, values, key: "\(index)")
        }
        return ZipWriter.checkpoint(tensors).bytes()
    }
}
