import Engine
import Testing

@testable import ModelImport

@Suite struct NetworkConfigurationFileTests {
    private func refusal(_ text: String) -> String {
        do {
            _ = try NetworkConfigurationFile.parse(Array(text.utf8))
            return "none"
        } catch {
            return error.description
        }
    }

    @Test(arguments: [
        (#"{"inputSize": 32, "inputSize": 33}"#, "inputSize"), (#"{"std": [1], "mean": [0], "\u0073td": [2]}"#, "std"),
        (#"{"note": [{"width": 8}, {"width": 8, "width": 9}]}"#, "width"),
    ])
    func keysThatAreStatedTwiceAreRefused(text: String, key: String) {
        #expect(refusal(text) == "\(key): is stated twice")
    }

    @Test(arguments: [
        #"{"labels": ["std", "std", "a\": \"labels"], "mean": [0], "std": [1]}"#, "{}",
        #"{"labels": ["{", "inputSize", ":"], "inputSize": 32}"#,
    ])
    func valuesMayRepeat(text: String) { #expect(refusal(text) == "none") }

    @Test func damagedTextsAreRefusedAsSuch() {
        #expect(refusal(#"{"labels": ["a\"#) == "is not a configuration in JSON")
        #expect(refusal("") == "is not a configuration in JSON")
    }
}
