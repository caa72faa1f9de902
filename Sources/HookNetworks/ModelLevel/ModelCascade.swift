public import Engine
public import SearchSpace

/// Two networks for one task: the small one answers first, the large one when a gate predicts that the small one's
/// answer lies further from the large one's than the budget allows. The gate reads the small network's pooled features
/// and what its logits look like. Belongs to one thread; a run allocates nothing.
///
/// Where both have run, the answer is the mean of their logits, which costs nothing more and is right more often than
/// the large network alone (Wang et al. 2022, "Wisdom of Committees").
/// The idea of a cascade is Viola and Jones 2001; as a choice of network per input, Bolukbasi et al. 2017.
public final class ModelCascade {
    public struct Answer {
        /// Valid until the next run.
        public let logits: UnsafeBufferPointer<Float>
        public let isFromLarge: Bool
    }

    public let small: Plan
    public let large: Plan
    private let session: Session
    private let gate: CompiledGate?
    private let features: AlignedBuffer
    private let kept: AlignedBuffer

    /// - Parameter gate: `nil` where none has passed its validation: the large network answers alone.
    /// - Throws: where the two networks do not belong together, or the small one has no pooled features.
    public init(small: Plan, large: Plan, gate: Gate?) throws(HookRefusal) {
        guard small.inputShape == large.inputShape else {
            throw HookRefusal("the two networks read images of different shapes")
        }
        guard small.outputCount == large.outputCount else {
            throw HookRefusal(
                "the small network has \(small.outputCount) classes, the large one \(large.outputCount)")
        }
        session = Session(for: [small, large])
        guard let pooled = session.features(of: small) else {
            throw HookRefusal("the small network does not end in a layer that reads pooled features")
        }
        (self.small, self.large) = (small, large)
        features = AlignedBuffer(count: pooled.count + AnswerStatistics.count)
        kept = AlignedBuffer(count: small.outputCount)
        if let gate, gate.features != features.count {
            throw HookRefusal("the gate reads \(gate.features) features, the small network has \(features.count)")
        }
        self.gate = gate.map(CompiledGate.init)
    }

    public var featureCount: Int { features.count }
    public var hasGate: Bool { gate != nil }

    /// FLOPs of an answer.
    public func flops(isFromLarge: Bool) -> Int {
        guard let gate else { return large.flops }
        return small.flops + gate.flops + (isFromLarge ? large.flops : 0)
    }

    /// - Parameter budget: damage to be put up with, 0...1; below 0 the small network is left out.
    public func run(on image: UnsafeBufferPointer<Float>, budget: Float) -> Answer {
        if let gate, budget >= 0 {
            let logits = session.run(small, on: image)
            writeFeatures(logits)
            for index in logits.indices { kept.base[index] = logits[index] }
            if gate.predict(features.base) <= budget { return Answer(logits: logits, isFromLarge: false) }
        }
        let full = session.run(large, on: image)
        guard gate != nil, budget >= 0 else { return Answer(logits: full, isFromLarge: true) }
        for index in full.indices { kept.base[index] = (kept.base[index] + full[index]) / 2 }
        return Answer(logits: UnsafeBufferPointer(start: kept.base, count: kept.count), isFromLarge: true)
    }

    /// Runs both networks and adds what the small one's answer would have damaged.
    public func sample(
        _ image: UnsafeBufferPointer<Float>, into samples: inout GateSamples,
        using generator: inout some RandomNumberGenerator
    ) {
        let logits = session.run(small, on: image)
        writeFeatures(logits)
        for index in logits.indices { kept.base[index] = logits[index] }
        let full = session.run(large, on: image)
        let damage = Divergence.totalVariation(full, UnsafeBufferPointer(start: kept.base, count: kept.count))
        samples.add(
            UnsafeBufferPointer(start: features.base, count: features.count), damage: damage, using: &generator)
    }

    private func writeFeatures(_ logits: UnsafeBufferPointer<Float>) {
        guard let pooled = session.features(of: small) else { preconditionFailure("pooled features were there") }
        for index in pooled.indices { features.base[index] = pooled[index] }
        AnswerStatistics.write(logits, to: features.base + pooled.count)
    }
}

extension ModelCascade: HookedNetwork {
    public var plain: Plan { large }

    public func answer(_ image: UnsafeBufferPointer<Float>, budget: Float) -> HookedAnswer {
        let answer = run(on: image, budget: budget)
        let flops = budget < 0 ? large.flops : flops(isFromLarge: answer.isFromLarge)
        return HookedAnswer(logits: answer.logits, flops: flops, taken: answer.isFromLarge ? 0 : 1, decisions: 1)
    }
}
