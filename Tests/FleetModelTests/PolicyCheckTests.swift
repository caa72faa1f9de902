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
}
