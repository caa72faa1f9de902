import FleetModel
import Testing

@Suite struct PolicyCheckTests {
    private let boards = [
        Samples.description("a", labels: ["tier": "edge"], models: ["classifier"]),
        Samples.description("b", labels: ["tier": "core"], models: ["detector"]),
    ]

    @Test func fittingPolicyHasNoFindings() {
        #expect(PolicyCheck.findings(for: Samples.policy("p"), boards: boards).isEmpty)
    }

    @Test func modelThatNoBoardCarriesIsRefusedByName() {
        let findings = PolicyCheck.findings(for: Samples.policy("p", models: ["clasifier"]), boards: boards)
        #expect(findings.map(\.severity) == [.refusal])
        #expect(findings.first?.model == "clasifier")
        #expect(findings.first?.reason.contains("classifier, detector") == true)
    }

    @Test func selectorThatMatchesNothingIsRefused() {
        let findings = PolicyCheck.findings(for: Samples.policy("p", selector: ["tier": "x"]), boards: boards)
        #expect(findings.map(\.severity) == [.refusal])
        #expect(findings.first?.reason.contains("tier=x") == true)
        #expect(findings.first?.model == nil && findings.first?.field == "spec.selector")
    }

    @Test func modelThatOnlyOtherBoardsCarryIsRefused() {
        let findings = PolicyCheck.findings(
            for: Samples.policy("p", selector: ["tier": "edge"], models: ["detector"]), boards: boards)
        #expect(findings.map(\.severity) == [.refusal])
        #expect(findings.first?.model == "detector" && findings.first?.field == "spec.models[0].model")
    }

    @Test func refusalsNameLineAndField() {
        let text = """
            apiVersion: shoal/v2
            kind: Policy
            metadata: { name: p }
            spec:
              models:
                - model: classifier
                  latency: { milliseconds: 5 }
                - latency: { milliseconds: 5 }
                  model: clasifier
            """
        let findings = PolicyCheck.findings(
            for: Samples.policy("p", models: ["classifier", "clasifier"]), boards: boards)
        #expect(
            findings.map { $0.refusal(of: "p", in: text, file: "p.yaml").description } == [
                "p.yaml:9: spec.models[1].model: model clasifier: no board has it deployed "
                    + "(deployed: classifier, detector)"
            ])
    }

    @Test func emptyFleetIsAWarningSoThatPoliciesCanComeFirst() {
        #expect(PolicyCheck.findings(for: Samples.policy("p"), boards: []).map(\.severity) == [.warning])
    }

    @Test func modelThatAnEarlierPolicyRulesIsAWarningThatNamesIt() {
        let findings = PolicyCheck.findings(
            for: Samples.policy("p"), boards: boards, others: [Samples.policy("o"), Samples.policy("q")])
        #expect(findings.map(\.severity) == [.warning])
        #expect(findings.first?.reason.contains("policy o") == true)
    }

    @Test func replacingAPolicyIsNotAConflictWithItself() {
        #expect(
            PolicyCheck.findings(for: Samples.policy("p"), boards: boards, others: [Samples.policy("p")]).isEmpty)
    }

    /// Before the first board there are still packages and other policies to look at.
    @Test func aheadOfBoardsPackagesAndOtherPoliciesAreLookedAt() {
        let policy = Samples.policy("p", selector: ["tier": "edge"], models: ["classifier", "detector"])
        #expect(PolicyCheck.findings(for: policy, boards: []).count == 1)
        let findings = PolicyCheck.findings(for: policy, boards: [], packages: ["detector", "other"])
        #expect(findings.map(\.severity) == [.warning, .warning])
        #expect(findings.last?.field == "spec.models[0].model")
        #expect(findings.last?.reason.contains("no package of it is deployed (deployed: detector, other)") == true)

        var first = Samples.policy("a", models: ["detector"])
        let shadowed = PolicyCheck.findings(for: policy, boards: [], others: [first])
        #expect(shadowed.last?.reason == "model detector: policy a rules it on every board")
        for change in [
            { (policy: inout Policy) in policy.name = "q" }, { $0.selector = ["site": "x"] },
            { $0.windows = [PolicyWindow(days: [0], fromMinute: 0, toMinute: 1)] },
        ] {
            var other = first
            change(&other)
            #expect(PolicyCheck.findings(for: policy, boards: [], others: [other]).count == 1)
        }
        first.selector = ["tier": "edge"]
        #expect(PolicyCheck.findings(for: policy, boards: [], others: [first]).count == 2)
    }

    @Test func aReserveOfPowerThatNoBoardHasIsSaid() {
        var policy = Samples.policy("p")
        policy.reserve = BoardReserve(watts: 1)
        var board = Samples.description("a")
        #expect(PolicyCheck.findings(for: policy, boards: [board]).map(\.field) == ["spec.reserve.watts"])
        board.watts = 5
        #expect(PolicyCheck.findings(for: policy, boards: [board]).isEmpty)
    }

    /// The class of a board is no label that it chooses; one that it has of that name comes first.
    @Test func aSelectorMayNameTheClass() {
        let policy = Samples.policy("p", selector: [Policy.classLabel: "test"])
        #expect(policy.selects(Samples.description("a")))
        #expect(!policy.selects(Samples.description("a", labels: [Policy.classLabel: "other"])))
        #expect(!Samples.policy("p", selector: [Policy.classLabel: "other"]).selects(Samples.description("a")))
    }
}
