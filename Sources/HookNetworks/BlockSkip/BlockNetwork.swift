public import Engine
public import GateCalibration
import MapPruning
import SearchSpace
public import NetworkParts

/// A network whose blocks can be left out while it runs, and that can answer early: at every place a gate reads pooled
/// features, what a small head makes of them, and which decisions were taken before, and predicts the damage of the
/// answer if it decides so and everything after it runs in full. A decision is taken where that does not exceed the
/// budget, so that an input has one budget, however many decisions it meets. Fixed places are left out of every input
/// and need no gate. Belongs to one thread; a run allocates nothing.
///
/// SkipNet (Wang et al. 2018) and ConvNet-AIG (Veit, Belongie 2018) skip blocks with gates trained together with the
/// network; LC-Net (Xia et al. 2021) predicts layers and channels; here the network is frozen and a skipped run of
/// blocks is replaced by one convolution. Early exits: BranchyNet (Teerapittayanon et al. 2016), PAME.
public final class BlockNetwork {
    struct Place {
        let index: Int
        let point: AttachmentPoint
        let pooling: NetworkPart
        let substitute: NetworkPart?
        /// What is computed of its parts, where a decision masks them.
        let steps: [MaskedStep]
        /// What is predicted where no gate is.
        let expectedDamage: Float?
        /// Of what a decision runs in its place.
        let replacementFlops: Int
        let head: LinearHead?
        let isFixed: Bool
        /// Floats that the gate reads.
        let featureCount: Int
    }

    /// A part of the network in a place of masks.
    enum MaskedStep {
        case part(NetworkPart)
        case masked(MaskLists)
    }

    public let plain: Plan
    let plan: SectionedPlan
    let session: SectionedSession
    /// By the part that they stand before.
    let places: [[Place]]
    let placeCount: Int
    /// By hook.
    public let featureCounts: [Int]
    public var gates: GateSet
    public let readings: FrameReadings?
    public var policy = DecisionPolicy.gates {
        didSet { generator = .decisions }
    }
    /// Kinds that the other policies leave out; `nil`: all.
    public var decidingKinds: Set<GateKind>?
    var generator = SeededGenerator.decisions
    /// By the gate that took the last decision of the current run.
    private var predicted: Float?
    private let features: AlignedBuffer
    /// The part whose input's means are in `features`, or -1: places of several kinds stand before one part.
    private var pooledPart = -1
    /// Decisions of the current run: 1 where taken.
    let taken: AlignedBuffer
    /// The full network's answer to the frame that is being replayed.
    let full: AlignedBuffer

    /// - Parameter budgets: what gates are held to.
    /// - Throws: where hooks do not fit the network.
    public init(
        plain: Plan, plan: SectionedPlan, hooks: [HookState.Hook], inputs: GateInputs = .none,
        budgets: BudgetMap = .identity
    ) throws(HookRefusal) {
        (self.plain, self.plan) = (plain, plan)
        session = SectionedSession(for: plan)
        readings = FrameReadings(inputs)
        var places = [[Place]](repeating: [], count: plan.parts.count)
        for (index, hook) in hooks.enumerated() {
            let place = try Self.place(
                index, hook, plan, decisionCount: hooks.count, inputCount: inputs.count)
            places[hook.point.parts.lowerBound].append(place)
        }
        self.places = places
        placeCount = hooks.count
        featureCounts = places.joined().sorted { $0.index < $1.index }.map(\.featureCount)
        gates = GateSet(of: hooks, budgets: budgets)
        features = AlignedBuffer(count: featureCounts.max() ?? 1)
        taken = AlignedBuffer(count: max(1, hooks.count))
        full = AlignedBuffer(count: plan.outputCount)
    }

    private static func place(
        _ index: Int, _ hook: HookState.Hook, _ plan: SectionedPlan, decisionCount: Int, inputCount: Int
    ) throws(HookRefusal) -> Place {
        let parts = hook.point.parts
        guard parts.lowerBound > 0, parts.upperBound <= plan.parts.count, !parts.isEmpty else {
            throw HookRefusal("hook \(index) leaves out parts \(parts) of \(plan.parts.count)")
        }
        let shape = plan.shape(before: parts.lowerBound)
        var substitute: NetworkPart?
        if let filter = hook.substitute, hook.point.kind == .skip {
            guard filter.weights.count == 9 * shape.channels * shape.channels, filter.bias.count == shape.channels
            else { throw HookRefusal("the substitute of hook \(index) is for another map") }
            substitute = plan.substitute(weight: filter.weights, bias: filter.bias, before: parts.lowerBound)
        }
        if hook.point.kind == .skip {
            guard parts.allSatisfy({ plan.isResidual[$0] }) else {
                throw HookRefusal("hook \(index) leaves out parts that are no residual blocks")
            }
        }
        let (steps, maskFlops) = try masking(index, hook, plan)
        var head: LinearHead?
        if let filter = hook.head {
            guard filter.weights.count == shape.channels * plan.outputCount, filter.bias.count == plan.outputCount
            else {
                throw HookRefusal("the head of hook \(index) is for another map")
            }
            head = LinearHead(filter, inputs: shape.channels)
        }
        let featureCount = shape.channels + AnswerStatistics.count + decisionCount + inputCount
        if let gate = hook.gate, gate.features != featureCount, gate.features != decisionCount {
            throw HookRefusal("the gate of hook \(index) reads \(gate.features) features, there are \(featureCount)")
        }
        return Place(
            index: index, point: hook.point, pooling: plan.pooling(before: parts.lowerBound), substitute: substitute,
            steps: steps, expectedDamage: hook.expectedDamage.map { Float($0) },
            replacementFlops: maskFlops ?? substitute?.flops ?? 0, head: head,
            isFixed: hook.isFixed && hook.point.kind == .skip, featureCount: featureCount)
    }

    /// What a hook about channels or points computes, and its floating-point operations.
    private static func masking(
        _ index: Int, _ hook: HookState.Hook, _ plan: SectionedPlan
    ) throws(HookRefusal) -> ([MaskedStep], Int?) {
        guard hook.point.kind.isMasking else { return ([], nil) }
        guard !hook.masks.isEmpty, hook.masks.allSatisfy({ hook.point.parts.contains($0.part) }),
            Set(hook.masks.map(\.part)).count == hook.masks.count
        else { throw HookRefusal("the masks of hook \(index) are for other parts") }
        var (steps, flops): ([MaskedStep], Int) = ([], 0)
        for part in hook.point.parts {
            guard let one = hook.masks.first(where: { $0.part == part }) else {
                steps.append(.part(plan.parts[part]))
                flops += plan.parts[part].flops
                continue
            }
            let masked: MaskedPart?
            do {
                masked =
                    try one.reader.map { try plan.masked(part, weights: $0.weights, bias: $0.bias) }
                    ?? plan.masked(part)
            } catch { throw HookRefusal("hook \(index): \(error)") }
            guard let masked, one.mask.blocks.count == masked.blocks, one.mask.strips.count == masked.strips,
                one.mask.blocks.contains(true)
            else { throw HookRefusal("the mask of hook \(index) is for another part") }
            let lists = MaskLists(for: masked)
            lists.set(one.mask)
            steps.append(.masked(lists))
            flops += masked.flops(of: one.mask)
        }
        return (steps, flops)
    }

    func begin(_ image: UnsafeBufferPointer<Float>) {
        readings?.frameStarted()
        taken.base.update(repeating: 0, count: placeCount)
        forgetFeatures()
        session.place(image)
    }

    /// Features are read anew, for another image or map.
    func forgetFeatures() { pooledPart = -1 }

    /// Pooled features, statistics of the head's answer, decisions so far, and the readings.
    func readFeatures(_ place: Place) -> UnsafeBufferPointer<Float> {
        let (base, part) = (features.base, place.point.parts.lowerBound)
        let channels = place.pooling.output.channels
        if pooledPart != part, let pooled = session.look(place.pooling).baseAddress {
            base.update(from: pooled, count: channels)
            pooledPart = part
        }
        if let head = place.head {
            head.run(on: base)
            AnswerStatistics.write(head.logits, to: base + channels)
        } else {
            for index in 0..<AnswerStatistics.count { base[channels + index] = 0 }
        }
        let start = base + channels + AnswerStatistics.count
        for index in 0..<placeCount { start[index] = taken.base[index] }
        readings?.write(to: start + placeCount)
        return UnsafeBufferPointer(start: base, count: place.featureCount)
    }

    /// Runs what a decision leaves of the place's parts.
    func replace(_ place: Place) {
        for step in place.steps {
            switch step {
            case .part(let part): session.perform(part)
            case .masked(let lists): session.perform(lists)
            }
        }
        if let substitute = place.substitute { session.perform(substitute) }
    }

    /// Leaves the place's parts out.
    /// - Returns: the part to go on with.
    func skip(_ place: Place) -> Int {
        replace(place)
        taken.base[place.index] = 1
        return place.point.parts.upperBound
    }

    /// Damage of deciding so, by a gate that reads everything, or the decisions alone.
    func predict(_ place: Place, _ gate: CompiledGate) -> Float {
        if gate.features == placeCount { return gate.predict(taken.base) }
        return readFeatures(place).baseAddress.map(gate.predict) ?? 1
    }

    private func decides(_ place: Place, _ budget: Float, _ flops: inout Int) -> Bool {
        if place.isFixed { return true }
        switch policy {
        case .gates:
            guard let gate = gates.gates[place.index] else {
                guard let expected = place.expectedDamage, expected <= budget else { return false }
                predicted = expected
                return (place.point.kind != .exit || place.head != nil) && ready(place, &flops)
            }
            guard budget >= gates.smallestBudgets[place.index] else { return false }
            flops += gate.flops + (gate.features == placeCount ? 0 : place.head?.flops ?? 0)
            let damage = predict(place, gate)
            guard damage <= budget else { return false }
            predicted = damage
            return true
        case .random(let probability):
            return mayDecide(place) && generator.uniform() < probability && ready(place, &flops)
        case .fixed(let hooks):
            return mayDecide(place) && hooks.contains(place.index) && ready(place, &flops)
        }
    }

    private func mayDecide(_ place: Place) -> Bool {
        (place.point.kind != .exit || place.head != nil) && decidingKinds?.contains(place.point.kind) ?? true
    }

    /// An exit without a gate has its head read all the same, for its answer.
    private func ready(_ place: Place, _ flops: inout Int) -> Bool {
        guard place.point.kind == .exit else { return true }
        _ = readFeatures(place)
        flops += place.head?.flops ?? 0
        return true
    }
}

extension BlockNetwork: HookedNetwork {
    public var decisions: UnsafeBufferPointer<Float> { UnsafeBufferPointer(start: taken.base, count: placeCount) }
    public var measure: DamageMeasure { .lostProbability }
    public var budgets: BudgetMap { gates.budgets }

    public func answer(_ image: UnsafeBufferPointer<Float>, budget asked: Float) -> HookedAnswer {
        var (part, flops, count, met) = (0, 0, 0, 0)
        let budget = gates.budgets.held(asked)
        predicted = nil
        begin(image)
        parts: while part < plan.parts.count {
            if budget >= 0 {
                for place in places[part] {
                    met += 1
                    guard decides(place, budget, &flops) else { continue }
                    count += 1
                    if place.point.kind == .exit, let head = place.head {
                        taken.base[place.index] = 1
                        return answer(head.logits, flops, count, met)
                    }
                    flops += place.replacementFlops
                    part = skip(place)
                    continue parts
                }
            }
            session.perform(plan.parts[part])
            flops += plan.parts[part].flops
            part += 1
        }
        return answer(session.output, flops, count, met)
    }

    private func answer(_ logits: UnsafeBufferPointer<Float>, _ flops: Int, _ taken: Int, _ met: Int) -> HookedAnswer {
        HookedAnswer(logits: logits, flops: flops, taken: taken, decisions: met, predictedDamage: predicted)
    }
}

/// A linear layer from pooled features to classes, on the inference path.
final class LinearHead {
    private let filter: AlignedBuffer
    private let output: AlignedBuffer
    private let inputs: Int

    /// - Parameter filter: weights `[class][input]`.
    init(_ filter: HookState.Filter, inputs: Int) {
        let classes = filter.bias.count
        self.inputs = inputs
        self.filter = AlignedBuffer(count: (inputs + 1) * classes)
        output = AlignedBuffer(count: classes)
        for (index, value) in filter.bias.enumerated() { self.filter.base[index] = value }
        for input in 0..<inputs {
            for one in 0..<classes {
                self.filter.base[(input + 1) * classes + one] = filter.weights[one * inputs + input]
            }
        }
    }

    var flops: Int { 2 * inputs * output.count }
    var logits: UnsafeBufferPointer<Float> { UnsafeBufferPointer(start: output.base, count: output.count) }

    func run(on features: UnsafePointer<Float>) {
        let classes = output.count
        output.base.update(from: filter.base, count: classes)
        for input in 0..<inputs {
            let (value, row) = (features[input], filter.base + (input + 1) * classes)
            for one in 0..<classes { output.base[one] += value * row[one] }
        }
    }
}
