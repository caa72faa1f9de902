import Foundation
import Testing

@testable import Scenarios

/// What Cluster/Scenarios/README.md says of the format is what is read.
@Suite struct ScenarioFormatTests {
    private static func example() throws -> String {
        let readme = try String(contentsOfFile: "\(ScenarioReadingTests.folder)/README.md", encoding: .utf8)
        return String(try #require(readme.firstMatch(of: /```toml\n((?:.*\n)*?)```/)).1)
    }

    @Test func theExampleIsAScenario() throws {
        let scenario = try Scenario.parse(Self.example(), file: "README.md")
        #expect(scenario.models.count == 2 && scenario.loads.count == 1)
    }

    /// A range stands in the comment of the field's line, as `0.1 to 3600`; points share a line, so theirs name them.
    @Test(arguments: [
        "seconds", "seed", "jitter", "priority", "framesPerSecond", "constraintMilliseconds", "percentile",
        "accuracyFloor", "accuracy", "latencyMilliseconds", "slowdown", "endSlowdown",
    ])
    func rangesAreThoseThatAreRead(field: String) throws {
        let example = try Self.example()
        let isOfPoint = ["accuracy", "latencyMilliseconds"].contains(field)
        let range = try Regex(
            (isOfPoint ? "# .*\\b\(field) " : "(?m)^\(field) = .*# .*?\\b") + "([0-9.]+) to ([0-9.]+)",
            as: (Substring, Substring, Substring).self)
        let match = try #require(try range.firstMatch(in: example), "no range of \(field)")
        let (lowest, highest) = (try #require(Double(match.1)), try #require(Double(match.2)))
        let (below, above) = (lowest - max(1e-6, 1e-6 * lowest), highest * (1 + 1e-6))
        for (value, isInside) in [(lowest, true), (highest, true), (below, false), (above, false)] {
            let text = example.replacing(
                try Regex("(?m)(^|\\{ |, )\(field) = [0-9.]+"), maxReplacements: 1
            ) { "\(example[$0.range].prefix { !$0.isLetter })\(field) = \(value)" }
            #expect(text != example)
            #expect(Self.isOutside(field, text) != isInside, "\(field) = \(value)")
        }
    }

    /// Whether the field is refused for its range, and not for what another field then contradicts.
    private static func isOutside(_ field: String, _ text: String) -> Bool {
        do { _ = try Scenario.parse(text, file: "README.md") } catch {
            return error.field.split(separator: ".").last == Substring(field) && error.reason.contains("outside")
        }
        return false
    }
}
