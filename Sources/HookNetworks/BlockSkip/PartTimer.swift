public import Engine
import Supernets
public import NetworkParts

/// Measures how long each part of a network takes on this machine, one thread.
public enum PartTimer {
    /// Median microseconds of every part.
    public static func measure(_ plan: SectionedPlan, repeats: Int) -> [Double] {
        precondition(repeats > 0, "\(repeats) repeats")
        let session = SectionedSession(for: plan)
        let image = TestImage(plan.inputShape)
        var times = plan.parts.map { _ in [UInt64]() }
        for run in 0..<repeats + InterleavedTimer.warmUpRuns {
            session.place(image.values)
            for (index, part) in plan.parts.enumerated() {
                let start = PlanTimer.now()
                session.perform(part)
                if run >= InterleavedTimer.warmUpRuns { times[index].append(PlanTimer.now() - start) }
            }
        }
        return times.map { Double($0.sorted()[$0.count / 2]) / 1_000 }
    }
}
