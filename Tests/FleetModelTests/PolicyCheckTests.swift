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

    /// A policy that is not always in force leaves the model to others at times.
    @Test func aPolicyWithWindowsRulesOnlyWhereTheWindowsAreTheSame() {
        var (policy, other) = (Samples.policy("p"), Samples.policy("o"))
        let night = PolicyWindow(days: [0], fromMinute: 180, toMinute: 240)
        other.windows = [night]
        #expect(PolicyCheck.findings(for: policy, boards: boards, others: [other]).isEmpty)
        #expect(PolicyCheck.findings(for: policy, boards: [], others: [other]).count == 1)
        policy.windows = [night]
        for boards in [boards, []] {
            let findings = PolicyCheck.findings(for: policy, boards: boards, others: [other])
            #expect(findings.last?.reason.contains("policy o rules it") == true)
        }
        policy.windows = [night, PolicyWindow(days: [1], fromMinute: 180, toMinute: 240)]
        #expect(PolicyCheck.findings(for: policy, boards: boards, others: [other]).isEmpty)
        other.windows = nil
        #expect(PolicyCheck.findings(for: policy, boards: boards, others: [other]).count == 1)
    }

    @Test func policiesThatRuleBoardsBetweenThemAreAllNamed() {
        let both = ["x", "y"].map { Samples.description($0, labels: ["site": $0]) }
        let others = ["x", "y"].map { Samples.policy("o\($0)", selector: ["site": $0]) }
        let findings = PolicyCheck.findings(for: Samples.policy("p"), boards: both, others: others)
        #expect(
            findings.map(\.reason) == [
                "model classifier: policies ox, oy rule it between them on every selected board, because of policies "
                    + "that select a board the first by name rules the model"
            ])
        #expect(PolicyCheck.findings(for: Samples.policy("p"), boards: both, others: [others[0]]).isEmpty)
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
        #expect(
            shadowed.last?.reason == "model detector: policy a rules it on every board, because of policies that "
                + "select a board the first by name rules the model")
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
        board.models[0].points[0].demand = PointDemand(energyMillijoules: 1)
        #expect(PolicyCheck.findings(for: policy, boards: [board]).map(\.field) == ["spec.reserve.watts"])
        board.watts = 5
        #expect(PolicyCheck.findings(for: policy, boards: [board]).isEmpty)
    }

    /// What leaves the models nothing everywhere is a mistake; somewhere, it may be meant.
    @Test(arguments: ["memoryBytes", "watts"])
    func aReserveOfAllThereIsIsRefused(field: String) {
        var policy = Samples.policy("p")
        var (small, large) = (Samples.description("a"), Samples.description("b"))
        (small.memoryBytes, large.memoryBytes, small.watts, large.watts) = (1_000, 2_000, 5, 10)
        for point in small.models[0].points.indices {
            small.models[0].points[point].demand = PointDemand(memoryBytes: 1, energyMillijoules: 1)
        }
        large.models = small.models
        func findings(_ share: Double, _ boards: [BoardDescription]) -> [String] {
            let isMemory = field == "memoryBytes"
            policy.reserve = BoardReserve(
                memoryBytes: isMemory ? UInt64(1_000 * share) : 0, watts: isMemory ? 0 : 5 * share)
            return PolicyCheck.findings(for: policy, boards: boards).map { "\($0.severity) \($0.field) \($0.reason)" }
        }
        #expect(findings(0.999, [small, large]).isEmpty && findings(0, [small]).isEmpty)
        let some = findings(1, [small, large])
        #expect(some.count == 1 && some[0].hasPrefix("warning spec.reserve.\(field) policy p: it reserves"))
        #expect(some[0].contains("1 of the 2 boards that it selects have no more, a with"))
        let all = findings(2, [small, large])
        #expect(all.count == 1 && all[0].hasPrefix("refusal spec.reserve.\(field) policy p: it reserves"))
        #expect(all[0].hasSuffix(field == "watts" ? "has more than 10 W" : "has more than 2000 bytes of memory"))
        // A board that does not say what it has may have more.
        (small.memoryBytes, small.watts) = (0, nil)
        #expect(findings(2, [small, large]).map { $0.prefix(7) } == ["warning"])
        #expect(findings(2, [small]).map { $0.prefix(7) } == (field == "watts" ? ["warning"] : []))
    }

    /// The class of a board is no label that it chooses; one that it has of that name comes first.
    @Test func aSelectorMayNameTheClass() {
        let policy = Samples.policy("p", selector: [Policy.classLabel: "test"])
        #expect(policy.selects(Samples.description("a")))
        #expect(!policy.selects(Samples.description("a", labels: [Policy.classLabel: "other"])))
        #expect(!Samples.policy("p", selector: [Policy.classLabel: "other"]).selects(Samples.description("a")))
    }
}
