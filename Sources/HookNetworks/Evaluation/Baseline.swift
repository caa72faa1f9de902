/// What gates are to be compared with at equal work: random decisions, and the same decisions for every input.
public enum Baseline {
    private static let steps = 9
    /// Inferences of each step at the least. What random decisions spend depends on the draws and not on the images, so
    /// that a few of these do.
    private static let draws = 400

    /// The probability at which random decisions spend on the mean as many floating-point operations as `target`, found
    /// by bisection, each step of which draws the same numbers; the network is left with that policy.
    /// - Returns: `nil` where no probability does.
    public static func random(
        _ network: any HookedNetwork, flops target: Double, on images: [UnsafeBufferPointer<Float>]
    ) -> Double? {
        let count = max(images.count, draws)
        func flops(_ probability: Double) -> Double {
            network.policy = .random(probability: probability)
            let sum = (0..<count).reduce(0) { $0 + network.answer(images[$1 % images.count], budget: 0).flops }
            return Double(sum) / Double(count)
        }
        guard !images.isEmpty, flops(0) >= target, flops(1) <= target else { return nil }
        var (low, high) = (0.0, 1.0)
        for _ in 0..<steps {
            let middle = (low + high) / 2
            if flops(middle) > target { low = middle } else { high = middle }
        }
        network.policy = .random(probability: high)
        return high
    }

    /// Precisions change no floating-point operations: the probability of the cheapest assignment, the first one, at
    /// which as much time is saved on the mean as `target`; the network is left with that policy.
    /// - Parameters:
    ///   - target: microseconds, as `savings`.
    ///   - savings: by assignment, what it was measured to save.
    /// - Returns: `nil` where no probability saves that, or nothing is to be saved.
    public static func random(_ network: any HookedNetwork, saving target: Double, of savings: [Double]) -> Double? {
        guard let most = savings.first, target > 0, target <= most else { return nil }
        network.policy = .random(probability: target / most)
        return target / most
    }

    /// A choice for every input, by what its decisions damaged on the mean while gates were trained.
    public struct Choice: Equatable, Sendable {
        public let hooks: Set<Int>
        public let damage: Double
    }

    /// Skips one after another, each the one with the least damage for what it saves; of other kinds, whose decisions
    /// rule each other out, one at a time.
    public static func choices(of hooks: [HookState.Hook], kinds: Set<GateKind>?) -> [Choice] {
        let known = hooks.indices.compactMap { index -> (index: Int, damage: Double)? in
            let hook = hooks[index]
            guard kinds?.contains(hook.point.kind) ?? true, !hook.isFixed,
                let damage = hook.expectedDamage ?? hook.samples?.meanDamage.map({ Double($0) })
            else { return nil }
            return (index, damage)
        }
        var result = known.filter { hooks[$0.index].point.kind != .skip }
            .map { Choice(hooks: [$0.index], damage: $0.damage) }
        var (taken, damage) = (Set<Int>(), 0.0)
        let skips = known.filter { hooks[$0.index].point.kind == .skip }.sorted {
            $0.damage * Double(hooks[$1.index].point.flops) < $1.damage * Double(hooks[$0.index].point.flops)
        }
        for skip in skips {
            taken.insert(skip.index)
            damage += skip.damage
            result.append(Choice(hooks: taken, damage: damage))
        }
        return result
    }

    /// The choice of least damage that spends no more than `target`; the network is left with that policy.
    public static func fixed(
        _ network: any HookedNetwork, flops target: Double, among choices: [Choice],
        on image: UnsafeBufferPointer<Float>
    ) -> Choice? {
        let best = choices.filter { choice in
            network.policy = .fixed(choice.hooks)
            return Double(network.answer(image, budget: 0).flops) <= target
        }.min { $0.damage < $1.damage }
        if let best { network.policy = .fixed(best.hooks) }
        return best
    }

    /// The assignment of least damage that saves at least `target` microseconds; the network is left with that policy.
    public static func fixed(
        _ network: any HookedNetwork, saving target: Double, of savings: [Double], among choices: [Choice]
    ) -> Choice? {
        let best = choices.filter { choice in choice.hooks.allSatisfy { savings[$0] >= target } }
            .min { $0.damage < $1.damage }
        if let best { network.policy = .fixed(best.hooks) }
        return best
    }
}
