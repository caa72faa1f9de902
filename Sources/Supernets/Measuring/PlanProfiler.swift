public import Engine

/// Where the time of a plan goes, operation by operation, on one thread.
public enum PlanProfiler {
    public struct Row: Sendable {
        public let step: Plan.Step
        public let operation: PlanOperation
        public let medianMicroseconds: Double
    }

    public static func profile(_ plan: Plan, repeats: Int) -> [Row] {
        precondition(repeats > 0, "\(repeats) repeats")
        let session = Session(for: [plan])
        let image = TestImage(plan.inputShape)
        var runs: [[UInt64]] = []
        var instants = [UInt64](repeating: 0, count: plan.operations.count + 1)
        for run in 0..<repeats + InterleavedTimer.warmUpRuns {
            session.run(plan, on: image.values, writing: &instants, clock: PlanTimer.now)
            if run >= InterleavedTimer.warmUpRuns { runs.append(instants) }
        }
        return plan.operations.indices.map { index in
            let times = runs.map { $0[index + 1] - $0[index] }.sorted()
            return Row(
                step: plan.steps[index], operation: plan.operations[index],
                medianMicroseconds: Double(times[times.count / 2]) / 1e3)
        }
    }
}
