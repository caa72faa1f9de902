public import Engine
import Fusion
import Supernets

/// Finds the assignments of precisions that gates choose among, on a stream's unlabelled images.
///
/// The cheapest has every convolution in the fastest form beside others of 8 bits. From there the greedy search goes
/// up: in every round each convolution alone is tried in a more exact form, in the context of those chosen before;
/// those that take most damage (total variation, mean over the images) away per microsecond lost are kept, one in the
/// first round and twice as many in each later one. Assignments are nested.
public struct PrecisionSearch {
    public struct Settings: Sendable {
        public var rounds = 4
        /// Runs of every plan that is timed; the shortest of each step counts.
        public var repeats = 12
        /// Mean damage below which nothing is left to mend.
        public var smallestDamage: Float = 0.0005

        public init() {}
    }

    /// Gives image `index` of the stream, valid until the next call.
    public typealias Images = (Int) -> UnsafeBufferPointer<Float>

    private let model: MixedPrecision
    private let settings: Settings
    private let count: Int
    private let images: Images
    private let progress: (Double) -> Void
    private let logits: [[Float]]

    /// - Parameter plain: the network without hooks, whose answers count as right.
    public init(
        _ model: MixedPrecision, plain: Plan, count: Int, settings: Settings = Settings(), images: @escaping Images,
        progress: @escaping (Double) -> Void
    ) {
        (self.model, self.settings, self.count, self.images) = (model, settings, count, images)
        self.progress = progress
        let session = Session(for: [plain])
        logits = (0..<count).map { Array(session.run(plain, on: images($0))) }
    }

    /// Masks from the cheapest up, the same before a section.
    public func masks(before section: Int) throws(HookRefusal) -> [PrecisionState.Mask] {
        var mask = model.steps.indices.map { model.choices($0).last ?? .fp32 }
        var costs = try PrecisionTimer.savings(model, base: mask, repeats: settings.repeats)
        // 8 bits are no gain everywhere, nor is whatever stands in where there are none.
        for (index, saved) in costs.enumerated() {
            if let best = saved.max(by: { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }), best.value > 0 {
                mask[index] = best.key
            }
        }
        costs = try PrecisionTimer.savings(model, base: mask, repeats: settings.repeats)
        var masks = [mask]
        for round in 0..<settings.rounds {
            guard let next = try improved(mask, by: 1 << round, costs, round) else { break }
            mask = next
            masks.append(mask)
        }
        // What comes before the choice is as exact as in the most exact of them.
        let first = model.firstCount(before: section)
        var result: [PrecisionState.Mask] = []
        for one in masks.map({ Array(mask[..<first] + $0[first...]) }) where result.last != one { result.append(one) }
        return result
    }

    private func improved(
        _ mask: PrecisionState.Mask, by number: Int, _ costs: [[Precision: Double]], _ round: Int
    ) throws(HookRefusal) -> PrecisionState.Mask? {
        let damage = try self.damage(of: mask)
        guard damage > settings.smallestDamage else { return nil }
        var found: [(index: Int, precision: Precision, worth: Double)] = []
        for index in mask.indices {
            var best: (index: Int, precision: Precision, worth: Double)?
            for precision in model.choices(index).prefix(while: { $0 != mask[index] }) {
                var other = mask
                other[index] = precision
                let gain = Double(damage - (try self.damage(of: other)))
                let worth = gain / max(-(costs[index][precision] ?? 0), 0.5)
                if gain > 0, worth > best?.worth ?? 0 { best = (index, precision, worth) }
            }
            if let best { found.append(best) }
            progress((Double(round) + Double(index + 1) / Double(mask.count)) / Double(settings.rounds))
        }
        guard !found.isEmpty else { return nil }
        var result = mask
        for one in found.sorted(by: { ($0.worth, $1.index) > ($1.worth, $0.index) }).prefix(number) {
            result[one.index] = one.precision
        }
        return result
    }

    /// Mean total variation from the plain network's answers.
    public func damage(of mask: PrecisionState.Mask) throws(HookRefusal) -> Float {
        let plan = try model.plan(mask)
        let session = Session(for: [plan])
        var sum: Float = 0
        for index in 0..<count {
            let output = session.run(plan, on: images(index))
            sum += logits[index].withUnsafeBufferPointer { Divergence.totalVariation($0, output) }
        }
        return sum / Float(max(1, count))
    }
}

/// Measures what the precision of single convolutions saves on this machine, one thread.
public enum PrecisionTimer {
    /// For every convolution what each other form saves, in microseconds, the conversions at its borders included;
    /// below 0 where it costs. The shortest of the runs of every step counts.
    /// - Parameter base: the precisions of the other convolutions.
    public static func savings(
        _ model: MixedPrecision, base: PrecisionState.Mask, repeats: Int
    ) throws(HookRefusal) -> [[Precision: Double]] {
        let reference = try model.plan(base)
        var result: [[Precision: Double]] = []
        for index in base.indices {
            var saved: [Precision: Double] = [:]
            for precision in model.choices(index) where precision != base[index] {
                var mask = base
                mask[index] = precision
                let plan = try model.plan(mask)
                let (before, after) = times(reference, plan, repeats)
                let touched = touched(by: index, model, reference, plan)
                saved[precision] = total(reference, before, touched) - total(plan, after, touched)
            }
            result.append(saved)
        }
        return result
    }

    /// Names of the groups that another precision of a convolution changes: its own, its neighbours', and conversions
    /// that only one of the plans has.
    private static func touched(
        by index: Int, _ model: MixedPrecision, _ first: Plan, _ second: Plan
    ) -> Set<String> {
        let step = model.steps[index]
        let neighbours = model.network.steps.filter { other in
            other.reads.contains(step.output) || step.reads.contains(other.output)
                || other.reads.contains { step.reads.contains($0) }
        }
        return Set(first.groups).symmetricDifference(second.groups).union(neighbours.map(\.name)).union([step.name])
            .union(neighbours.flatMap { [$0.output + ".rounded", $0.output + ".real"] })
    }

    private static func total(_ plan: Plan, _ times: [UInt64], _ groups: Set<String>) -> Double {
        zip(plan.groups, times).reduce(0) { groups.contains($1.0) ? $0 + Double($1.1) / 1_000 : $0 }
    }

    /// Shortest nanoseconds of every group, the plans in turn.
    private static func times(_ first: Plan, _ second: Plan, _ repeats: Int) -> ([UInt64], [UInt64]) {
        let plans = [first, second]
        let session = Session(for: plans)
        let image = TestImage(first.inputShape)
        var best = plans.map { [UInt64](repeating: .max, count: $0.groups.count) }
        for _ in 0..<repeats + InterleavedTimer.warmUpRuns {
            for (index, plan) in plans.enumerated() {
                var times = [UInt64](repeating: 0, count: plan.groups.count)
                session.run(plan, on: image.values, adding: &times, clock: PlanTimer.now)
                for (group, time) in times.enumerated() { best[index][group] = min(best[index][group], time) }
            }
        }
        return (best[0], best[1])
    }
}
