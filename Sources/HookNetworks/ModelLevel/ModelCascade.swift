public import Engine
public import GateCalibration
public import SearchSpace

/// Networks for one task, or subnets of one supernet, from the smallest to the largest: each answers in turn until a
/// gate predicts that the answer so far lies no further from the largest one's than the budget allows. A gate reads its
/// network's pooled features and what the logits so far look like. Belongs to one thread; a run allocates nothing.
///
/// Of networks that were trained apart, the answer is the mean of the logits of all that have run, which costs nothing
/// more and is right more often than the largest network alone (Wang et al. 2022, "Wisdom of Committees"). Subnets of
/// one supernet, or precisions of one network, make the same mistakes and more: there the last one answers alone.
/// The idea of a cascade is Viola and Jones 2001; as a choice of network per input, Bolukbasi et al. 2017.
public final class ModelCascade {
    /// One network of a cascade.
    public struct Rung {
        /// From the image that the largest network reads to this one's, both planar and normalised.
        public typealias Resizing = (UnsafeBufferPointer<Float>, UnsafeMutableBufferPointer<Float>) -> Void

        public let plan: Plan
        /// `nil` where none has passed its validation: the network is left out.
        public let gate: Gate?
        public let resize: Resizing?

        /// - Parameter resize: for a network that reads images of another size.
        public init(_ plan: Plan, gate: Gate? = nil, resize: Resizing? = nil) {
            (self.plan, self.gate, self.resize) = (plan, gate, resize)
        }
    }

    public struct Answer {
        /// Valid until the next run.
        public let logits: UnsafeBufferPointer<Float>
        /// The last network that has run.
        public let rung: Int
        /// What was spent, gates included.
        public let flops: Int
        /// Of the answer, where a gate has accepted it.
        public var predictedDamage: Float?
    }

    private struct Stage {
        let plan: Plan
        let resize: Rung.Resizing?
        let image: AlignedBuffer
        /// Pooled features, statistics of the answer so far, then the readings.
        let features: AlignedBuffer
        /// The answer so far.
        let mean: AlignedBuffer
    }

    public let largest: Plan
    private let stages: [Stage]
    /// One for each stage.
    public var gates: GateSet
    public let readings: FrameReadings?
    public var policy = DecisionPolicy.gates {
        didSet { generator = .decisions }
    }
    private var generator = SeededGenerator.decisions
    private let taken: AlignedBuffer
    private let session: Session
    private let isCommittee: Bool
    private let sum: AlignedBuffer

    /// - Parameters:
    ///   - rungs: networks below the largest, from the smallest up.
    ///   - isCommittee: the answer is the mean of all that have run, not the last one's.
    ///   - budgets: what gates are held to.
    /// - Throws: where the networks do not belong together, or one below the largest has no pooled features.
    public init(
        _ rungs: [Rung], largest: Plan, isCommittee: Bool, inputs: GateInputs = .none, budgets: BudgetMap = .identity
    ) throws(HookRefusal) {
        let session = Session(for: rungs.map(\.plan) + [largest])
        var stages: [Stage] = []
        for (index, rung) in rungs.enumerated() {
            stages.append(try Self.stage(rung, index, session, largest, inputs.count))
        }
        (self.largest, self.stages, self.session) = (largest, stages, session)
        gates = GateSet(rungs.map(\.gate), budgets: budgets)
        self.isCommittee = isCommittee
        readings = FrameReadings(inputs)
        taken = AlignedBuffer(count: max(1, rungs.count))
        sum = AlignedBuffer(count: largest.outputCount)
    }

    private static func stage(
        _ rung: Rung, _ index: Int, _ session: Session, _ largest: Plan, _ readingCount: Int
    ) throws(HookRefusal) -> Stage {
        let (shape, wanted) = (rung.plan.inputShape, largest.inputShape)
        guard shape == wanted || (rung.resize != nil && shape.channels == wanted.channels) else {
            throw HookRefusal("network \(index) reads images of another shape than the largest")
        }
        guard rung.plan.outputCount == largest.outputCount else {
            throw HookRefusal(
                "network \(index) has \(rung.plan.outputCount) classes, the largest \(largest.outputCount)")
        }
        guard let pooled = session.featureCount(of: rung.plan) else {
            throw HookRefusal("network \(index) does not end in a layer that reads pooled features")
        }
        let count = pooled + AnswerStatistics.count + readingCount
        if let gate = rung.gate, gate.features != count {
            throw HookRefusal("gate \(index) reads \(gate.features) features, its network has \(count)")
        }
        return Stage(
            plan: rung.plan, resize: shape == wanted ? nil : rung.resize,
            image: AlignedBuffer(count: shape.channels * shape.pixels), features: AlignedBuffer(count: count),
            mean: AlignedBuffer(count: largest.outputCount))
    }

    /// Of every gate.
    public var featureCounts: [Int] { stages.map(\.features.count) }

    /// - Parameter budget: damage to be put up with, 0...1; below 0 the largest network answers alone.
    public func run(on image: UnsafeBufferPointer<Float>, budget asked: Float) -> Answer {
        var (count, flops) = (0, 0)
        let budget = gates.budgets.held(asked)
        readings?.frameStarted()
        taken.base.update(repeating: 0, count: taken.count)
        if budget >= 0 {
            for (index, stage) in stages.enumerated() {
                let gate = policy == .gates ? gates.gates[index] : nil
                guard runs(index) else { continue }
                count = isCommittee ? count + 1 : 1
                flops += stage.plan.flops + (gate?.flops ?? 0)
                let mean = answer(stage, image, count)
                let predicted = gate?.predict(stage.features.base)
                if stops(predicted, budget) {
                    taken.base[index] = 1
                    return Answer(logits: mean, rung: index, flops: flops, predictedDamage: predicted)
                }
            }
        }
        let full = session.run(largest, on: image)
        flops += largest.flops
        guard isCommittee, count > 0 else { return Answer(logits: full, rung: stages.count, flops: flops) }
        let share = Float(count + 1)
        for index in full.indices { sum.base[index] = (sum.base[index] + full[index]) / share }
        return Answer(
            logits: UnsafeBufferPointer(start: sum.base, count: sum.count), rung: stages.count, flops: flops)
    }

    private func runs(_ index: Int) -> Bool {
        switch policy {
        case .gates: gates.gates[index] != nil
        case .random: true
        case .fixed(let networks): networks.contains(index)
        }
    }

    private func stops(_ predicted: Float?, _ budget: Float) -> Bool {
        switch policy {
        case .gates: predicted.map { $0 <= budget } ?? false
        case .random(let probability): generator.uniform() < probability
        case .fixed: true
        }
    }

    /// Runs one network as the one that makes `count`, and prepares what its gate reads.
    private func answer(
        _ stage: Stage, _ image: UnsafeBufferPointer<Float>, _ count: Int
    ) -> UnsafeBufferPointer<Float> {
        var image = image
        if let resize = stage.resize {
            resize(image, UnsafeMutableBufferPointer(start: stage.image.base, count: stage.image.count))
            image = UnsafeBufferPointer(start: stage.image.base, count: stage.image.count)
        }
        let logits = session.run(stage.plan, on: image)
        let share = Float(count)
        for index in logits.indices {
            sum.base[index] = count == 1 ? logits[index] : sum.base[index] + logits[index]
            stage.mean.base[index] = sum.base[index] / share
        }
        session.readFeatures(of: stage.plan, into: stage.features.base)
        let mean = UnsafeBufferPointer(start: stage.mean.base, count: stage.mean.count)
        let readingCount = readings?.count ?? 0
        let end = stage.features.base + stage.features.count - readingCount
        AnswerStatistics.write(mean, to: end - AnswerStatistics.count)
        readings?.write(to: end)
        return mean
    }
}

extension ModelCascade: LearnableNetwork {
    public var plain: Plan { largest }
    public var decisions: UnsafeBufferPointer<Float> {
        UnsafeBufferPointer(start: taken.base, count: stages.count)
    }

    public var measure: DamageMeasure { .totalVariation }
    public var budgets: BudgetMap { gates.budgets }

    /// Runs all networks, one a piece, and adds for every gate what the answer so far would have damaged.
    public func replay(
        _ image: UnsafeBufferPointer<Float>, piece: Int, into samples: inout [GateSamples],
        using generator: inout SeededGenerator
    ) -> Bool {
        precondition(samples.count == stages.count, "samples of \(samples.count) gates for \(stages.count)")
        if piece == 0 { readings?.frameStarted() }
        guard piece == stages.count else {
            _ = answer(stages[piece], image, isCommittee ? piece + 1 : 1)
            return false
        }
        let full = session.run(largest, on: image)
        for (index, stage) in stages.enumerated() {
            let mean = UnsafeBufferPointer(start: stage.mean.base, count: stage.mean.count)
            samples[index].add(
                UnsafeBufferPointer(start: stage.features.base, count: stage.features.count),
                damage: Divergence.totalVariation(full, mean), using: &generator)
        }
        return true
    }

    /// All pieces at once.
    public func sample(
        _ image: UnsafeBufferPointer<Float>, into samples: inout [GateSamples], using generator: inout SeededGenerator
    ) {
        for piece in 0...stages.count { _ = replay(image, piece: piece, into: &samples, using: &generator) }
    }

    public func answer(_ image: UnsafeBufferPointer<Float>, budget: Float) -> HookedAnswer {
        let answer = run(on: image, budget: budget)
        let isEarly = answer.rung < stages.count
        return HookedAnswer(
            logits: answer.logits, flops: answer.flops, taken: isEarly ? 1 : 0,
            decisions: min(answer.rung + 1, stages.count), predictedDamage: answer.predictedDamage)
    }
}
