import Engine
import Foundation
import SearchSpace
import Testing

@testable import ModelImport

@Suite struct SupernetConfigurationFileTests {
    @Test func readsTheExample() throws {
        let architecture = try SupernetConfigurationFile.read(from: Fixture.example("fashion_supernet.json"))
        #expect(architecture.name == "fashion-ofa-mbv3" && architecture.strides == [2, 2, 1, 2, 1])
        #expect(architecture.widths == nil)
    }

    @Test(arguments: [
        "name", "inputChannels", "resolutions", "kernelSizes", "expandRatios", "depths", "stemStride", "strides",
        "activations", "squeezeExcite", "mean", "std", "labels",
    ])
    func missingFieldIsNamed(field: String) throws {
        try expectFailure("\(field): is missing") { $0[field] = nil }
    }

    @Test func wrongValuesAreNamed() throws {
        try expectFailure("activations[1]: Cannot initialize Activation from invalid String value gelu") {
            $0["activations"] = ["relu", "gelu"]
        }
        try expectFailure("strides[0]: is not of type Int") { $0["strides"] = ["two"] }
        try expectFailure("mean: expected 1 values, found 2") { $0["mean"] = [0.5, 0.5] }
        try expectFailure("std: values must lie within 0.001...1000.0") { $0["std"] = [0] }
        try expectFailure("depths: 99 is outside 1...16") { $0["depths"] = [99] }
    }

    @Test func fieldsThatAreStatedTwiceAreRefused() throws {
        let text = String(decoding: try Fixture.bytes(Fixture.example("fashion_supernet.json")), as: UTF8.self)
        let twice = text.replacing("{", with: #"{"stemStride": 1, "#, maxReplacements: 1)
        #expect(throws: ReadingFailure("is stated twice", subject: "stemStride")) {
            try SupernetConfigurationFile.parse(Array(twice.utf8))
        }
    }

    @Test(arguments: ["", "{", "nonsense", String(repeating: "[", count: 100_000)])
    func textThatIsNotJSONIsRefused(text: String) {
        #expect(throws: ReadingFailure("is not a configuration in JSON")) {
            try SupernetConfigurationFile.parse(Array(text.utf8))
        }
    }

    private func expectFailure(_ expected: String, _ change: (inout [String: Any]) -> Void) throws {
        let bytes = try Fixture.bytes(Fixture.example("fashion_supernet.json"))
        var object = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
        change(&object)
        let changed = Array(try JSONSerialization.data(withJSONObject: object))
        try Fixture.withFile(changed) { path in
            let failure = try #require(throws: CheckpointFailure.self) {
                try SupernetConfigurationFile.read(from: path)
            }
            #expect(failure.description.hasPrefix("\(path): \(expected)"), "\(failure)")
        }
    }
}
