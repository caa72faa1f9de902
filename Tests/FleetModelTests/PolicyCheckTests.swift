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

    @Test func selectorThatMatchesNothingIsAWarning() {
        let findings = PolicyCheck.findings(for: Samples.policy("p", selector: ["tier": "x"]), boards: boards)
        #expect(findings.map(\.severity) == [.warning])
        #expect(findings.first?.reason.contains("tier=x") == true)
        #expect(findings.first?.model == nil)
    }

    @Test func modelThatOnlyOtherBoardsCarryIsAWarning() {
        let findings = PolicyCheck.findings(
            for: Samples.policy("p", selector: ["tier": "edge"], models: ["detector"]), boards: boards)
        #expect(findings.map(\.severity) == [.warning])
        #expect(findings.first?.model == "detector")
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
