import AgentCore
import Testing

/// More frames than the processor can serve at the smallest points: as many as can be are in time, of the most
/// important models first.
@Suite struct OverloadTests {
    private struct Stream {
        var framesPerSecond: Double
        var constraint = 40.0
        var priority = 1
        var run = 10.0
        /// Else there is a point above that takes half as long again.
        var hasOnePoint = false
    }

    /// On virtual time, every run as long as on the idle board.
    /// - Returns: of each model, the shares of its frames that were in time, that were run, and that ran at the higher
    ///   point.
    private func served(
        _ streams: [Stream], seconds: Double = 20
    ) -> [(inTime: Double, run: Double, high: Double)] {
        var manager = BoardManager(
            models: streams.map {
                .init(
                    framesPerSecond: $0.framesPerSecond, idleMilliseconds: [$0.run, 1.5 * $0.run],
                    accuracies: [0.8, 0.9])
            })
        for (model, stream) in streams.enumerated() {
            manager.modelAssigned(
                model,
                .init(
                    constraintMilliseconds: stream.constraint, percentile: 99, priority: stream.priority, lowest: 0,
                    highest: stream.hasOnePoint ? 0 : 1), atMilliseconds: 0)
        }
        var scheduler = BoardScheduler(manager, models: streams.count, capacity: 8)
        var (now, arrived) = (0.0, streams.map { _ in 0 })
        var (inTime, run, high) = (arrived, arrived, arrived)
        func arrival(_ model: Int) -> Double { Double(arrived[model]) * 1_000 / streams[model].framesPerSecond }
        while now < 1_000 * seconds {
            for model in streams.indices {
                while arrival(model) <= now {
                    scheduler.arrived(
                        .init(
                            model: model, index: UInt64(arrived[model]), arrival: arrival(model),
                            deadline: arrival(model) + streams[model].constraint))
                    arrived[model] += 1
                }
            }
            guard let turn = scheduler.next(atMilliseconds: now) else {
                now = streams.indices.map(arrival).min() ?? .infinity
                continue
            }
            let service = streams[turn.frame.model].run * (turn.point == 0 ? 1 : 1.5)
            now += service
            run[turn.frame.model] += 1
            high[turn.frame.model] += turn.point
            inTime[turn.frame.model] += now <= turn.frame.deadline ? 1 : 0
            scheduler.completed(
                turn.frame, point: turn.point, serviceMilliseconds: service, atMilliseconds: now)
        }
        return streams.indices.map { model in
            let waiting = Double(arrived[model])
            #expect(Double(run[model]) + Double(scheduler.dropped(of: model)) >= waiting - 8)
            return (Double(inTime[model]) / waiting, Double(run[model]) / waiting, Double(high[model]) / waiting)
        }
    }

    @Test func anOverloadOfAFewPerCentCostsAFewPerCent() {
        let served = served([Stream(framesPerSecond: 53), Stream(framesPerSecond: 53)])
        #expect((served[0].inTime + served[1].inTime) / 2 > 0.93, "\(served)")
    }

    @Test func halfOfATwofoldLoadIsInTime() {
        let served = served([Stream(framesPerSecond: 1_000, constraint: 20, run: 2)])
        #expect(served[0].inTime > 0.48, "\(served)")
    }

    @Test(arguments: [[1, 100], [100, 1]]) func whatIsLessImportantGivesWay(priorities: [Int]) {
        let served = served(priorities.map { Stream(framesPerSecond: 70, priority: $0) })
        let (most, least) = priorities[0] > 1 ? (served[0], served[1]) : (served[1], served[0])
        #expect(most.inTime > 0.98 && least.inTime > 0.2, "\(served)")
    }

    /// What is late anyway harms no stream that need not be, be that more important or as important.
    @Test(arguments: [1, 100]) func whatIsLateAnywayIsNotInTheWay(priority: Int) {
        let served = served([
            Stream(framesPerSecond: 9, constraint: 60, run: 70),
            Stream(framesPerSecond: 20, constraint: 100, priority: priority, run: 2),
        ])
        #expect(served[0].inTime == 0 && served[0].run > 0.5, "\(served)")
        #expect(served[1].inTime > 0.99, "\(served)")
    }

    /// 80 ms are longer than a frame of the other stream can wait that is due, whenever it comes.
    @Test func whatIsLateAnywayWaitsForWhatIsDue() {
        let slow = Stream(framesPerSecond: 9, constraint: 60, run: 80)
        let important = Stream(framesPerSecond: 20, constraint: 70, priority: 100, run: 2)
        let served = served([slow, important])
        #expect(served[1].inTime == 1, "\(served)")
        #expect(self.served([slow, Stream(framesPerSecond: 0.1, constraint: 70, priority: 100, run: 2)])[0].run > 0.9)
    }

    /// Nobody else would tell that the board has become fast enough.
    @Test func whatCanNeverBeInTimeIsRun() {
        let served = served([Stream(framesPerSecond: 60, constraint: 8), Stream(framesPerSecond: 30)])
        #expect(served[0].inTime == 0 && served[0].run > 0.3, "\(served)")
    }

    /// Where one is late for another's only point, or for its own constraint, that would not be better if those which
    /// are in nobody's way ran lower.
    @Test(arguments: [20.0, 1]) func whatNoPlanCanHelpHoldsNobodyDown(constraint: Double) {
        let served = served([
            Stream(framesPerSecond: 10, constraint: 90, run: 22, hasOnePoint: true),
            Stream(framesPerSecond: 31, constraint: constraint, run: 2, hasOnePoint: true),
            Stream(framesPerSecond: 10, constraint: 500, run: 2),
        ])
        #expect(served[1].inTime < 0.98, "\(served)")
        #expect(served[2].inTime == 1 && served[2].high > 0.95, "\(served)")
    }

    /// Here it would: a longer run is in the way of what has no time to wait.
    @Test func whatWouldBeWorseStaysLow() {
        let served = served([
            Stream(framesPerSecond: 10, constraint: 90, run: 22, hasOnePoint: true),
            Stream(framesPerSecond: 31, constraint: 20, run: 2, hasOnePoint: true),
            Stream(framesPerSecond: 10, constraint: 500, run: 16),
        ])
        #expect(served[2].high < 0.05, "\(served)")
    }
}
