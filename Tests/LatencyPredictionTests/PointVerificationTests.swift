import LatencyPrediction
import SearchSpace
import Testing

@Suite struct PointVerificationTests {
    /// Subnets that differ in resolution, predicted to take 5, 10, 15 … ms and more accurate the slower.
    private let candidates = (0..<17).map { place in
        var subnet = SearchSpace.ofaMobileNetV3.smallest
        subnet.resolution = 100 + place
        return PredictedSubnet(
            configuration: subnet, accuracy: 0.5 + 0.01 * Double(place), latencyMilliseconds: Double(5 * (place + 1)))
    }

    private func reading(_ milliseconds: Double, spread: Double = 0) -> LatencyReading {
        LatencyReading(batches: [-1, -0.5, 0, 0.5, 1].map { milliseconds * (1 + spread * $0) })
    }

    /// Asks until it is decided, with boards that take `milliseconds` of what is predicted.
    private func verify(
        limit: Double, among candidates: [PredictedSubnet]? = nil,
        _ milliseconds: (PredictedSubnet) -> LatencyReading?
    ) -> (decision: PointVerification.Decision, asked: [PredictedSubnet]) {
        let candidates = candidates ?? self.candidates
        var readings: [SubnetConfiguration: LatencyReading] = [:]
        var asked: [PredictedSubnet] = []
        while true {
            let decision = PointVerification.decision(
                limit: limit, candidates: candidates, readings: readings, spent: Set(asked.map(\.configuration)),
                correction: PointVerification.correction(
                    asked.compactMap { one in
                        readings[one.configuration].map { (predicted: one.latencyMilliseconds, reading: $0) }
                    }))
            guard case .measure(let subnet) = decision else { return (decision, asked) }
            asked.append(subnet)
            readings[subnet.configuration] = milliseconds(subnet)
        }
    }

    @Test func aTableThatIsRightCostsOneMeasurement() {
        let (decision, asked) = verify(limit: 21) { reading($0.latencyMilliseconds) }
        #expect(asked.map(\.latencyMilliseconds) == [20])
        #expect(decision == .publish(candidates[3], reading(20)))
    }

    /// A clock that jumps makes three batches of ten a fifth slower: medians say nothing of that.
    @Test func aClockThatJumpsLeavesFewPointsOut() {
        let many = (0..<500).map { place in
            var subnet = SearchSpace.ofaMobileNetV3.smallest
            subnet.resolution = 100 + place
            let predicted = 0.07 + 0.0005 * Double(place)
            return PredictedSubnet(configuration: subnet, accuracy: predicted, latencyMilliseconds: predicted)
        }
        let seed: UInt64 = 20_261_123
        var generator = SeededGenerator(seed: seed)
        var (published, sum) = (0, 0.0)
        for _ in 0..<200 {
            let (decision, asked) = verify(limit: 0.2, among: many) { subnet in
                LatencyReading(
                    batches: (0..<5).map { _ in
                        let isSlow = Double.random(in: 0..<1, using: &generator) < 0.3
                        let noise = Double.random(in: -0.01...0.01, using: &generator)
                        return subnet.latencyMilliseconds * (1 + noise) * (isSlow ? 1.19 : 1)
                    })
            }
            #expect(asked.count <= 6)
            guard case .publish(let subnet, let reading) = decision else { continue }
            #expect(PointVerification.keeps(reading, 0.2))
            published += 1
            sum += subnet.latencyMilliseconds
        }
        #expect(published >= 190, "\(published) of 200, seed \(seed)")
        #expect(sum / Double(max(1, published)) > 0.14, "points are not given away")
    }

    /// What batches vary is believed of all where it was seen in some.
    @Test func fiveBatchesThatAgreeByChanceAreNotBelieved() {
        let wide = reading(30, spread: 0.1)
        let quiet = reading(20)
        let decision = { (readings: [SubnetConfiguration: LatencyReading]) in
            PointVerification.decision(
                limit: 20.5, candidates: self.candidates, readings: readings,
                spent: Set(readings.keys), correction: 1)
        }
        let (fourth, sixth) = (candidates[3].configuration, candidates[5].configuration)
        #expect(decision([fourth: quiet]) == .publish(candidates[3], quiet))
        guard case .measure(let next) = decision([fourth: quiet, sixth: wide]) else {
            Issue.record("published by chance")
            return
        }
        #expect(next.latencyMilliseconds < 20)
    }

    @Test func aTableThatIsWrongByAFactorCostsTwo() {
        let (decision, asked) = verify(limit: 21) { reading(1.5 * $0.latencyMilliseconds) }
        #expect(asked.map(\.latencyMilliseconds) == [20, 10])
        #expect(decision == .publish(candidates[1], reading(15)))
    }

    /// What keeps the constraint by less than measurements vary is not published.
    @Test func whatLaterMeasurementsMayBreakIsLeftOut() {
        let (decision, _) = verify(limit: 20.1, among: [candidates[3]]) { reading($0.latencyMilliseconds) }
        let near = "the fastest of 1 measured subnets takes 20.0 ms of 20.1, too near to it for what varies: up to"
        #expect(decision == .leaveOut(near + " 20.24 ms"))
        let (wide, _) = verify(limit: 21, among: [candidates[3]]) { reading($0.latencyMilliseconds, spread: 0.04) }
        #expect(wide == .leaveOut(near.replacing("20.1", with: "21.0") + " 22.064 ms"))
        let (narrow, _) = verify(limit: 21, among: [candidates[3]]) { reading($0.latencyMilliseconds, spread: 0.01) }
        #expect(narrow == .publish(candidates[3], reading(20, spread: 0.01)))
    }

    @Test func afterSixMeasurementsThePointIsLeftOut() {
        let (decision, asked) = verify(limit: 61) { reading(70 + $0.latencyMilliseconds) }
        #expect(asked.count == 6 && Set(asked).count == 6)
        #expect(decision == .leaveOut("the fastest of 6 measured subnets takes 75.0 ms of 61.0"))
    }

    @Test func subnetsThatCannotBeMeasuredCountButAreNotPublished() {
        let (decision, asked) = verify(limit: 61) { _ in nil }
        #expect(asked.count == 6)
        guard case .leaveOut(let reason) = decision else { return #expect(Bool(false), "\(decision)") }
        #expect(reason == "none of \(asked.count) subnets could be measured")
    }

    @Test func withoutALimitTheBestIsMeasuredAndPublished() {
        let best = candidates[candidates.count - 1]
        let (decision, asked) = verify(limit: .infinity) { reading(9 * $0.latencyMilliseconds) }
        #expect(asked == [best])
        #expect(decision == .publish(best, reading(9 * best.latencyMilliseconds)))
    }

    /// Boards with any factor and any error of prediction: what is published keeps its constraint, in six
    /// measurements at most, and where a factor alone is wrong something is published.
    @Test(arguments: [UInt64(1), 2, 3, 4])
    func whatIsPublishedKeepsItsConstraint(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for trial in 0..<300 {
            let factor = Double.random(in: 0.4...2.5, using: &generator)
            let error = trial.isMultiple(of: 2) ? 0 : Double.random(in: 0...0.4, using: &generator)
            let errors = Dictionary(
                uniqueKeysWithValues: candidates.map {
                    ($0.configuration, 1 + Double.random(in: -1...1, using: &generator) * error)
                })
            let limit = Double.random(in: 15...80, using: &generator)
            let (decision, asked) = verify(limit: limit) { subnet in
                reading(subnet.latencyMilliseconds * factor * (errors[subnet.configuration] ?? 1))
            }
            #expect(asked.count <= 6 && Set(asked).count == asked.count, "seed \(seed), trial \(trial)")
            switch decision {
            case .publish(_, let reading): #expect(reading.median < limit, "seed \(seed), trial \(trial)")
            case .leaveOut: #expect(error > 0, "seed \(seed), trial \(trial): \(factor) of \(limit)")
            case .measure: Issue.record("not decided")
            }
        }
    }
}
