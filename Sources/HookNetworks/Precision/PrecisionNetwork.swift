public import Engine
public import GateCalibration
import SearchSpace
import MapPruning
public import NetworkParts

/// A network whose precision is chosen for each input: the first sections run in the precisions that all assignments
/// have in common; there gates read pooled features and what a linear head makes of them, and predict the damage of
/// each assignment for the rest. The cheapest one whose damage does not exceed the budget goes on from the same map;
/// where there is none, the plain network answers. A choice is another list of operations over the same packed weights.
/// Belongs to one thread; a run allocates nothing.
///
/// DQNet chooses bit widths by the input likewise, with gates that are trained together with the network.
///
/// A gate that is no better than a constant gives way to it: the mean damage that was measured decides. Then there is
/// nothing to read, and the assignment is a fixed one.
public final class PrecisionNetwork {
    private struct Choice {
        let gate: CompiledGate?
        /// Where there is no gate.
        let damage: Float
        /// Budget below which the gate would take more time than its decisions save.
        let smallestBudget: Float
        let eightBits: Int
    }

    public let plain: Plan
    let plan: SectionedPlan
    let session: SectionedSession
    let head: LinearHead?
    let pooling: NetworkPart
    /// One for each assignment.
    private let choices: [Choice]
    private let convolutions: Int
    private let plainSession: Session
    private let features: AlignedBuffer
    /// By assignment: 1 for the one that the last answer went on with.
    private let chosen: AlignedBuffer
    public let featureCount: Int
    /// In place of gates `fixed` takes the first assignment of the set, `random` the cheapest one or the plain network.
    public var policy = DecisionPolicy.gates {
        didSet { generator = .decisions }
    }
    private var generator = SeededGenerator.decisions
    public let budgets: BudgetMap
    /// Of the assignment that was chosen last, where a gate or its constant did.
    private var predicted: Float?

    /// - Parameter budgets: what gates are held to.
    /// - Throws: where hooks do not fit the network.
    public init(
        plain: Plan, _ model: MixedPrecision, _ state: PrecisionState, hooks: [HookState.Hook],
        budgets: BudgetMap = .identity
    ) throws(HookRefusal) {
        guard hooks.count == state.masks.count else { throw HookRefusal("hooks are not one for each mask") }
        plan = try model.plan(state.masks, before: state.border)
        (self.plain, self.budgets) = (plain, budgets)
        session = SectionedSession(for: plan)
        plainSession = Session(for: [plain])
        pooling = plan.pooling(before: 1)
        let channels = plan.shape(before: 1).channels
        featureCount = channels + AnswerStatistics.count
        features = AlignedBuffer(count: featureCount)
        convolutions = model.steps.count
        if let filter = hooks.first?.head {
            guard filter.weights.count == channels * plan.outputCount, filter.bias.count == plan.outputCount else {
                throw HookRefusal("the head is for another map")
            }
            head = LinearHead(filter, inputs: channels)
        } else {
            head = nil
        }
        var choices: [Choice] = []
        for (index, hook) in hooks.enumerated() {
            if let gate = hook.gate, gate.features != featureCount {
                throw HookRefusal("gate \(index) reads \(gate.features) features, there are \(featureCount)")
            }
            choices.append(
                Choice(
                    gate: hook.usableGate.map(CompiledGate.init), damage: hook.samples?.meanDamage ?? .infinity,
                    smallestBudget: GateWorth.smallestBudget(of: index, in: hooks),
                    eightBits: state.masks[index].count { $0 == .int8 }))
        }
        self.choices = choices
        chosen = AlignedBuffer(count: max(1, choices.count))
    }

    /// Pooled features of the current map and statistics of the head's answer.
    func readFeatures() -> UnsafePointer<Float> {
        let pooled = session.look(pooling)
        let base = features.base
        for index in pooled.indices { base[index] = pooled[index] }
        if let head {
            head.run(on: base)
            AnswerStatistics.write(head.logits, to: base + pooled.count)
        } else {
            for index in pooled.count..<featureCount { base[index] = 0 }
        }
        return UnsafePointer(base)
    }

    func begin(_ image: UnsafeBufferPointer<Float>) {
        session.place(image)
        session.perform(plan.parts[0])
    }

    /// - Parameter flops: are added to by what it takes to choose.
    /// - Returns: the assignment to go on with from the current map, `nil` for the plain network.
    private func choose(
        _ image: UnsafeBufferPointer<Float>, _ budget: Float, _ flops: inout Int, hasBegun: inout Bool
    ) -> Int? {
        switch policy {
        case .fixed(let masks): return masks.min().flatMap { $0 < choices.count ? $0 : nil }
        case .random(let probability): return generator.uniform() < probability ? 0 : nil
        case .gates: break
        }
        for (index, choice) in choices.enumerated() {
            guard let gate = choice.gate else {
                guard choice.damage <= budget else { continue }
                predicted = choice.damage
                return index
            }
            guard budget >= choice.smallestBudget else { continue }
            if !hasBegun {
                begin(image)
                hasBegun = true
                _ = readFeatures()
                flops += plan.parts[0].flops + (head?.flops ?? 0)
            }
            flops += gate.flops
            let damage = gate.predict(features.base)
            guard damage <= budget else { continue }
            predicted = damage
            return index
        }
        return nil
    }
}

extension PrecisionNetwork: HookedNetwork {
    public var readings: FrameReadings? { nil }
    public var decisions: UnsafeBufferPointer<Float> {
        UnsafeBufferPointer(start: chosen.base, count: choices.count)
    }

    public var measure: DamageMeasure { .totalVariation }

    /// `decisions` are the convolutions, `taken` those that were computed in 8 bits.
    public func answer(_ image: UnsafeBufferPointer<Float>, budget asked: Float) -> HookedAnswer {
        var (flops, hasBegun) = (0, false)
        let budget = budgets.held(asked)
        predicted = nil
        chosen.base.update(repeating: 0, count: chosen.count)
        guard budget >= 0, let index = choose(image, budget, &flops, hasBegun: &hasBegun) else {
            let logits = plainSession.run(plain, on: image)
            return HookedAnswer(logits: logits, flops: flops + plain.flops, taken: 0, decisions: convolutions)
        }
        if !hasBegun {
            begin(image)
            flops += plan.parts[0].flops
        }
        session.perform(plan.parts[1 + index])
        chosen.base[index] = 1
        return HookedAnswer(
            logits: session.output, flops: flops + plan.parts[1 + index].flops, taken: choices[index].eightBits,
            decisions: convolutions, predictedDamage: predicted)
    }
}

extension GateSamples {
    /// `nil` without samples.
    var meanDamage: Float? {
        count == 0 ? nil : (0..<count).reduce(0) { $0 + damage($1) } / Float(count)
    }
}
