import Engine
import Foundation
import Testing

@testable import ModelImport

@Suite struct AccuracyPredictorImporterTests {
    private let tensors = [
        "0.weight": Tensor(shape: [2, 3], values: [1, 2, 3, 4, 5, 6]), "0.bias": Tensor(shape: [2], values: [7, 8]),
        "2.weight": Tensor(shape: [1, 2], values: [9, 10]), "2.bias": Tensor(shape: [1], values: [11]),
    ]

    @Test func layersComeInOrder() throws {
        let layers = try AccuracyPredictorImporter.layers(of: tensors)
        #expect(layers.map(\.weight.shape) == [[2, 3], [1, 2]])
        #expect(layers.map(\.bias.values) == [[7, 8], [11]])
    }

    struct Case: Sendable {
        let name: String
        var replacement: Tensor?
        let expected: String
    }

    private static let broken = [
        Case(name: "0.weight", expected: "0.weight: is missing"),
        Case(name: "2.bias", expected: "2.bias: is missing"),
        Case(name: "2.weight", expected: "0.weight: the last layer gives 2 values instead of one"),
        Case(
            name: "0.bias", replacement: Tensor(shape: [3], values: [1, 2, 3]), expected: "0.bias: shape [3] is not [2]"
        ),
        Case(
            name: "2.weight", replacement: Tensor(shape: [1, 3], values: [1, 2, 3]),
            expected: "2.weight: takes 3 values, but the layer before it gives 2"),
        Case(
            name: "2.weight", replacement: Tensor(shape: [2], values: [1, 2]),
            expected: "2.weight: shape [2] is not one of two dimensions"),
        Case(
            name: "1.weight", replacement: Tensor(shape: [1], values: [1]),
            expected: "1.weight: is not part of a predictor"),
        Case(
            name: "2.bias", replacement: Tensor(shape: [1], values: [.nan]), expected: "2.bias: value 0 is not finite"),
    ]

    @Test(arguments: broken)
    func brokenChainsAreRefused(row: Case) throws {
        var tensors = tensors
        tensors[row.name] = row.replacement
        let failure = try #require(throws: ReadingFailure.self) { try AccuracyPredictorImporter.layers(of: tensors) }
        #expect("\(failure.subject ?? ""): \(failure.reason)" == row.expected)
    }

    private static let publishedPath: String = {
        let shared = ProcessInfo.processInfo.environment["SHOAL_SHARED"]
        let folder = shared ?? Fixture.repository.deletingLastPathComponent().appending(path: "shared").path()
        return folder + "/data/ofa/accuracy_predictor_w1.2.pth"
    }()

    @Test(.enabled(if: FileManager.default.fileExists(atPath: publishedPath), "the published predictor is not here"))
    func readsThePublishedPredictor() throws {
        let layers = try AccuracyPredictorImporter.read(from: Self.publishedPath)
        #expect(layers.map(\.weight.shape) == [[400, 128], [400, 400], [400, 400], [1, 400]])
    }
}
