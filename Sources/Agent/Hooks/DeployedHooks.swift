import Datasets
import Engine
import FleetModel
import GateSharing
import HookNetworks
import Processors
import Shoal
import Supernets
import Synchronization

/// Hooks of a model on this board, checked, to be made for the thread that runs them.
struct DeployedHooks: Sendable {
    let path: String
    let attached: AttachedHooks
    /// By operating point; `nil` where the point runs without hooks.
    let budgets: [Float?]
    let learning: BackgroundLearner.Settings?
    /// `nil` where the board learns for itself.
    let shared: SharedGates?
    /// Values of the sensors that the gates read, where nobody passes others.
    let sensors: [Double]

    /// Kinds in the order of the telemetry.
    var kinds: [GateKind] { state.kinds }

    var state: HookState { attached.state }
    var plain: Plan { attached.plain }

    func network() throws(HookRefusal) -> any LearnableNetwork { try attached.network() }
}

/// Hooks at work, on the thread of their model.
final class HookedRunner {
    private let network: any HookedNetwork
    private let hooks: DeployedHooks
    private let counters: HookCounters
    /// Of every hook, the place of its kind.
    private let kindOfHook: [Int]
    /// Decisions that one frame could take, by kind.
    private let possible: [UInt64]
    private let names: [String]
    private var hasConfiguredSensors = false

    private func set(_ sensors: [String: Double]) {
        hasConfiguredSensors = sensors.isEmpty
        guard let readings = network.readings else { return }
        for (index, name) in names.enumerated() { readings.setSensor(index, to: sensors[name] ?? hooks.sensors[index]) }
    }

    init(_ hooks: DeployedHooks, _ counters: HookCounters) throws(HookRefusal) {
        (self.hooks, self.counters) = (hooks, counters)
        names = hooks.state.inputs.sensors
        let places = hooks.state.hooks.map { hook in hooks.kinds.firstIndex(of: hook.point.kind) ?? 0 }
        kindOfHook = places
        possible = hooks.kinds.enumerated().map { index, kind in
            // One of them at the most ends a run.
            kind == .skip ? UInt64(places.count { $0 == index }) : 1
        }
        if hooks.learning != nil || hooks.state.inputs.count > 0 {
            let probe = BoardProbe()
            let isLearning = hooks.learning != nil
            let learning = try LearningNetwork(
                hooks.network(), replica: hooks.network(), state: hooks.state, settings: hooks.learning ?? .init(),
                path: isLearning ? hooks.path : nil,
                conditions: {
                    var here = probe.read()
                    if !isLearning { here.load = 1 }
                    return here
                })
            if isLearning { counters.learner.withLock { $0 = learning.learner } }
            network = learning
        } else {
            network = try hooks.network()
        }
    }

    var readings: FrameReadings? { network.readings }

    /// - Parameters:
    ///   - predicted: milliseconds that the frame is expected to take.
    ///   - sensors: values by name, in place of the configured ones.
    /// - Returns: `nil` where the point runs without hooks.
    @inline(__always)
    func run(
        _ image: UnsafeBufferPointer<Float>, at point: Int, predicted: Double, sensors: [String: Double] = [:]
    ) -> UnsafeBufferPointer<Float>? {
        guard let budget = hooks.budgets[point] else { return nil }
        if !sensors.isEmpty || !hasConfiguredSensors { set(sensors) }
        network.readings?.set(.predictedLatency, to: predicted)
        let answer = network.answer(image, budget: budget)
        let decisions = network.decisions
        for index in decisions.indices where decisions[index] > 0 { counters.taken.add(1, to: kindOfHook[index]) }
        for index in possible.indices { counters.possible.add(possible[index], to: index) }
        return answer.logits
    }
}

/// What a model's hooks have done since the start; written by its thread, read by the telemetry sampler.
final class HookCounters: Sendable {
    struct Snapshot {
        var taken: [UInt64]
        var possible: [UInt64]

        init(taken: [UInt64], possible: [UInt64]) { (self.taken, self.possible) = (taken, possible) }

        /// Of the same kinds, before anything was counted.
        init(ofNothing other: Snapshot) {
            self.init(taken: other.taken.map { _ in 0 }, possible: other.possible.map { _ in 0 })
        }
    }

    let taken: AtomicCounts
    let possible: AtomicCounts
    let learner = Mutex<BackgroundLearner?>(nil)
    /// Of sampled frames.
    let zeros = Mutex<[ActivationSparsity]>([])

    init(kindCount: Int) {
        taken = AtomicCounts(count: kindCount)
        possible = AtomicCounts(count: kindCount)
    }

    /// A frame counts what was possible after what it took: read the other way round, no more is taken than possible.
    func snapshot() -> Snapshot {
        let taken = taken.values()
        return Snapshot(taken: taken, possible: possible.values())
    }
}

extension ModelRunner.HooksInUse {
    /// The hooks of one window.
    func telemetry(
        from last: HookCounters.Snapshot, to now: HookCounters.Snapshot, point: Int
    ) -> HookTelemetry? {
        guard let hooks else {
            return failure.map { HookTelemetry(state: .refused, reason: $0) }
        }
        let report = counters.learner.withLock { $0 }?.report
        let zeros = counters.zeros.withLock { $0 }
        return HookTelemetry(
            state: report.map { $0.isResting ? .resting : .learning } ?? .deciding,
            budget: point < hooks.budgets.count
                ? hooks.budgets[point].flatMap { HookTelemetry.decimal(max($0, 0)) } : nil,
            kinds: hooks.kinds.enumerated().map { index, kind in
                let possible = now.possible[index] &- last.possible[index]
                return .init(
                    name: kind.rawValue, taken: min(now.taken[index] &- last.taken[index], possible),
                    possible: possible)
            }, samples: UInt64(report?.samples ?? 0), trainings: UInt32(clamping: report?.trainings ?? 0),
            failedTrainings: UInt32(clamping: report?.failures ?? 0),
            samplingInterval: UInt32(clamping: report?.interval ?? 0),
            reason: (report?.failure ?? failure ?? "").wireReason,
            zeroShare: zeros.isEmpty ? nil : ActivationSparsity.share(zeros),
            zeros: zeros.isEmpty ? nil : HookTelemetry.largest(zeros))
    }
}

extension HookTelemetry {
    /// As people wrote it: 0.3, not 0.30000001192092896.
    fileprivate static func decimal(_ value: Float) -> Double? { Double("\(value)") }

    fileprivate static func largest(_ steps: [ActivationSparsity]) -> [StepZeros] {
        steps.sorted { $0.zeroShare > $1.zeroShare }.prefix(zeroStepLimit).map { step in
            StepZeros(step: step.name.wireText(limit: stepBytes, fallback: "step"), share: step.zeroShare)
        }
    }
}

/// Counts zeros in the network's maps on a frame now and then, in the time that the model's thread would sleep.
final class ZeroSampler {
    /// Frames from one sampled frame to the next.
    static let interval: UInt64 = 256
    /// A sampled frame takes the time of one more; it is taken where so many would fit before the next frame.
    private static let room: UInt64 = 4

    private let plan: Plan
    private let session: Session
    private let counters: HookCounters
    private var steps: [ActivationSparsity] = []
    private var next: UInt64 = 0
    private var nanoseconds: UInt64 = 0

    /// - Returns: `nil` for a network whose maps are not of floats.
    init?(_ plan: Plan, _ counters: HookCounters) {
        guard plan.precision == .fp32 else { return nil }
        (self.plan, self.counters, session) = (plan, counters, Session(for: [plan]))
    }

    /// - Parameters:
    ///   - frames: that were run so far.
    ///   - image: the last one's.
    ///   - idle: nanoseconds until the next is due.
    func sample(frames: UInt64, _ buffer: AlignedBuffer, idle: UInt64) {
        guard frames > next, idle >= Self.room * nanoseconds else { return }
        let image = UnsafeBufferPointer(
            start: UnsafePointer(buffer.base), count: plan.inputShape.channels * plan.inputShape.pixels)
        next = frames + Self.interval
        let start = MonotonicClock.now()
        session.run(plan, on: image, counting: &steps)
        nanoseconds = MonotonicClock.now() - start
        counters.zeros.withLock { $0 = steps }
    }
}

extension String {
    /// Without control characters, at most so many bytes.
    fileprivate func wireText(limit: Int, fallback: String) -> String {
        var text = String(unicodeScalars.filter { $0.properties.generalCategory != .control })
        while text.utf8.count > limit { text.removeLast() }
        return text.isEmpty ? fallback : text
    }

    /// As the telemetry carries it: without control characters, at most so many bytes.
    var wireReason: String {
        var text = String(unicodeScalars.filter { $0.properties.generalCategory != .control })
        while text.utf8.count > HookTelemetry.reasonBytes { text.removeLast() }
        return text
    }
}
