import Engine
import Foundation
import Packages
import SearchSpace
import Testing

@testable import ModelImport

@Suite struct SupernetImporterTests {
    private static let weights = Fixture.example("fashion_supernet.pth")
    private static let config = Fixture.example("fashion_supernet.json")

    @Test func importsTheExample() throws {
        let package = try SupernetImporter.importCheckpoint(path: Self.weights, configPath: Self.config)

        #expect(package.kind == "supernet")
        #expect(package.parameterCount == 1_627_754)
        let architecture = try JSONDecoder().decode(SupernetArchitecture.self, from: Data(package.manifest))
        #expect(
            architecture.widths
                == .init(
                    stem: 16, firstBlock: 16, stages: [16, 24, 40, 56, 80], finalExpand: 320, featureMix: 480,
                    classes: 10))
        var configured = try SupernetConfigurationFile.read(from: Self.config)
        configured.widths = architecture.widths
        #expect(architecture == configured)
    }

    @Test func importedPackageSurvivesItsFile() throws {
        let package = try SupernetImporter.importCheckpoint(path: Self.weights, configPath: Self.config)
        try Fixture.withFile([]) { path in
            try package.write(to: path)
            #expect(try TensorPackage.read(from: path) == package)
        }
    }

    @Test(arguments: PublicSupernet.all)
    func recognisesThePublicSupernets(supernet: PublicSupernet) throws {
        try Fixture.withFile(try supernet.checkpoint()) { path in
            let package = try SupernetImporter.importCheckpoint(path: path, configPath: nil)
            let architecture = try JSONDecoder().decode(SupernetArchitecture.self, from: Data(package.manifest))
            #expect(architecture.widths == supernet.widths)
            #expect(architecture.name == SupernetArchitecture.imageNetMobileNetV3.name)
            #expect(try package.tensors.count == supernet.rows().filter { $0.type == "float32" }.count)
        }
    }

    @Test func unknownLayoutNeedsAConfiguration() throws {
        let failure = try #require(throws: CheckpointFailure.self) {
            try SupernetImporter.importCheckpoint(path: Self.weights, configPath: nil)
        }
        #expect(failure.description == "\(Self.weights): is not one of the built-in layouts: give --config")
    }

    @Test(arguments: [
        ("blocks.3.mobile_inverted_conv.depth_conv.bn.bn.bias", "blocks.3.conv.depth_conv.bn.bn.bias"),
        ("module.first_conv.conv.weight", "first_conv.conv.weight"),
        ("module.blocks.3.mobile_inverted_conv.x", "blocks.3.conv.x"), ("blocks.3.conv.x", "blocks.3.conv.x"),
        ("other.3.mobile_inverted_conv.x", "other.3.mobile_inverted_conv.x"),
    ])
    func namesBecomeCanonical(name: String, expected: String) {
        #expect(SupernetImporter.canonicalName(name) == expected)
    }

    @Test func bothSpellingsGiveTheSamePackage() throws {
        let older = renamed { name in
            var parts = name.split(separator: ".")
            if parts[0] == "blocks" { parts[2] = "mobile_inverted_conv" }
            return "module." + parts.joined(separator: ".")
        }
        #expect(older.tensors.keys.contains("module.blocks.1.mobile_inverted_conv.depth_conv.conv.7to5_matrix"))
        let architecture = tiny
        #expect(
            try SupernetImporter.package(older, architecture)
                == SupernetImporter.package(renamed { $0 }, architecture))
    }

    @Test func twoSpellingsOfOneTensorAreRefused() {
        let extra = ["module.classifier.linear.bias": Tensor(shape: [2], values: [0, 0])]
        expectRefusal("classifier.linear.bias", "occurs in two spellings") { $0.merge(extra) { first, _ in first } }
    }

    /// One at a time, every tensor that the layout expects.
    @Test func everyMissingTensorAndEveryWrongShapeIsNamed() throws {
        for name in tensors.keys {
            var missing = tensors
            missing[name] = nil
            #expect(throws: ReadingFailure("is missing", subject: name)) { try self.import(missing) }

            var wrong = tensors
            wrong[name] = Tensor(shape: [1, 1, 1, 1, 1], values: [0])
            #expect(throws: ReadingFailure.self, "\(name)") { try self.import(wrong) }
        }
    }

    @Test func wrongShapeIsStatedBesideTheExpectedOne() {
        let name = "blocks.1.conv.depth_conv.conv.7to5_matrix"
        expectRefusal(name, "shape [9, 9] is not [25, 25]") {
            $0[name] = Tensor(shape: [9, 9], values: [Float](repeating: 0, count: 81))
        }
    }

    @Test func valuesThatNoNetworkHasAreRefused() {
        for value in [Float.nan, .infinity, -.infinity] {
            expectRefusal("first_conv.bn.weight", "value 3 is not finite") {
                $0["first_conv.bn.weight"] = Tensor(shape: [8], values: [1, 1, 1, value, 1, 1, 1, 1])
            }
        }
        expectRefusal("first_conv.bn.running_var", "variance 0 is negative") {
            $0["first_conv.bn.running_var"] = Tensor(shape: [8], values: [-1, 1, 1, 1, 1, 1, 1, 1])
        }
    }

    @Test func leftOverTensorsAreRefused() {
        expectRefusal("head.weight", "is not part of this architecture") {
            $0["head.weight"] = Tensor(shape: [1], values: [1])
        }
        let integers = PyTorchCheckpoint(tensors: tensors, integerTensors: ["index": [4]])
        #expect(throws: ReadingFailure("holds integers, which no supernet has", subject: "index")) {
            try SupernetImporter.package(integers, tiny)
        }
    }

    @Test func contradictingConfigurationIsRefused() {
        var labelled = tiny
        labelled.labels = ["a", "b", "c"]
        #expect(throws: ReadingFailure("the configuration has 3 labels for 2 classes")) {
            try SupernetImporter.package(renamed { $0 }, labelled)
        }
        var widened = tiny
        widened.widths = widths
        widened.widths?.stem = 16
        #expect(throws: ReadingFailure("the configuration states other widths than the weights have")) {
            try SupernetImporter.package(renamed { $0 }, widened)
        }
    }

    @Test func failureNamesTheFileOfTheFault() throws {
        let absent = "/absent.json"
        let failure = try #require(throws: CheckpointFailure.self) {
            try SupernetImporter.importCheckpoint(path: Self.weights, configPath: absent)
        }
        #expect(failure.description == "/absent.json: cannot be opened: No such file or directory")
    }

    // MARK: A supernet of one stage

    private let widths = SupernetArchitecture.Widths(
        stem: 8, firstBlock: 8, stages: [16], finalExpand: 24, featureMix: 32, classes: 2)
    private let tiny = SupernetArchitecture(
        name: "tiny", inputChannels: 1, resolutions: [16], kernelSizes: [3, 5, 7], expandRatios: [2], depths: [1, 2],
        stemStride: 1, strides: [2], activations: [.relu], squeezeExcite: [true], mean: [0], std: [1], labels: [])

    private var tensors: [String: Tensor] {
        SupernetLayout(tiny, widths: widths).shapes.mapValues { shape in
            Tensor(shape: shape, values: [Float](repeating: 0.5, count: shape.reduce(1, *)))
        }
    }

    private func renamed(_ change: (String) -> String) -> PyTorchCheckpoint {
        let named = Dictionary(uniqueKeysWithValues: tensors.map { (change($0.key), $0.value) })
        return PyTorchCheckpoint(tensors: named, integerTensors: ["first_conv.bn.num_batches_tracked": []])
    }

    private func `import`(_ tensors: [String: Tensor]) throws -> TensorPackage {
        try SupernetImporter.package(PyTorchCheckpoint(tensors: tensors, integerTensors: [:]), tiny)
    }

    private func expectRefusal(_ name: String, _ reason: String, _ change: (inout [String: Tensor]) -> Void) {
        var changed = tensors
        change(&changed)
        #expect(throws: ReadingFailure(reason, subject: name)) { try self.import(changed) }
    }
}
