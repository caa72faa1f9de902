public import Engine
import SearchSpace

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
    /// How decisions are taken.
    public enum Policy: Equatable, Sendable {
        case gates
        /// Each with this probability: a baseline.
        case random(probability: Double)
        /// Those of these hooks always: a baseline.
        case fixed(Set<Int>)
    }

    struct Place {
        let index: Int
        let point: AttachmentPoint
        let pooling: NetworkPart
        let substitute: NetworkPart?
        let head: LinearHead?
        let isFixed: Bool
        /// Floats that the gate reads.
        let featureCount: Int
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
    public var policy = Policy.gates
    var generator = SeededGenerator(seed: 1)
    private let features: AlignedBuffer
    /// Decisions of the current run: 1 where taken.
    let taken: AlignedBuffer
    /// The full network's answer to the frame that is being replayed.
    let full: AlignedBuffer

    /// - Throws: where hooks do not fit the network.
    public init(
        plain: Plan, plan: SectionedPlan, hooks: [HookState.Hook], inputs: GateInputs = .none
    ) throws(HookRefusal) {
        (self.plain, self.plan) = (plain, plan)
        session = SectionedSession(for: plan)
        readings = FrameReadings(inputs)
        var places = [[Place]](repeating: [], count: plan.parts.count)
        for (index, hook) in hooks.enumerated() {
            let place = try Self.place(index, hook, plan, hooks.count + inputs.count)
            places[hook.point.parts.lowerBound].append(place)
        }
        self.places = places
        placeCount = hooks.count
        featureCounts = places.joined().sorted { $0.index < $1.index }.map(\.featureCount)
        gates = GateSet(of: hooks)
        features = AlignedBuffer(count: featureCounts.max() ?? 1)
        taken = AlignedBuffer(count: max(1, hooks.count))
        full = AlignedBuffer(count: plan.outputCount)
    }

    private static func place(
        _ index: Int, _ hook: HookState.Hook, _ plan: SectionedPlan, _ extraCount: Int
    ) throws(HookRefusal) -> Place {
        let parts = hook.point.parts
        guard parts.lowerBound > 0, parts.upperBound <= plan.parts.count, !parts.isEmpty else {
            throw HookRefusal("hook \(index) leaves out parts \(parts) of \(plan.parts.count)")
        }
        let shape = plan.shape(before: parts.lowerBound)
        var substitute: NetworkPart?
        if let filter = hook.substitute {
            guard filter.weights.count == 9 * shape.channels * shape.channels, filter.bias.count == shape.channels,
                hook.point.kind == .skip
            else { throw HookRefusal("the substitute of hook \(index) is for another map") }
            substitute = plan.substitute(weight: filter.weights, bias: filter.bias, before: parts.lowerBound)
        }
        if hook.point.kind == .skip {
            guard parts.allSatisfy({ plan.isResidual[$0] }) else {
                throw HookRefusal("hook \(index) leaves out parts that are no residual blocks")
            }
        }
        var head: LinearHead?
        if let filter = hook.head {
            guard filter.weights.count == shape.channels * plan.outputCount, filter.bias.count == plan.outputCount
            else {
                throw HookRefusal("the head of hook \(index) is for another map")
            }
            head = LinearHead(filter, inputs: shape.channels)
        }
        let featureCount = shape.channels + AnswerStatistics.count + extraCount
        if let gate = hook.gate, gate.features != featureCount {
            throw HookRefusal("the gate of hook \(index) reads \(gate.features) features, there are \(featureCount)")
        }
        return Place(
            index: index, point: hook.point, pooling: plan.pooling(before: parts.lowerBound), substitute: substitute,
            head: head, isFixed: hook.isFixed && hook.point.kind == .skip, featureCount: featureCount)
    }

    func begin(_ image: UnsafeBufferPointer<Float>) {
        readings?.frameStarted()
        taken.base.update(repeating: 0, count: placeCount)
        session.place(image)
    }

    /// Pooled features, statistics of the head's answer, decisions so far, and the readings.
    func readFeatures(_ place: Place) -> UnsafeBufferPointer<Float> {
        let pooled = session.look(place.pooling)
        let base = features.base
        for index in pooled.indices { base[index] = pooled[index] }
        if let head = place.head {
            head.run(on: base)
            AnswerStatistics.write(head.logits, to: base + pooled.count)
        } else {
            for index in 0..<AnswerStatistics.count { base[pooled.count + index] = 0 }
        }
        let start = base + pooled.count + AnswerStatistics.count
        for index in 0..<placeCount { start[index] = taken.base[index] }
        readings?.write(to: start + placeCount)
        return UnsafeBufferPointer(start: base, count: place.featureCount)
    }

    /// Leaves the place's parts out.
    /// - Returns: the part to go on with.
    func skip(_ place: Place) -> Int {
        if let substitute = place.substitute { session.perform(substitute) }
        taken.base[place.index] = 1
        return place.point.parts.upperBound
    }

    private func decides(_ place: Place, _ budget: Float, _ flops: inout Int) -> Bool {
        switch policy {
        case .gates:
            if place.isFixed { return true }
            guard let gate = gates.gates[place.index], budget >= gates.smallestBudgets[place.index] else {
                return false
            }
            let features = readFeatures(place)
            flops += gate.flops + (place.head?.flops ?? 0)
            guard let start = features.baseAddress else { return false }
            return gate.predict(start) <= budget
        case .random(let probability):
            return place.point.kind == .skip && generator.uniform() < probability
        case .fixed(let hooks):
            return place.point.kind == .skip && hooks.contains(place.index)
        }
    }
}

extension BlockNetwork: HookedNetwork {
    public var decisions: UnsafeBufferPointer<Float> { UnsafeBufferPointer(start: taken.base, count: placeCount) }

    public func answer(_ image: UnsafeBufferPointer<Float>, budget: Float) -> HookedAnswer {
        var (part, flops, count, met) = (0, 0, 0, 0)
        begin(image)
        parts: while part < plan.parts.count {
            if budget >= 0 {
                for place in places[part] {
                    met += 1
                    guard decides(place, budget, &flops) else { continue }
                    count += 1
                    if place.point.kind == .exit, let head = place.head {
                        taken.base[place.index] = 1
                        return HookedAnswer(logits: head.logits, flops: flops, taken: count, decisions: met)
                    }
                    flops += place.substitute?.flops ?? 0
                    part = skip(place)
                    continue parts
                }
            }
            session.perform(plan.parts[part])
            flops += plan.parts[part].flops
            part += 1
        }
        return HookedAnswer(logits: session.output, flops: flops, taken: count, decisions: met)
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
