public import Engine
import SearchSpace
import Supernets
import NetworkParts

/// Teaches the gates of a network of mixed precision from a stream of images without labels: the head first, then for
/// each assignment what it damages (total variation from the plain network's answer, as between networks: rounding
/// moves every answer a little).
public struct PrecisionTrainer {
    public struct Settings: Sendable {
        public var gates = GateTrainer.Settings()
        public var seed: UInt64 = 1
        /// Memory of each gate's samples.
        public var sampleBytes = 4 << 20

        public init() {}
    }

    private let plain: Plan
    private let model: MixedPrecision
    private let state: PrecisionState
    private let settings: Settings

    public init(plain: Plan, _ model: MixedPrecision, _ state: PrecisionState, settings: Settings) {
        (self.plain, self.model, self.state, self.settings) = (plain, model, state, settings)
    }

    /// - Parameter images: gives image `index` of the stream, valid until the next call.
    /// - Throws: where hooks do not fit the network.
    public func train(
        _ hooks: [HookState.Hook], count: Int, images: PrecisionSearch.Images, progress: (Double) -> Void
    ) throws(HookRefusal) -> [HookState.Hook] {
        var hooks = hooks
        try readHead(&hooks, count, images) { progress(0.4 * $0) }
        let network = try PrecisionNetwork(plain: plain, model, state, hooks: hooks)
        var samples = hooks.map {
            $0.samples ?? GateSamples(featureCount: network.featureCount, byteLimit: settings.sampleBytes)
        }
        let (session, plainSession) = (network.session, Session(for: [plain]))
        let saved = AlignedBuffer(count: network.plan.shape(before: 1).storage)
        var generator = SeededGenerator(seed: settings.seed)
        for image in 0..<count {
            let pixels = images(image)
            let full = plainSession.run(plain, on: pixels)
            network.begin(pixels)
            let features = UnsafeBufferPointer(start: network.readFeatures(), count: network.featureCount)
            session.save(before: 1, to: saved)
            for index in hooks.indices {
                session.resume(before: 1, from: saved)
                session.perform(network.plan.parts[1 + index])
                samples[index].add(
                    features, damage: Divergence.totalVariation(full, session.output), using: &generator)
            }
            progress(0.4 + 0.6 * Double(image + 1) / Double(count))
        }
        for index in hooks.indices {
            hooks[index].samples = samples[index]
            hooks[index].gate = GateTrainer(settings.gates).train(
                samples[index], seed: settings.seed &+ UInt64(index))
        }
        let overhead = try overhead(hooks)
        for index in hooks.indices { hooks[index].overheadMicroseconds = overhead }
        return hooks
    }

    private func readHead(
        _ hooks: inout [HookState.Hook], _ count: Int, _ images: PrecisionSearch.Images, _ progress: (Double) -> Void
    ) throws(HookRefusal) {
        guard !hooks.isEmpty, hooks[0].head == nil else { return }
        let network = try PrecisionNetwork(plain: plain, model, state, hooks: hooks)
        let session = Session(for: [plain])
        var (features, targets) = ([[Float]](), [[Double]]())
        for image in 0..<count {
            let pixels = images(image)
            network.begin(pixels)
            features.append(Array(network.session.look(network.pooling)))
            let full = session.run(plain, on: pixels)
            let softmax = Softmax(full)
            targets.append(full.map { Double(softmax.probability($0)) })
            progress(Double(image + 1) / Double(count))
        }
        hooks[0].head = HeadTrainer.train(features, targets, seed: settings.seed)
    }

    /// Median microseconds until gates can decide: lost where none does.
    private func overhead(_ hooks: [HookState.Hook]) throws(HookRefusal) -> Double {
        let network = try PrecisionNetwork(plain: plain, model, state, hooks: hooks)
        let image = TestImage(plain.inputShape)
        let gates = hooks.compactMap(\.usableGate).map(CompiledGate.init)
        var times: [UInt64] = []
        for run in 0..<100 + InterleavedTimer.warmUpRuns {
            let start = PlanTimer.now()
            network.begin(image.values)
            let features = network.readFeatures()
            for gate in gates { _ = gate.predict(features) }
            if run >= InterleavedTimer.warmUpRuns { times.append(PlanTimer.now() - start) }
        }
        return Double(times.sorted()[times.count / 2]) / 1_000
    }
}
