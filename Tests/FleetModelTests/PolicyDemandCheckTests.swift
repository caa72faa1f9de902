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

    // MARK: Reserves

    private static func findings(
        reserving reserve: BoardReserve, _ boards: [BoardDescription], others: [Policy] = []
    ) -> [PolicyFinding] {
        var policy = Samples.policy("p")
        policy.reserve = reserve
        return PolicyCheck.findings(for: policy, boards: boards, others: others)
    }

    private static func board(_ name: String, watts: Double?, demand: PointDemand?) -> BoardDescription {
        var board = board(name, demand: demand)
        board.watts = watts
        return board
    }

    /// A reserve is kept by what points ask for; where none says what, nothing is kept, and that is said.
    @Test(arguments: [nil, PointDemand(threads: 2)]) func aReserveOfWhatNoPointStatesIsSaidToBindNothing(
        demand: PointDemand?
    ) {
        let board = Self.board("a", watts: 5, demand: demand)
        let findings = Self.findings(reserving: BoardReserve(memoryBytes: 1_000, watts: 4.999), [board])
        #expect(findings.map(\.severity) == [.warning, .warning])
        #expect(findings.map(\.field) == ["spec.reserve.memoryBytes", "spec.reserve.watts"])
        #expect(
            findings.map(\.reason) == [
                "policy p: no point of any ruled model on a board that the policy selects states "
                    + "demand.memoryBytes, so that the reserve of 1000 bytes binds nothing there",
                "policy p: no point of any ruled model on a board that the policy selects states "
                    + "demand.energyMillijoules, so that the reserve of 4.999 W binds nothing there",
            ])
        #expect(Self.findings(reserving: BoardReserve(cpu: 0.1), [board]).isEmpty, "CPU time is always known")
    }

    @Test func whatPointsOfAnyRuledModelStateIsEnoughForAReserve() {
        let both = BoardReserve(memoryBytes: 1_000, watts: 4)
        let stating = PointDemand(memoryBytes: 1, energyMillijoules: 2)
        #expect(Self.findings(reserving: both, [Self.board("a", watts: 5, demand: stating)]).isEmpty)
        // Of a model that another policy rules, too; of one that nobody rules it counts nothing.
        var board = Samples.description("b", models: ["classifier", "detector"])
        board.watts = 5
        board.models[1].points[0].demand = stating
        #expect(Self.findings(reserving: both, [board], others: [Samples.policy("q", models: ["detector"])]).isEmpty)
        #expect(Self.findings(reserving: both, [board]).count == 2)
    }

    @Test func onlyBoardsThatHaveSomethingToReserveAreLookedAt() {
        let boards = [
            Self.board("a", watts: nil, demand: nil), Self.board("b", watts: 5, demand: nil),
            Self.board("c", watts: 5, demand: PointDemand(energyMillijoules: 2)),
        ]
        let findings = Self.findings(reserving: BoardReserve(watts: 4), boards)
        #expect(findings.map(\.field) == ["spec.reserve.watts"])
        let place = "on 1 of the 2 boards that the policy selects, b first, no point of any ruled model states"
        #expect(findings.first?.reason.contains(place) == true)
        // A policy whose models are ruled first by another reserves nothing.
        let shadowed = Self.findings(reserving: BoardReserve(watts: 4), boards, others: [Samples.policy("o")])
        #expect(shadowed.map(\.field) == ["spec.models[0].model"])
    }
}
