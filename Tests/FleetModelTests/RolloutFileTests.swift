import FleetModel
import Testing

@Suite struct RolloutFileTests {
    private static func text(_ spec: String) -> String {
        "apiVersion: shoal/v1\nkind: Rollout\nmetadata: { name: r }\nspec:\n" + spec
    }

    @Test func everythingUnderSpecHasADefault() throws {
        let text = "apiVersion: shoal/v1\nkind: Rollout\nmetadata: { name: r }\n"
        #expect(try RolloutFile.parse(text, file: "r") == RolloutPlan(name: "r"))
    }

    @Test func allFieldsAreRead() throws {
        let plan = try RolloutFile.parse(
            Self.text(
                """
                  groups: [{ boards: 1 }, { percent: 12.5 }, { selector: { tier: edge } }]
                  successThreshold: 0.9
                  errorThreshold: 0.2
                  approval: true
                  windows: [{ days: [mon], from: "22:00", to: "06:00", offset: "+01:00" }]
                  soakSeconds: 30
                  waitSeconds: 60
                  gates:
                    pastSeconds: 120
                    leastFrames: 50
                    accuracyDrop: 0.02
                    attainmentDrop: 0.03
                    p50Ratio: 1.2
                    p99Ratio: 1.5
                    restartsPerBoard: 0.5
                """), file: "r")
        #expect(
            plan
                == RolloutPlan(
                    name: "r", groups: [.boards(1), .percent(12.5), .selector(["tier": "edge"])],
                    successThreshold: 0.9, errorThreshold: 0.2, needsApproval: true,
                    windows: [PolicyWindow(days: [0], fromMinute: 1_320, toMinute: 360, offsetMinutes: 60)],
                    soakSeconds: 30, waitSeconds: 60,
                    gates: RolloutGates(
                        pastSeconds: 120, leastFrames: 50, accuracyDrop: 0.02, attainmentDrop: 0.03, p50Ratio: 1.2,
                        p99Ratio: 1.5, restartsPerBoard: 0.5)))
    }

    @Test(arguments: [
        ("  groups: []", "spec.groups"), ("  groups: [{ boards: 0 }]", "spec.groups[0].boards"),
        ("  groups: [{ boards: 1, percent: 5 }]", "spec.groups[0]"),
        ("  groups: [{ percent: 0 }]", "spec.groups[0].percent"), ("  groups: [{}]", "spec.groups[0]"),
        ("  successThreshold: 0", "spec.successThreshold"), ("  errorThreshold: 1.1", "spec.errorThreshold"),
        ("  approval: yes", "spec.approval"), ("  approval: \"true\"", "spec.approval"),
        ("  waitSeconds: 0", "spec.waitSeconds"), ("  soakSeconds: -1", "spec.soakSeconds"),
        ("  gates: {}", "spec.gates"), ("  gates: { leastFrames: 5 }", "spec.gates"),
        ("  gates: { p99Ratio: 0.5 }", "spec.gates.p99Ratio"), ("  gate: { p99Ratio: 2 }", "spec"),
    ])
    func whatDepartsFromTheFormIsRefusedByField(spec: String, field: String) {
        do {
            _ = try RolloutFile.parse(Self.text(spec), file: "r")
            Issue.record("\(spec) is taken")
        } catch { #expect(error.field == field && error.line >= 4, "\(error)") }
    }

    @Test func groupsAreLimited() {
        let limit = FleetLimits.groupsPerRollout
        for count in [limit, limit + 1] {
            let groups = Array(repeating: "{ boards: 1 }", count: count).joined(separator: ", ")
            let isTaken = (try? RolloutFile.parse(Self.text("  groups: [\(groups)]"), file: "r")) != nil
            #expect(isTaken == (count == limit))
        }
    }

    @Test func groupsTakeWhatIsLeft() throws {
        let boards = try (0..<10).map { index in
            (id: try #require(BoardID("b\(index)")), labels: index < 4 ? ["tier": "edge"] : [:])
        }
        let groups = RolloutGroupRule.groups(
            of: boards.reversed(),
            by: [.boards(1), .selector(["tier": "edge"]), .percent(25), .selector(["no": "one"])])
        let names = groups.map { $0.map(\.rawValue) }
        #expect(names == [["b0"], ["b1", "b2", "b3"], ["b4", "b5", "b6"], ["b7", "b8", "b9"]])
        #expect(RolloutGroupRule.groups(of: boards, by: []).map(\.count) == [10])
        #expect(RolloutGroupRule.groups(of: boards, by: [.boards(50)]).map(\.count) == [10])
    }
}
