import CoordinatorCore
import FleetModel
import Testing

@Suite struct PolicyWatchTests {
    private typealias Watch = PolicyWatch<ContinuousClock.Instant>

    private let start = ContinuousClock.now

    @Test func itWaitsUntilNoBoardHasComeForAWhile() {
        var watch = Watch()
        #expect(!watch.isDue(at: start + .seconds(1_000)))
        watch.changed(at: start)
        #expect(!watch.isDue(at: start + .seconds(9)) && watch.isDue(at: start + Watch.quiet))
        watch.changed(at: start + .seconds(9))
        #expect(!watch.isDue(at: start + .seconds(18)))
        // Boards that come and go without an end do not put it off for ever.
        for second in stride(from: 10, to: 70, by: 5) { watch.changed(at: start + .seconds(second)) }
        #expect(watch.isDue(at: start + Watch.patience))
        _ = watch.look([], boards: [])
        #expect(!watch.isDue(at: start + Watch.patience))
    }

    @Test func aPolicyThatWasAppliedAheadIsLookedAtWhenBoardsCome() {
        var watch = Watch()
        let fitting = Samples.policy("a")
        let lost = Samples.policy("b", selector: ["tier": "x"])
        let mistyped = Samples.policy("c", models: ["clasifier"])
        let policies = [fitting, lost, mistyped]
        #expect(watch.look(policies, boards: []).isEmpty)
        var bare = Samples.board()
        bare.models = []
        #expect(watch.look(policies, boards: [bare]).isEmpty)

        let said = watch.look(policies, boards: [Samples.board()])
        #expect(
            said == [
                "policy b: no board carries tier=x",
                "policy c: model clasifier: no board has it deployed (deployed: classifier)",
            ])
        // Once, and again when it is otherwise.
        #expect(watch.look(policies, boards: [Samples.board()]).isEmpty)
        let more = [Samples.board(), Samples.board("b", models: ["detector"])]
        #expect(watch.look(policies, boards: more).map { $0.contains("classifier, detector") } == [true])
        #expect(watch.look([fitting], boards: more).isEmpty)
        #expect(watch.look(policies, boards: more).count == 2)
    }
}
