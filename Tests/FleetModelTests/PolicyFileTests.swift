import FleetModel
import SearchSpace
import Testing

@Suite struct PolicyFileTests {
    private static let text = """
        apiVersion: shoal/v1
        kind: Policy
        metadata: { name: default }
        spec:
          selector: { tier: edge }
          models:
            - model: classifier
              latency: { milliseconds: 25, percentile: 99 }
              accuracyFloor: 0.90
              priority: 10
            - model: detector
              latency:
                milliseconds: 33.3
                percentile: 99.9
              priority: 100

        """

    private static let policy = Policy(
        name: "default", selector: ["tier": "edge"],
        models: [
            ModelPolicy(
                model: "classifier", latency: LatencyConstraint(milliseconds: 25, percentile: 99), accuracyFloor: 0.9,
                priority: 10),
            ModelPolicy(
                model: "detector", latency: LatencyConstraint(milliseconds: 33.3, percentile: 99.9),
                accuracyFloor: nil, priority: 100),
        ])

    @Test func readsAPolicy() throws {
        #expect(try PolicyFile.parse(Self.text, file: "p.yaml") == Self.policy)
    }

    @Test func withoutSelectorEveryBoardIsSelected() throws {
        let text = Self.text.replacing("  selector: { tier: edge }\n", with: "")
        #expect(try PolicyFile.parse(text, file: "p.yaml").selector == [:])
    }

    @Test func readsJSONBecauseItIsYAML() throws {
        let json = """
            {"apiVersion": "shoal/v1", "kind": "Policy", "metadata": {"name": "p"}, "spec": {"models": [
            {"model": "m", "latency": {"milliseconds": 1e1, "percentile": 50}, "priority": 1}]}}
            """
        let policy = try PolicyFile.parse(json, file: "p.json")
        #expect(policy.models.first?.latency == LatencyConstraint(milliseconds: 10, percentile: 50))
    }

    @Test func readsSeveralDocumentsOfDifferentNames() throws {
        let other = Self.text.replacing("name: default", with: "name: other")
        let policies = try PolicyFile.parseAll(Self.text + "---\n" + other, file: "p.yaml")
        #expect(policies.map(\.name) == ["default", "other"])
        let refusal = #expect(throws: PolicyRefusal.self) {
            try PolicyFile.parse(Self.text + "---\n" + other, file: "p.yaml")
        }
        #expect(refusal?.line == Self.text.split(separator: "\n", omittingEmptySubsequences: false).count + 1)
        #expect(refusal?.reason.contains("found 2, of which the second begins here; give each a file") == true)
    }

    struct Departure: Sendable, CustomTestStringConvertible {
        let old: String, new: String, line: Int, field: String, reason: String
        init(_ old: String, _ new: String, _ line: Int, _ field: String, _ reason: String) {
            (self.old, self.new, self.line, self.field, self.reason) = (old, new, line, field, reason)
        }
        var testDescription: String { "\(old) -> \(new)" }
    }

    static let departures: [Departure] = [
        Departure("kind: Policy\n", "", 1, "policy", "'kind' is missing"),
        Departure("kind: Policy", "kind: Rollout", 2, "kind", "must be Policy"),
        Departure("kind: Policy", "kind: [Policy]", 2, "kind", "must be text"),
        Departure("shoal/v1", "shoal/v3", 1, "apiVersion", "must be shoal/v1"),
        Departure("name: default", "name: De/fault", 3, "metadata.name", "a name is"),
        Departure("name: default", "name: 7", 3, "metadata.name", "in quotes"),
        Departure("name: default", "title: x", 3, "metadata", "no field 'title'"),
        Departure("{ name: default }", "x", 3, "metadata", "must be a mapping"),
        Departure("{ name: default }", "!!map { name: default, name: d }", 3, "metadata.name", "given twice"),
        Departure("tier: edge", "tier: 1", 5, "spec.selector.tier", "in quotes"),
        Departure("tier: edge", "tier: yes", 5, "spec.selector.tier", "in quotes"),
        Departure("tier: edge", "tier: [edge]", 5, "spec.selector.tier", "must be text"),
        Departure("tier: edge", "tier: \"a\\nb\"", 5, "spec.selector.tier", "control characters"),
        Departure("tier: edge", "tier: !!int edge", 5, "spec.selector.tier", "must not have a tag"),
        Departure("    - model: detector", "    - model: classifier", 11, "spec.models[1].model", "named twice"),
        Departure("model: detector", "model: Detector", 11, "spec.models[1].model", "a name is"),
        Departure("milliseconds: 25,", "milliseconds: 0,", 8, "spec.models[0].latency.milliseconds", "greater than 0"),
        Departure("milliseconds: 25,", "milliseconds: -1,", 8, "spec.models[0].latency.milliseconds", "0...60000"),
        Departure("milliseconds: 25,", "milliseconds: 60000.1,", 8, "spec.models[0].latency.milliseconds", "outside"),
        Departure("milliseconds: 25,", "milliseconds: .inf,", 8, "spec.models[0].latency.milliseconds", "a number"),
        Departure("milliseconds: 25,", "milliseconds: .nan,", 8, "spec.models[0].latency.milliseconds", "a number"),
        Departure("milliseconds: 25,", "milliseconds: 1e999,", 8, "spec.models[0].latency.milliseconds", "a number"),
        Departure("milliseconds: 25,", "milliseconds: 0x10,", 8, "spec.models[0].latency.milliseconds", "a number"),
        Departure("milliseconds: 25,", "milliseconds: \"25\",", 8, "spec.models[0].latency.milliseconds", "a number"),
        Departure("milliseconds: 25,", "milliseconds: {},", 8, "spec.models[0].latency.milliseconds", "a number"),
        Departure("milliseconds: 25,", "", 8, "spec.models[0].latency", "'milliseconds' is missing"),
        Departure("milliseconds: 25,", "miliseconds: 25,", 8, "spec.models[0].latency", "no field 'miliseconds'"),
        Departure("percentile: 99 ", "percentile: 49.9 ", 8, "spec.models[0].latency.percentile", "outside 50...99.9"),
        Departure("percentile: 99 ", "percentile: 100 ", 8, "spec.models[0].latency.percentile", "outside 50...99.9"),
        Departure("0.90", "1.01", 9, "spec.models[0].accuracyFloor", "outside 0...1"),
        Departure("0.90", "90%", 9, "spec.models[0].accuracyFloor", "a number"),
        Departure("accuracyFloor: 0.90", "accuracyFloor:", 9, "spec.models[0].accuracyFloor", "a number"),
        Departure("priority: 100", "priority: 101", 15, "spec.models[1].priority", "outside 1...100"),
        Departure("priority: 100", "priority: 0", 15, "spec.models[1].priority", "outside 1...100"),
        Departure("priority: 100", "priority: 1.5", 15, "spec.models[1].priority", "whole number"),
        Departure("priority: 100", "priority: high", 15, "spec.models[1].priority", "a number"),
        Departure("      priority: 100", "      extra: 1", 15, "spec.models[1]", "no field 'extra'"),
        Departure("  models:", "  modles:", 6, "spec", "no field 'modles'"),
        Departure("spec:", "spec: &anchor", 4, "policy", "anchors"),
        Departure("{ tier: edge }", "*anchor", 5, "policy", "anchors"),
        Departure("{ tier: edge }", "{\"tier\":*anchor}", 5, "policy", "anchors"),
        Departure("{ tier: edge }", "{ tier: edge", 6, "policy", "not YAML"),
        Departure("  models:", "\tmodels:", 6, "policy", "not YAML"),
    ]

    @Test(arguments: departures)
    func refusesDeparturesByLineAndField(departure: Departure) throws {
        let text = Self.text.replacing(departure.old, with: departure.new, maxReplacements: 1)
        try #require(text != Self.text)
        let refusal = try #require(throws: PolicyRefusal.self) { try PolicyFile.parse(text, file: "p.yaml") }
        #expect(refusal.file == "p.yaml")
        #expect(refusal.line == departure.line, "\(refusal)")
        #expect(refusal.field == departure.field, "\(refusal)")
        #expect(refusal.reason.contains(departure.reason), "\(refusal)")
    }

    @Test(arguments: ["", "\n", "# only a comment\n", "---\n", "null", "[]", "text", "--- {}\n--- {}\n"])
    func refusesWhatIsNoPolicy(text: String) {
        #expect(throws: PolicyRefusal.self) { try PolicyFile.parse(text, file: "p.yaml") }
    }

    @Test func refusesTheSameNameTwiceInOneFile() throws {
        let refusal = try #require(throws: PolicyRefusal.self) {
            try PolicyFile.parseAll(Self.text + "---\n" + Self.text, file: "p.yaml")
        }
        #expect(refusal.field == "metadata.name")
        #expect(refusal.reason.contains("used twice"))
    }

    @Test func bytesAreLimited() throws {
        let padding = String(repeating: " ", count: FleetLimits.policyBytes - Self.text.utf8.count - 2)
        let full = Self.text + "#" + padding + "\n"
        #expect(full.utf8.count == FleetLimits.policyBytes)
        #expect(try PolicyFile.parse(full, file: "p.yaml") == Self.policy)
        #expect(throws: PolicyRefusal.self) { try PolicyFile.parse(full + " ", file: "p.yaml") }
    }

    @Test func modelsPerPolicyAreLimited() throws {
        let head = "apiVersion: shoal/v1\nkind: Policy\nmetadata: { name: p }\nspec:\n  models:\n"
        let rows = (0...FleetLimits.modelsPerPolicy).map {
            "    - { model: m\($0), latency: { milliseconds: 1, percentile: 99 }, priority: 1 }\n"
        }
        let full = try PolicyFile.parse(head + rows.dropLast().joined(), file: "p.yaml")
        #expect(full.models.count == FleetLimits.modelsPerPolicy)
        let refusal = #expect(throws: PolicyRefusal.self) { try PolicyFile.parse(head + rows.joined(), file: "p.yaml") }
        #expect(refusal?.field == "spec.models")
    }

    @Test func selectorLabelsAreLimited() throws {
        func text(_ labels: Int) -> String {
            let rows = (0..<labels).map { "l\($0): v" }.joined(separator: ", ")
            return Self.text.replacing("tier: edge", with: rows)
        }
        #expect(try PolicyFile.parse(text(FleetLimits.labelsPerBoard), file: "p").selector.count == 32)
        #expect(throws: PolicyRefusal.self) { try PolicyFile.parse(text(FleetLimits.labelsPerBoard + 1), file: "p") }
    }

    private static let second = """
        apiVersion: shoal/v2
        kind: Policy
        metadata: { name: p }
        spec:
          reserve: { cpu: 0.2, memoryBytes: 1000, watts: 0.5 }
          models:
            - model: a
              latency: { milliseconds: 25 }
              cpuShare: 0.5
              memoryBytes: 2000
              energyMillijoules: 40
        """

    @Test func secondVersionBringsLimitsAndDefaults() throws {
        let policy = try PolicyFile.parse(Self.second, file: "p")
        #expect(policy.reserve == BoardReserve(cpu: 0.2, memoryBytes: 1_000, watts: 0.5))
        let model = try #require(policy.models.first)
        #expect(model.latency == LatencyConstraint(milliseconds: 25, percentile: 95) && model.priority == 10)
        #expect(model.cpuShare == 0.5 && model.memoryBytes == 2_000 && model.energyMillijoules == 40)
        #expect(
            try PolicyFile.parse(
                #"{"apiVersion":"shoal/v2","kind":"Policy","metadata":{"name":"p"},"spec":{"models":[{"model":"a","#
                    + #""latency":{"milliseconds":25,"percentile":99}}]}}"#, file: "p.json"
            ).models.first?.latency.percentile == 99)
    }

    @Test(arguments: [
        ("cpuShare: 0.5", "cpuShare: 0.9", 9, "spec.models[0].cpuShare", "contradicts spec.reserve.cpu"),
        ("cpuShare: 0.5", "cpuShare: 0", 9, "spec.models[0].cpuShare", "greater than 0"),
        ("cpu: 0.2", "cpu: 1", 5, "spec.reserve.cpu", "below 1"),
        ("memoryBytes: 2000", "memoryBytes: 0.5", 10, "spec.models[0].memoryBytes", "whole number"),
        ("energyMillijoules: 40", "energyMillijoules: -1", 11, "spec.models[0].energyMillijoules", "outside"),
        ("shoal/v2", "shoal/v1", 5, "spec", "has no field 'reserve'"),
        ("shoal/v2", "shoal/v3", 1, "apiVersion", "shoal/v1 or shoal/v2"),
    ])
    func limitsAreRefusedByLineAndField(old: String, new: String, line: Int, field: String, reason: String) throws {
        let text = Self.second.replacing(old, with: new)
        let refusal = try #require(throws: PolicyRefusal.self) { try PolicyFile.parse(text, file: "p") }
        #expect(refusal.line == line && refusal.field == field && refusal.reason.contains(reason), "\(refusal)")
    }

    /// The parser gives up such a text; its refusal names the field all the same, whatever stands before it.
    @Test(arguments: [
        ("cpuShare: 0.5", "cpuShare: 0.5\n      cpuShare: 0.6", 9, "spec.models[0].cpuShare"),
        ("cpuShare: 0.5", "cpuShare: 0.5\n      cpuShare: 1\n      cpuShare: 1", 9, "spec.models[0].cpuShare"),
        ("{ milliseconds: 25 }", "{ milliseconds: 25, milliseconds: 5 }", 8, "spec.models[0].latency.milliseconds"),
        ("cpuShare: 0.5", "\"priority\": 7\n      'priority': 5", 9, "spec.models[0].priority"),
        ("{ name: p }", "{ name: \"e\u{301}é\", b: 1, name: p }\r", 3, "metadata.name"),
        ("kind: Policy", "kind: Policy\nkind: Policy", 2, "kind"),
        ("reserve: {", "reserve: { cpu: 0.1, cpu: 0.1 }\n  reserve: {", 5, "spec.reserve.cpu"),
        ("apiVersion", "a: 1\n---\napiVersion: shoal/v2\napiVersion", 3, "apiVersion"),
    ])
    func aFieldGivenTwiceIsRefusedByItsPath(old: String, new: String, line: Int, field: String) throws {
        let text = Self.second.replacing(old, with: new, maxReplacements: 1)
        let refusal = try #require(throws: PolicyRefusal.self) { try PolicyFile.parseAll(text, file: "p") }
        #expect(refusal.line == line && refusal.field == field, "\(refusal)")
        #expect(refusal.reason.contains("a field is given twice"), "\(refusal)")
    }

    /// What nobody can name is refused without a path, and quickly.
    @Test func keysThatNobodyCanNameAreRefusedAsAWhole() throws {
        let rows = (0..<32).map { "  k\($0): { a: 1, a: 1 }\n" }.joined()
        for text in ["{ ? [a] : 1, ? [a] : 1 }", "{ 7: 1, 7: 1 }", "spec:\n" + rows] {
            let refusal = try #require(throws: PolicyRefusal.self) { try PolicyFile.parseAll(text, file: "p") }
            #expect(refusal.field == "policy" && refusal.reason.contains("given twice"), "\(refusal)")
        }
    }

    /// Figures that a sentence compares differ in it.
    @Test func contradictingSharesAreToldApart() throws {
        let text = Self.second.replacing("cpuShare: 0.5", with: "cpuShare: 0.8000001")
        let refusal = try #require(throws: PolicyRefusal.self) { try PolicyFile.parse(text, file: "p") }
        #expect(
            refusal.reason == "0.8000001 contradicts spec.reserve.cpu, which leaves 0.8 to all models", "\(refusal)")
    }

    @Test func documentsPerFileAreLimited() throws {
        let many = String(repeating: "--- {}\n", count: FleetLimits.policies + 1)
        let refusal = try #require(throws: PolicyRefusal.self) { try PolicyFile.parseAll(many, file: "p.yaml") }
        #expect(refusal.reason.contains("more than \(FleetLimits.policies) documents"))
    }

    /// Nine levels of nine aliases would be 387 million nodes, and as a mapping's key they would all be hashed.
    @Test(arguments: ["? *a8\n: x\n", "spec: *a8\n"])
    func nestedAliasesAreRefusedBeforeTheyGrow(last: String) {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1...8 {
            let row = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(row)]\n"
        }
        #expect(throws: PolicyRefusal.self) { try PolicyFile.parse(text + last, file: "bomb.yaml") }
    }

    @Test(arguments: ["[", "{", "- ", "? ", "{a: ", "[{"])
    func deepNestingIsRefused(opening: String) {
        let text = String(repeating: opening, count: 50_000 / opening.count)
        #expect(throws: PolicyRefusal.self) { try PolicyFile.parse(text, file: "deep.yaml") }
        #expect(throws: PolicyRefusal.self) { try PolicyFile.parse("spec: " + text, file: "deep.yaml") }
    }

    /// Every prefix is either refused or a policy; none traps.
    @Test func truncationIsSurvived() {
        for length in 0..<Self.text.utf8.count {
            let prefix = String(decoding: Array(Self.text.utf8.prefix(length)), as: UTF8.self)
            _ = try? PolicyFile.parseAll(prefix, file: "p.yaml")
        }
    }

    @Test(arguments: [UInt64(1), .random(in: 0...UInt64.max)])
    func mutationIsSurvived(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            var bytes = Array(Self.text.utf8)
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            do {
                let policies = try PolicyFile.parseAll(String(decoding: bytes, as: UTF8.self), file: "p.yaml")
                for model in policies.flatMap(\.models) {
                    #expect((0...60_000).contains(model.latency.milliseconds), "seed \(seed)")
                    #expect((1...100).contains(model.priority), "seed \(seed)")
                }
            } catch {
                #expect(!error.reason.isEmpty && error.line >= 1, "seed \(seed)")
            }
        }
    }
}
