import Datasets
import Engine
import FleetModel
import GateSharing
import HookNetworks
import Supernets
import Synchronization
import NetworkParts

/// Hooks of a model on this board, checked, to be made for the thread that runs them.
struct DeployedHooks: Sendable {
    /// What the hooks belong to.
    enum Form: Sendable {
        case withinNetwork(SectionedPlan)
        case betweenNetworks([Smaller])
    }

    /// A network that is tried before the largest.
    struct Smaller: Sendable {
        let plan: Plan
        /// `nil` where it reads images of the same size.
        let resizing: ImagePreprocessor?
    }

    let path: String
    let state: HookState
    let plain: Plan
    let form: Form
    /// By operating point; `nil` where the point runs without hooks.
    let budgets: [Float?]
    let learning: BackgroundLearner.Settings?
    /// `nil` where the board learns for itself.
    let shared: SharedGates?

    /// Kinds in the order of the telemetry.
    var kinds: [GateKind] { state.kinds }

    func network() throws(HookRefusal) -> any LearnableNetwork {
        switch form {
        case .withinNetwork(let sections):
            return try BlockNetwork(plain: plain, plan: sections, hooks: state.hooks, inputs: state.inputs)
        case .betweenNetworks(let smaller):
            guard smaller.count == state.hooks.count else {
                throw HookRefusal("the hooks are not one for each network")
            }
            let rungs = zip(smaller, state.hooks).map { one, hook in
                guard let resizing = one.resizing else { return ModelCascade.Rung(one.plan, gate: hook.usableGate) }
                return ModelCascade.Rung(one.plan, gate: hook.usableGate) { resizing.resize($0, into: $1) }
            }
            return try ModelCascade(
                rungs, largest: plain, isCommittee: state.subnet == nil && state.kinds == [.model],
                inputs: state.inputs)
        }
    }
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

    init(_ hooks: DeployedHooks, _ counters: HookCounters) throws(HookRefusal) {
        (self.hooks, self.counters) = (hooks, counters)
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

    /// - Parameter predicted: milliseconds that the frame is expected to take.
    /// - Returns: `nil` where the point runs without hooks.
    @inline(__always)
    func run(_ image: UnsafeBufferPointer<Float>, at point: Int, predicted: Double) -> UnsafeBufferPointer<Float>? {
        guard let budget = hooks.budgets[point] else { return nil }
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
    }

    let taken: AtomicCounts
    let possible: AtomicCounts
    let learner = Mutex<BackgroundLearner?>(nil)

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

extension ModelDeployment {
    /// The hooks of one window.
    func telemetry(
        of counters: HookCounters, from last: HookCounters.Snapshot, to now: HookCounters.Snapshot, point: Int
    ) -> HookTelemetry? {
        guard let hooks else {
            return hookFailure.map { HookTelemetry(state: .refused, reason: $0) }
        }
        let report = counters.learner.withLock { $0 }?.report
        return HookTelemetry(
            state: report.map { $0.isResting ? .resting : .learning } ?? .deciding,
            budget: point < hooks.budgets.count ? hooks.budgets[point].map { Double(max($0, 0)) } : nil,
            kinds: hooks.kinds.enumerated().map { index, kind in
                let possible = now.possible[index] &- last.possible[index]
                return .init(
                    name: kind.rawValue, taken: min(now.taken[index] &- last.taken[index], possible),
                    possible: possible)
            }, samples: UInt64(report?.samples ?? 0), trainings: UInt32(clamping: report?.trainings ?? 0),
            failedTrainings: UInt32(clamping: report?.failures ?? 0),
            samplingInterval: UInt32(clamping: report?.interval ?? 0),
            reason: (report?.failure ?? hookFailure ?? "").wireReason)
    }
}

extension String {
    /// As the telemetry carries it: without control characters, at most so many bytes.
    var wireReason: String {
        var text = String(unicodeScalars.filter { $0.properties.generalCategory != .control })
        while text.utf8.count > HookTelemetry.reasonBytes { text.removeLast() }
        return text
    }
}
