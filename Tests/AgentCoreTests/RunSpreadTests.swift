import Testing

@testable import AgentCore

@Suite struct RunSpreadTests {
    private func spread(_ slowdowns: some Sequence<Double>) -> Double {
        var spread = RunSpread()
        for slowdown in slowdowns { spread.add(slowdown) }
        return spread.deviation
    }

    @Test func oneRunSaysNothing() {
        #expect(spread([]) == 0 && spread([3]) == 0 && spread([2, 2, 2]) == 0)
    }

    /// The standard deviation of runs drawn independently of each other, whatever their mean.
    @Test(arguments: [0.02, 0.1, 0.2], [0.5, 1, 8]) func isTheirStandardDeviation(deviation: Double, mean: Double) {
        let seed = UInt64.random(in: 0...1 << 50)
        var state = seed
        func uniform() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 11) / Double(1 << 53 as UInt64)
        }
        // Mean of many windows: one alone knows it to an eighth.
        let found = (0..<40).reduce(0.0) { sum, _ in
            sum + spread((0..<300).map { _ in mean * (1 + deviation * 12.squareRoot() * (uniform() - 0.5)) }) / 40
        }
        // What looks like somebody else is left out, of runs that vary by much some of their own.
        #expect(abs(found / deviation - 1) < (deviation > 0.1 ? 0.2 : 0.1), "seed \(seed): \(found)")
    }

    /// A board that is slower from now on, or for one run, does not vary for long.
    @Test func aStepCountsOnce() {
        let calm = (0..<64).map { 1 + 0.01 * Double($0 % 2) }
        let once = spread(calm + calm.map { 1.3 * $0 })
        #expect(once < 0.025, "\(once)")
        #expect(abs(spread(calm + calm.map { 3 * $0 }) - spread(calm + calm)) < 1e-4)
        #expect(spread(calm + [4] + calm) < 0.01)
    }

    @Test func moreRunsLieWithinMoreDeviations() {
        #expect(RunSpread.deviations(within: 0.5) == 0 && RunSpread.deviations(within: 0.2) == 0)
        #expect(RunSpread.deviations(within: 0.975) == 1.96)
        #expect(abs(RunSpread.deviations(within: 0.98) - (1.96 + 0.366 / 3)) < 1e-9)
        #expect(RunSpread.deviations(within: 1) == 3.5 && RunSpread.deviations(within: 2) == 3.5)
    }
}
