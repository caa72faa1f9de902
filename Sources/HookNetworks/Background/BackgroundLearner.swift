import Engine
import Foundation
import GateCalibration
import SearchSpace
import Supernets
import Synchronization

/// Lets the gates of a network learn while it works: on a thread of its own, at the lowest priority, in pieces of a
/// millisecond or so that fit between frames, within a share of one processor, in bounded memory, and not at all while
/// the board is busy or hot.
///
///     ask for a frame -> replay it piece by piece -> sample -> ... -> train all gates -> validate -> publish, save
///
/// Gates that fail their validation are published as none: between networks, those that they stand behind are left out
/// then; within one, everything runs. The
/// state is saved after each training by replacing the file, so that at every instant a whole one is there.
public final class BackgroundLearner: Sendable {
    public struct Settings: Sendable {
        public var gates = GateTrainer.Settings()
        public var limits = SamplingPolicy.Limits()
        /// Of one processor, 0...1.
        public var processorShare = 0.1
        /// Memory of each gate's samples; training takes about four times as much while it lasts.
        public var sampleBytes = 1 << 20
        /// New samples between two trainings.
        public var trainingInterval = 250
        public var seed: UInt64 = 1
        /// Longest wait for room between two frames, in nanoseconds.
        public var patience: UInt64 = 1_000_000_000
        /// `nil` where the board learns for itself.
        public var collaborator: (any GateCollaborator)?

        public init() { gates.epochs = 20 }
    }

    public struct Report: Equatable, Sendable {
        public var samples = 0
        public var trainings = 0
        /// Of them, trainings after which a gate failed its validation.
        public var failures = 0
        public var sampleBytes = 0
        /// Frames on which was measured what the gates do together.
        public var measuredFrames = 0
        /// Of the thread so far.
        public var processorNanoseconds: UInt64 = 0
        /// Frames from one sample to the next.
        public var interval = 1
        /// Whether it rests because the board is busy or hot.
        public var isResting = false
        /// Why the state could not be saved, where it could not.
        public var failure: String?
    }

    let port: LearnerPort
    private let shared = Mutex(Report())
    private let ended = DispatchSemaphore(value: 0)

    public var report: Report { shared.withLock { $0 } }

    /// Begins to learn.
    /// - Parameters:
    ///   - handed: for the learner's thread alone, another one of the network that works.
    ///   - state: what was learned before, which is gone on from.
    ///   - path: hook file to save to.
    ///   - conditions: asked twice a second.
    init(
        _ handed: NetworkForThread, state: HookState, settings: Settings, path: String?,
        conditions: @escaping @Sendable () -> BoardConditions
    ) {
        let shape = handed.network.plain.inputShape
        let port = LearnerPort(
            imageCount: shape.channels * shape.pixels, readingCount: handed.network.readings?.count ?? 0)
        self.port = port
        let thread = Thread { [self] in
            var loop = LearnerLoop(
                handed.network, state, settings, path, port, conditions,
                report: { report in
                    self.shared.withLock { $0 = report }
                })
            loop.run()
            ended.signal()
        }
        thread.name = "shoal-hooks"
        thread.start()
    }

    /// Ends after the current piece; what was sampled since the last training is saved too.
    public func stop() {
        port.requestStop()
        ended.wait()
        ended.signal()
    }
}

/// A network for another thread.
///
/// @unchecked because whoever makes it gives the network away.
struct NetworkForThread: @unchecked Sendable {
    let network: any LearnableNetwork
}

/// What the thread does.
struct LearnerLoop {
    /// Nanoseconds that a batch of samples takes at the most.
    private static let batch: UInt64 = 500_000
    private static let pause: UInt64 = 1_000_000
    private static let conditionsInterval: UInt64 = 500_000_000

    private let network: any LearnableNetwork
    private var state: HookState
    private let settings: BackgroundLearner.Settings
    private let path: String?
    private let port: LearnerPort
    private let conditions: () -> BoardConditions
    private let report: (BackgroundLearner.Report) -> Void
    private var samples: [GateSamples]
    private var generator: SeededGenerator
    private var policy: SamplingPolicy
    private var totals = BackgroundLearner.Report()
    /// Mean loss of the gates after the last training.
    private var loss: Double?
    private var pending: GateSet?
    /// Processor time of the thread before it began.
    private let usedBefore = LowPriority.processorTime
    private var asked: (frames: UInt64, isOpen: Bool) = (0, false)
    private var mayWork = (at: UInt64(0), is: true)
    private var limiter: ProcessorShare
    /// Nanoseconds of one piece of a replay.
    private var longest: UInt64 = 0
    /// The next piece of the frame that is being replayed.
    private var piece = 0
    /// Samples since the last training.
    private var fresh = 0
    private var joint: JointSampler

    init(
        _ network: any LearnableNetwork, _ state: HookState, _ settings: BackgroundLearner.Settings, _ path: String?,
        _ port: LearnerPort, _ conditions: @escaping () -> BoardConditions,
        report: @escaping (BackgroundLearner.Report) -> Void
    ) {
        (self.network, self.state, self.settings, self.path) = (network, state, settings, path)
        (self.port, self.conditions, self.report) = (port, conditions, report)
        samples = zip(state.hooks, network.featureCounts).map { hook, count in
            guard let kept = hook.samples, kept.featureCount == count else {
                return GateSamples(featureCount: count, byteLimit: settings.sampleBytes)
            }
            return kept.limited(to: settings.sampleBytes)
        }
        let kinds = state.decidingKinds
        joint = JointSampler(state.calibrations.first { $0.kinds == kinds }?.curve)
        network.gates = network.gates.unmapped
        generator = SeededGenerator(seed: settings.seed)
        policy = SamplingPolicy(settings.limits)
        limiter = ProcessorShare(share: settings.processorShare)
    }

    mutating func run() {
        LowPriority.takeOn()
        while pace(longest) {
            if !turn() { LowPriority.sleep(Self.pause) }
        }
        finish()
    }

    /// Publishes what was not taken yet, does a piece of replaying a frame if there is one, and trains when it is time
    /// to.
    /// - Returns: whether there was a frame.
    mutating func turn() -> Bool {
        if let gates = settings.collaborator?.attend(samples) { _ = install(gates) }
        if let set = pending, port.publish(set) {
            pending = nil
            settings.collaborator?.published()
        }
        guard let image = nextImage() else { return false }
        let start = PlanTimer.now()
        network.readings?.load(port.readings)
        let before = seen
        if piece == 0 { joint.frameBegan(decides: decides, using: &generator) }
        let isLast =
            joint.isMeasuring
            ? joint.measure(network, image, piece: piece)
            : network.replay(image, piece: piece, into: &samples, using: &generator)
        longest = max(longest - longest / 8, PlanTimer.now() - start)
        totals.samples += seen - before
        state.statistics.samples += seen - before
        piece = isLast ? 0 : piece + 1
        guard isLast else { return true }
        asked = (port.clock.frames, false)
        state.statistics.frames += 1
        if joint.isMeasuring {
            if joint.isDue { hold() }
        } else {
            fresh += 1
            if fresh >= settings.trainingInterval, train() { fresh = 0 }
        }
        tell()
        return true
    }

    /// Whether there is anything that can decide.
    private var decides: Bool { state.hooks.contains { $0.usableGate != nil || $0.expectedDamage != nil } }

    /// Offers the same gates, held to budgets as the latest measurement says.
    private mutating func hold() {
        state.calibrations = [.init(kinds: state.decidingKinds, curve: joint.curve)]
        pending = GateSet(
            state.hooks.map(\.usableGate), smallestBudgets: network.gates.smallestBudgets, budgets: state.budgetMap)
    }

    /// Samples ever added.
    private var seen: Int { samples.reduce(0) { $0 + $1.seen } }

    /// Keeps what was sampled since the last training, too.
    mutating func finish() {
        keepSamples()
        if joint.measured > 0 { state.calibrations = [.init(kinds: state.decidingKinds, curve: joint.curve)] }
        save()
        tell()
    }

    /// Asks for a frame when the policy's interval has passed, and gives it, once it is there, until it was replayed.
    private mutating func nextImage() -> UnsafeBufferPointer<Float>? {
        let frames = port.clock.frames
        if asked.isOpen { return port.filled }
        guard frames >= asked.frames + UInt64(policy.interval) || asked.frames == 0 else { return nil }
        port.ask()
        asked.isOpen = true
        return nil
    }

    /// Waits until a piece of so many nanoseconds may be done.
    /// - Returns: `false` at the end.
    private mutating func pace(_ nanoseconds: UInt64) -> Bool {
        let waiting = PlanTimer.now()
        while !port.isStopping {
            let now = PlanTimer.now()
            if now - mayWork.at >= Self.conditionsInterval { look(at: now) }
            let rest = limiter.wait(used: LowPriority.processorTime, at: now)
            if !mayWork.is {
                LowPriority.sleep(20 * Self.pause)
            } else if rest > 0 {
                LowPriority.sleep(min(rest, 20 * Self.pause))
            } else if port.clock.hasRoom(for: nanoseconds, at: now) || now - waiting > settings.patience {
                return true
            } else {
                LowPriority.sleep(Self.pause / 5)
            }
        }
        return false
    }

    private mutating func look(at now: UInt64) {
        let here = conditions()
        mayWork = (now, policy.mayWork(here))
        port.tell(here)
        guard totals.isResting == mayWork.is else { return }
        totals.isResting = !mayWork.is
        report(totals)
    }

    /// Of all gates, those that have samples to learn from.
    /// - Returns: whether it came to an end.
    private mutating func train() -> Bool {
        guard let gates = trained() else { return false }
        totals.trainings += 1
        if gates.contains(where: { $0?.validation.passes == false }) { totals.failures += 1 }
        let losses = gates.compactMap { $0?.validation.loss }
        if !losses.isEmpty {
            let mean = losses.reduce(0, +) / Double(losses.count)
            policy.trained(loss: mean, before: loss)
            loss = mean
        }
        guard install(gates) else { return false }
        save()
        return true
    }

    /// By hook; `nil` where the training was given up.
    private mutating func trained() -> [Gate?]? {
        if let collaborator = settings.collaborator {
            let seed = settings.seed &+ UInt64(totals.trainings) << 16
            return collaborator.train(samples, seed: seed) { pace(Self.batch) }
        }
        var gates: [Gate?] = []
        for index in samples.indices {
            let seed = settings.seed &+ UInt64(index) &+ UInt64(totals.trainings) << 16
            let (trainer, held) = (GateTrainer(settings.gates), samples[index])
            guard held.count >= GateTrainer.fewestSamples else {
                // What was learned before holds until there is more.
                gates.append(state.hooks[index].gate)
                continue
            }
            let gate = trainer.train(held, seed: seed) { pace(Self.batch) }
            guard !port.isStopping else { return nil }
            gates.append(gate)
        }
        return gates
    }

    /// Gates to decide by from now on.
    /// - Returns: whether it came to an end.
    private mutating func install(_ gates: [Gate?]) -> Bool {
        for index in gates.indices { state.hooks[index].gate = gates[index] }
        keepSamples()
        var budgets: [Float] = []
        for index in gates.indices {
            guard pace(Self.batch) else { return false }
            budgets.append(GateWorth.smallestBudget(of: index, in: state.hooks))
        }
        network.gates = GateSet(state.hooks.map(\.usableGate), smallestBudgets: budgets)
        joint.gatesChanged()
        hold()
        return true
    }

    private mutating func keepSamples() {
        for index in samples.indices { state.hooks[index].samples = samples[index] }
    }

    private mutating func save() {
        guard let path else { return }
        do {
            try state.write(to: path)
            totals.failure = nil
        } catch { totals.failure = "\(error)" }
    }

    private mutating func tell() {
        totals.sampleBytes = samples.reduce(0) { $0 + $1.byteCount }
        totals.interval = policy.interval
        totals.measuredFrames = joint.measured
        totals.processorNanoseconds = LowPriority.processorTime - usedBefore
        report(totals)
    }
}

/// Of the calling thread.
enum LowPriority {
    /// `SCHED_IDLE` of Linux: only while nobody else wants the processor.
    private static let idlePolicy: Int32 = 5

    static func takeOn() {
        var parameter = sched_param()
        if pthread_setschedparam(pthread_self(), idlePolicy, &parameter) == 0 { return }
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
    }

    static var processorTime: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    static func sleep(_ nanoseconds: UInt64) {
        var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        nanosleep(&time, nil)
    }
}
