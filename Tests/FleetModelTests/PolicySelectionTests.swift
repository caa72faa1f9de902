import FleetModel
import Testing

@Suite struct PolicySelectionTests {
    private let board = Samples.description("b", labels: ["tier": "edge"], models: ["detector", "classifier", "spare"])

    @Test func firstPolicyByNameThatSelectsAndNamesTheModelRulesIt() {
        let policies = [
            Samples.policy("z", models: ["classifier", "detector"], milliseconds: 1),
            Samples.policy("b", selector: ["tier": "edge"], models: ["classifier"], milliseconds: 2),
            Samples.policy("a", selector: ["tier": "core"], models: ["classifier"], milliseconds: 3),
            Samples.policy("c", models: ["unknown"], milliseconds: 4),
        ]

        for order in [policies, policies.reversed()] {
            let rules = PolicySelection.rules(for: board, policies: order)
            #expect(rules.map(\.model.model) == ["classifier", "detector"])
            #expect(rules.map(\.policy) == ["b", "z"])
        }
    }

    @Test func withoutPoliciesNothingIsRuled() {
        #expect(PolicySelection.rules(for: board, policies: []).isEmpty)
    }
}
