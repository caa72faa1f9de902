import Foundation
import Testing

extension CommandLineTests {
    /// The same fields in all commands, and none of them by its own means.
    @Test func resultsAreGivenInYAMLToo() throws {
        let findings = try shoal(["check", "--format", "yaml"])
        #expect(findings.status == 0 && findings.output.hasPrefix("- check: clock\n"), "\(findings)")
        let checked = try JSONSerialization.jsonObject(
            with: Data(try shoal(["check", "--format", "json"]).output.utf8))
        let names = try #require(checked as? [[String: Any]]).flatMap(\.keys)
        let fields = findings.output.split(separator: "\n").compactMap { line in
            line.dropFirst(2).split(separator: ":").first.map(String.init)
        }
        #expect(fields.sorted() == names.sorted())
    }

    @Test(arguments: [
        ["token", "create", "a", "--role", "viewer", "--output", "a.json"], ["token", "revoke", "a"],
        ["board", "enrol", "--output", "b"], ["board", "revoke", "a"], ["artefact", "rotate-key"],
        ["get", "boards", "-l", "tier=edge"], ["board", "rotate-key", "-l", "tier=edge"],
    ])
    func everyCommandTakesEveryFormat(arguments: [String]) throws {
        for format in ["table", "json", "yaml"] {
            let outcome = try shoal(arguments + ["--format", format, "--state", "missing"])
            #expect(outcome.status == 4 && outcome.errors.contains("missing"), "\(outcome)")
        }
        #expect(try shoal(arguments + ["--format", "xml", "--state", "missing"]).status == 64)
    }
}
