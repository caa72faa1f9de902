import Engine
import Supernets
import NetworkParts

/// Whether a gate saves more time than it takes: a gate that hardly ever decides at a budget only costs there, and is
/// not run.
///
/// What it takes was measured; how often it decides is read off its samples. What an early exit saves is the way to the
/// next exit only, for most inputs that could end here could end there.
enum GateWorth {
    private static let mostSamples = 1_000

    /// The least budget at which the gate of a hook is worth its time: 0 where that is not known, infinite where there
    /// is none.
    static func smallestBudget(of index: Int, in hooks: [HookState.Hook]) -> Float {
        let hook = hooks[index]
        guard let overhead = hook.overheadMicroseconds, let gate = hook.usableGate, let samples = hook.samples,
            samples.count > 0, samples.featureCount == gate.features
        else { return 0 }
        let share = overhead / saving(of: index, in: hooks)
        guard share <= 1 else { return .infinity }
        let compiled = CompiledGate(gate)
        // Some hundreds tell the share well enough.
        let step = max(1, samples.count / Self.mostSamples)
        let predictions = stride(from: 0, to: samples.count, by: step).map { sample in
            samples.features(sample).withUnsafeBufferPointer { $0.baseAddress.map(compiled.predict) ?? 1 }
        }.sorted()
        return predictions[max(0, Int((share * Double(predictions.count)).rounded(.up)) - 1)]
    }

    private static func saving(of index: Int, in hooks: [HookState.Hook]) -> Double {
        let point = hooks[index].point
        guard point.kind == .exit else { return max(point.microseconds, 0) }
        let next = hooks.filter {
            $0.point.kind == .exit && $0.usableGate != nil && $0.point.parts.lowerBound > point.parts.lowerBound
        }.max { $0.point.microseconds < $1.point.microseconds }
        return max(point.microseconds - (next?.point.microseconds ?? 0), 0)
    }
}

extension BlockNetwork {
    /// Median microseconds that every gate takes with all that it reads, by the index of its hook.
    public func measureOverheads(repeats: Int) -> [Double] {
        precondition(repeats > 0, "\(repeats) repeats")
        var times = [[UInt64]](repeating: [], count: placeCount)
        let image = TestImage(plan.inputShape)
        for run in 0..<repeats + InterleavedTimer.warmUpRuns {
            session.place(image.values)
            for part in plan.parts.indices {
                for place in places[part] {
                    forgetFeatures()
                    let start = PlanTimer.now()
                    if let gate = gates.gates[place.index] { _ = predict(place, gate) }
                    if run >= InterleavedTimer.warmUpRuns { times[place.index].append(PlanTimer.now() - start) }
                }
                session.perform(plan.parts[part])
            }
        }
        return times.map { Double($0.sorted()[$0.count / 2]) / 1_000 }
    }
}
