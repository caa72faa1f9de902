import FleetModel
import Testing

@Suite struct PolicyDemandCheckTests {
    private static func board(_ name: String, demand: PointDemand?) -> BoardDescription {
        var board = Samples.description(name)
        board.models[0].points[0].demand = demand
        return board
    }

    private static func findings(
        _ boards: [BoardDescription], memory: UInt64? = nil, energy: Double? = nil
    ) -> [PolicyFinding] {
        var policy = Samples.policy("p")
        (policy.models[0].memoryBytes, policy.models[0].energyMillijoules) = (memory, energy)
        return PolicyCheck.findings(for: policy, boards: boards)
    }

    /// A limit that no point of the model says anything of is met by all of them, and that is said.
    @Test(arguments: [nil, PointDemand(threads: 2)]) func aLimitOnWhatNoPointStatesIsSaidToBindNothing(
        demand: PointDemand?
    ) {
        let findings = Self.findings([Self.board("a", demand: demand)], memory: 3, energy: 0.000001)
        #expect(findings.map(\.severity) == [.warning, .warning])
        #expect(findings.map(\.field) == ["spec.models[0].memoryBytes", "spec.models[0].energyMillijoules"])
        #expect(
            findings.map(\.reason) == [
                "model classifier: no point of it on a board that the policy selects states demand.memoryBytes, so "
                    + "that the limit of 3 bytes binds nothing there",
                "model classifier: no point of it on a board that the policy selects states "
                    + "demand.energyMillijoules, so that the limit of 1e-06 mJ binds nothing there",
            ])
    }

    @Test func whatPointsStateIsEnough() {
        let board = Self.board("a", demand: PointDemand(memoryBytes: 1, energyMillijoules: 2))
        #expect(Self.findings([board], memory: 3, energy: 1).isEmpty)
        #expect(Self.findings([Self.board("a", demand: nil)]).isEmpty, "no limit is asked for")
    }

    @Test func boardsThatSayNothingAreCounted() {
        let boards = [
            Self.board("a", demand: PointDemand(memoryBytes: 1)), Self.board("c", demand: nil),
            Self.board("b", demand: nil),
        ]
        let findings = Self.findings(boards, memory: 3)
        #expect(findings.count == 1 && findings[0].severity == .warning)
        #expect(
            findings[0].reason.contains("on 2 of the 3 boards that the policy selects, b first, no point of it states"))
        // Boards that do not carry the model have no say.
        let other = Samples.description("d", models: ["detector"])
        #expect(Self.findings([boards[0], other], memory: 3).isEmpty)
    }
}
