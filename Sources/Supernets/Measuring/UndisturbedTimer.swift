public import Engine

/// Times runs of a plan beside other work on the same board: a run counts where nothing interrupted it, that is, where
/// it took hardly longer than the thread had the processor. What is left says how long the plan takes on an idle
/// board, on one thread, which is what operating points state.
public struct UndisturbedTimer: Sendable {
    public var batches = 5
    public var runsPerBatch = 20
    /// Runs of a batch, the interrupted ones among them, after which the board is too busy.
    public var attemptsPerBatch = 400
    /// Wall over processor time of a run that counts.
    public var interruption = 1.03
    /// Between batches, so that they see more than one moment of the board.
    public var pause: Duration = .milliseconds(40)

    private static let warmUps = 3
    /// What reading both clocks may take.
    private static let clockNanoseconds: UInt64 = 5_000

    public init() {}

    public enum Outcome: Equatable, Sendable {
        /// Median milliseconds of each batch.
        case measured([Double])
        case tooBusy(undisturbed: Int, runs: Int)
        case stopped
    }

    /// - Parameter goesOn: asked before every run.
    public func measure(_ plan: Plan, goesOn: () -> Bool = { true }) -> Outcome {
        let session = Session(for: [plan])
        let image = AlignedBuffer(count: plan.inputShape.channels * plan.inputShape.pixels)
        let input = UnsafeBufferPointer(start: UnsafePointer(image.base), count: image.count)
        for _ in 0..<Self.warmUps { _ = session.run(plan, on: input) }
        var medians: [Double] = []
        var times: [UInt64] = []
        for batch in 0..<batches {
            if batch > 0 { sleep() }
            times.removeAll(keepingCapacity: true)
            var attempts = 0
            while times.count < runsPerBatch {
                guard goesOn() else { return .stopped }
                guard attempts < attemptsPerBatch else { return .tooBusy(undisturbed: times.count, runs: attempts) }
                attempts += 1
                let (start, processorStart) = (PlanTimer.now(), PlanTimer.threadTime())
                _ = session.run(plan, on: input)
                let (processor, wall) = (PlanTimer.threadTime() - processorStart, PlanTimer.now() - start)
                if Double(wall) <= Double(processor) * interruption + Double(Self.clockNanoseconds) {
                    times.append(wall)
                }
            }
            times.sort()
            medians.append(Double(times[times.count / 2]) / 1e6)
        }
        return .measured(medians)
    }

    private func sleep() {
        let nanoseconds = pause.components.seconds * 1_000_000_000 + pause.components.attoseconds / 1_000_000_000
        PlanTimer.sleep(nanoseconds: nanoseconds)
    }
}
