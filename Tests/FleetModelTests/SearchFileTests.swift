import FleetModel
import Foundation
import Testing

@Suite struct SearchFileTests {
    private let text = """
        apiVersion: shoal/v1
        kind: Search
        metadata: { name: classifier-edge }
        spec:
          model: classifier
          boardClass: jetson nano
          processor: cpu
          space: ofa-mbv3
          accuracyPredictor: /srv/accuracy.json
          latencyTable: /srv/table.json
          constraints:
            - { latencyMilliseconds: 20 }
            - { latencyMilliseconds: 30.5, flops: 4e8, memoryBytes: 33554432 }
          accuracyFloor: 0.75
          seed: 7
          generations: 40
        """

    @Test func everyFieldIsRead() throws {
        #expect(SearchFile.isSearch(text))
        let expected = SearchJob(
            name: "classifier-edge", model: "classifier", boardClass: "jetson nano", processor: "cpu",
            space: "ofa-mbv3", accuracyPredictor: "/srv/accuracy.json", latencyTable: "/srv/table.json",
            constraints: [
                .init(latencyMilliseconds: 20), .init(latencyMilliseconds: 30.5, flops: 4e8, memoryBytes: 33_554_432),
            ], accuracyFloor: 0.75, seed: 7, generations: 40)
        #expect(try SearchFile.parse(text, file: "f") == expected)
    }

    @Test func whatIsLeftOutHasItsDefault() throws {
        let short = text.split(separator: "\n").dropLast(3).joined(separator: "\n")
        let job = try SearchFile.parse(short, file: "f")
        #expect(job.accuracyFloor == nil && job.seed == 1 && job.generations == 100)
    }

    @Test func aTableToVerifyAgainstIsAPath() throws {
        let job = try SearchFile.parse(text + "\n  verificationTable: /srv/held.json", file: "f")
        #expect(job.verificationTable == "/srv/held.json")
        #expect(throws: PolicyRefusal.self) {
            try SearchFile.parse(text + "\n  verificationTable: held.json", file: "f")
        }
    }

    @Test func aPolicyIsNoSearch() {
        #expect(!SearchFile.isSearch("apiVersion: shoal/v1\nkind: Policy\n"))
        #expect(!SearchFile.isSearch("[1"))
        #expect(!SearchFile.isSearch(""))
    }

    /// What is changed, and the line and field that the refusal names.
    @Test(arguments: [
        ("kind: Search", "kind: Policy", 2, "kind"),
        ("shoal/v1", "shoal/v2", 1, "apiVersion"),
        ("model: classifier", "model: Not A Name", 5, "spec.model"),
        ("space: ofa-mbv3", "space: relative.shoal", 8, "spec.space"),
        ("/srv/accuracy.json", "accuracy.json", 9, "spec.accuracyPredictor"),
        ("seed: 7", "seed: -1", 15, "spec.seed"),
        ("seed: 7", "seed: 1.5", 15, "spec.seed"),
        ("generations: 40", "generations: 0", 16, "spec.generations"),
        ("accuracyFloor: 0.75", "accuracyFloor: 2", 14, "spec.accuracyFloor"),
        ("- { latencyMilliseconds: 20 }", "- {}", 12, "spec.constraints[0]"),
        ("latencyMilliseconds: 20 ", "latencyMilliseconds: 0 ", 12, "spec.constraints[0].latencyMilliseconds"),
        ("latencyMilliseconds: 20 ", "latency: 20 ", 12, "spec.constraints[0]"),
        ("model: classifier", "model: classifier\n  extra: 1", 6, "spec"),
    ])
    func departuresAreRefusedByLineAndField(_ found: String, _ replacement: String, _ line: Int, _ field: String) {
        guard let range = text.range(of: found) else {
            Issue.record("\(found) is not in the text")
            return
        }
        let changed = text.replacingCharacters(in: range, with: replacement)
        #expect {
            try SearchFile.parse(changed, file: "job.yaml")
        } throws: { error in
            guard let refusal = error as? PolicyRefusal else { return false }
            return refusal.line == line && refusal.field == field && refusal.file == "job.yaml"
        }
    }

    @Test func constraintsAreLimited() throws {
        let item = "    - { latencyMilliseconds: 20 }\n"
        for (count, isAllowed) in [
            (FleetLimits.constraintsPerSearch, true), (FleetLimits.constraintsPerSearch + 1, false),
        ] {
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            let changed =
                lines[..<11].joined(separator: "\n") + "\n" + String(repeating: item, count: count)
                + lines[13...].joined(separator: "\n")
            #expect(((try? SearchFile.parse(changed, file: "f")) != nil) == isAllowed)
        }
    }
}
