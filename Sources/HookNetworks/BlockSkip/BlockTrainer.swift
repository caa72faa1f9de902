public import Engine
public import MapPruning
import SearchSpace
public import NetworkParts

/// Teaches the hooks within one network from a stream of images without labels: substitutes, fixed places and heads
/// first, then gates, in rounds. In the first round the decisions before a measured one are drawn at random, in the
/// next ones they are the gates' own at a random budget, now and then turned around: damage is measured in the context
/// in which gates decide.
public struct BlockTrainer {
    public struct Settings: Sendable {
        public var gates = GateTrainer.Settings()
        public var seed: UInt64 = 1
        /// Memory of each gate's samples.
        public var sampleBytes = 4 << 20
        /// Memory of the pixels that a substitute is fitted on; one is fitted at a time.
        public var substituteBytes = 64 << 20
        public var rounds = 2
        /// Of decisions that are turned around while sampling.
        public var exploration = 0.1
        /// Places that are left out of every input: those that do the least damage together.
        public var fixedPlaces = 0
        /// Images that fixed places are chosen on, evenly spread over the stream.
        public var choosingImages = 1_000
        public var masks = MaskSearch.Settings()

        public init() {}
    }

    /// Gives image `index` of the stream, valid until the next call.
    public typealias Images = (Int) -> UnsafeBufferPointer<Float>

    let plain: Plan
    let plan: SectionedPlan
    let settings: Settings
    let count: Int
    let images: Images
    let progress: (Double) -> Void
    let inputs: GateInputs
    var generator: SeededGenerator
    public internal(set) var hooks: [HookState.Hook]
    public private(set) var sampleCount = 0
    /// The full network's logits of every image.
    var logits: [[Float]] = []
    /// Heads of hooks that were trained here, each without its share of the images, by share and hook.
    private var shareHeads: [[Int: HookState.Filter]] = Array(repeating: [:], count: Self.headShares)
    private static let headShares = 3
    /// Before every image, for the readings that gates are to learn from.
    public var prepare: (Int, FrameReadings) -> Void = { _, _ in }

    public init(
        plain: Plan, plan: SectionedPlan, hooks: [HookState.Hook], inputs: GateInputs = .none, count: Int,
        settings: Settings, images: @escaping Images, progress: @escaping (Double) -> Void
    ) {
        (self.plain, self.plan, self.hooks, self.inputs, self.count) = (plain, plan, hooks, inputs, count)
        (self.settings, self.images, self.progress) = (settings, images, progress)
        generator = SeededGenerator(seed: settings.seed)
    }

    /// - Throws: where hooks do not fit the network.
    public mutating func train() throws(HookRefusal) {
        runInFull()
        try fitSubstitutes()
        try fitMasks()
        try readHeads()
        for round in 0..<settings.rounds {
            try sample(round: round)
            for index in hooks.indices where !hooks[index].isFixed {
                guard let samples = hooks[index].samples else { continue }
                hooks[index].gate = GateTrainer(settings.gates).train(
                    samples, seed: settings.seed &+ UInt64(index) &+ UInt64(round) << 32)
                report(round, 0.5 + 0.5 * Double(index + 1) / Double(hooks.count))
            }
        }
    }

    // MARK: Heads

    private mutating func runInFull() {
        let session = SectionedSession(for: plan)
        for index in 0..<count {
            session.place(images(index))
            for part in plan.parts { session.perform(part) }
            logits.append(Array(session.output))
            progress(0.05 * Double(index + 1) / Double(count))
        }
    }

    /// Heads learn from pooled features at every place as fixed places leave them, to answer as the full network does.
    ///
    /// A head may know its own images by heart, few as they are beside its classes, and a gate that learns on them
    /// trusts answers that nobody should: gates learn from heads that were trained without the image at hand, so that
    /// the damage of their answers is that of images to come (as in stacked generalisation, Wolpert 1992).
    private mutating func readHeads() throws(HookRefusal) {
        let network = try BlockNetwork(plain: plain, plan: plan, hooks: hooks, inputs: inputs)
        var features = hooks.map { _ in [[Float]]() }
        for index in 0..<count {
            network.begin(images(index))
            var part = 0
            parts: while part < plan.parts.count {
                for place in network.places[part] {
                    features[place.index].append(Array(network.session.look(place.pooling)))
                    guard place.isFixed else { continue }
                    part = network.skip(place)
                    continue parts
                }
                network.session.perform(plan.parts[part])
                part += 1
            }
            progress(0.3 + 0.05 * Double(index + 1) / Double(count))
        }
        let targets = logits.map { logits in
            logits.withUnsafeBufferPointer { all in
                let softmax = Softmax(all)
                return all.map { Double(softmax.probability($0)) }
            }
        }
        for index in hooks.indices
        where hooks[index].head == nil && !hooks[index].isFixed && !hooks[index].point.kind.isMasking {
            let seed = settings.seed &+ UInt64(index)
            hooks[index].head = HeadTrainer.train(features[index], targets, seed: seed)
            guard features[index].count == targets.count else { continue }
            for share in shareHeads.indices {
                let others = targets.indices.filter { $0 % Self.headShares != share }
                shareHeads[share][index] = HeadTrainer.train(
                    others.map { features[index][$0] }, others.map { targets[$0] }, seed: seed)
            }
            progress(0.35 + 0.05 * Double(index + 1) / Double(hooks.count))
        }
    }

    // MARK: Samples

    /// - Parameter share: of the round's work that is done.
    private func report(_ round: Int, _ share: Double) {
        progress(0.4 + 0.6 * (Double(round) + share) / Double(settings.rounds))
    }

    private mutating func sample(round: Int) throws(HookRefusal) {
        var networks: [BlockNetwork] = []
        for heads in shareHeads {
            var hooks = hooks
            for (index, head) in heads { hooks[index].head = head }
            networks.append(try BlockNetwork(plain: plain, plan: plan, hooks: hooks, inputs: inputs))
        }
        let saved = AlignedBuffer(count: plan.parts.map(\.input.storage).max() ?? 1)
        for index in 0..<count {
            let network = networks[index % Self.headShares]
            if let readings = network.readings { prepare(index, readings) }
            walk(network, index, saved, round)
            report(round, 0.5 * Double(index + 1) / Double(count))
        }
    }

    /// One run of the network under the policy of sampling; before each decision, the damage of taking it is measured.
    private mutating func walk(_ network: BlockNetwork, _ index: Int, _ saved: AlignedBuffer, _ round: Int) {
        let session = network.session
        let isRandom = round == 0
        let budget = BlockNetwork.drawBudget(using: &generator)
        let share = 0.5 * generator.uniform()
        network.begin(images(index))
        var part = 0
        parts: while part < plan.parts.count {
            for place in network.places[part] {
                if place.isFixed {
                    part = network.skip(place)
                    continue parts
                }
                let features = network.readFeatures(place)
                session.save(before: part, to: saved)
                measure(network, place, features, index)
                session.resume(before: part, from: saved)
                guard place.point.kind != .exit else { continue }
                // Several masks of one part share its chance.
                let rivals = network.places[part].count { $0.point.kind != .exit }
                var decides = isRandom && generator.uniform() < share / Double(rivals)
                if !isRandom, let gate = network.gates.gates[place.index] {
                    decides = network.predict(place, gate) <= budget
                    if generator.uniform() < settings.exploration { decides.toggle() }
                }
                guard decides else { continue }
                part = network.skip(place)
                continue parts
            }
            session.perform(plan.parts[part])
            part += 1
        }
    }

    /// Nothing is learned from masks on images that they were fitted on.
    private mutating func measure(
        _ network: BlockNetwork, _ place: BlockNetwork.Place, _ features: UnsafeBufferPointer<Float>, _ index: Int
    ) {
        guard !place.point.kind.isMasking || MaskSearch.isHeldOut(index) else { return }
        let damage = logits[index].withUnsafeBufferPointer { network.damage(of: place, full: $0) }
        var samples =
            hooks[place.index].samples
            ?? GateSamples(featureCount: place.featureCount, byteLimit: settings.sampleBytes)
        hooks[place.index].samples = nil
        samples.add(features, damage: damage, using: &generator)
        hooks[place.index].samples = samples
        sampleCount += 1
    }
}
