import AgentCore
import Datasets
import Engine
import FleetModel
import Foundation
import InferenceAPI
import Supernets
import Synchronization

/// Runs one model's stream on a thread of its own: takes frames as they arrive, runs the active operating point,
/// counts, and lets the runtime manager choose the point for the next frame.
///
/// Nothing on a frame's path allocates, locks or logs once the first frame has been taken: the envelope comes in
/// through a mailbox of one word, the counts go out through atomics.
///
/// Requests of the inference endpoint, where there is one, run here too, so that the session has one thread: an image
/// after each frame while any waits, at the point that the manager chose, counted like frames.
final class ModelRunner: Sendable {
    /// Frames that may wait; at the demonstration's rates about a tenth of a second.
    static let queueLimit = 32
    /// How long the thread sleeps at most, so that it notices `stop`.
    private static let longestSleep: UInt64 = 100_000_000

    let deployment: ModelDeployment
    let counters: ModelCounters
    let hookCounters: HookCounters
    let mailbox = ModelMailbox()
    /// `nil` where there is no endpoint.
    let requests: InferenceQueue?
    private let isStopping = Atomic<Bool>(false)

    init(_ deployment: ModelDeployment, requests: InferenceQueue? = nil) {
        self.deployment = deployment
        self.requests = requests
        counters = ModelCounters(bucketCount: LatencyHistogram.bucketCount)
        hookCounters = HookCounters(kindCount: deployment.hooks?.kinds.count ?? 0)
    }

    func start() {
        let thread = Thread { [self] in run() }
        thread.name = "model"
        thread.stackSize = 1 << 20
        thread.start()
    }

    func stop() {
        isStopping.store(true, ordering: .relaxed)
        requests?.close()
    }

    private func run() {
        let session = RunnerSession(
            plain: Session(for: deployment.plans),
            // What could be refused was when the hooks were loaded.
            hooked: deployment.hooks.flatMap { try? HookedRunner($0, hookCounters) },
            zeros: deployment.hooks.flatMap { ZeroSampler($0.plain, hookCounters) },
            hookedPoints: deployment.hooks?.budgets.map { $0 != nil } ?? [])
        // A frame's logits lie in its arena.
        defer { withExtendedLifetime(session) {} }
        let largest = deployment.plans.map { $0.inputShape.channels * $0.inputShape.pixels }.max() ?? 0
        let image = AlignedBuffer(count: largest)
        var manager = RuntimeManager(
            settings: .init(
                mode: deployment.mode, framesPerSecond: deployment.framesPerSecond),
            idleMilliseconds: deployment.points.map(\.latencyMilliseconds))
        var envelope: ModelMailbox.Envelope?
        var arrivals = FrameArrivals(
            framesPerSecond: deployment.framesPerSecond, queueLimit: Self.queueLimit, start: MonotonicClock.now())
        var (frames, last) = (UInt64(0), Int?.none)
        var job: InferenceJob?
        defer { job?.refuse("the agent is stopping") }
        while !isStopping.load(ordering: .relaxed) {
            if let posted = mailbox.read(), posted != envelope {
                envelope = posted
                adopt(posted, &manager)
            }
            let now = MonotonicClock.now()
            let frame = arrivals.take(at: now)
            if let frame {
                (frames, last) = (frames + 1, manager.point)
                process(frame, session, image, &manager)
            }
            if job == nil { job = requests?.take() }
            if let current = job {
                last = nil
                if serve(current, session, image, &manager) { job = nil }
            } else if frame == nil {
                session.sampleZeros(
                    frames, at: last, image, idle: arrivals.nextArrival - min(arrivals.nextArrival, now))
                sleep(until: min(arrivals.nextArrival, now + Self.longestSleep))
            }
        }
    }

    private func sleep(until instant: UInt64) {
        if let requests { requests.sleep(until: instant) } else { MonotonicClock.sleep(until: instant) }
    }

    /// Runs the next image of a request.
    /// - Returns: whether the request is done.
    private func serve(
        _ job: InferenceJob, _ session: RunnerSession, _ image: AlignedBuffer, _ manager: inout RuntimeManager
    ) -> Bool {
        let start = MonotonicClock.now()
        if let deadline = job.deadline, start >= deadline {
            counters.dropped.wrappingAdd(UInt64(job.request.images - job.image), ordering: .relaxed)
            job.refuse("the timeout passed before image \(job.image + 1) of \(job.request.images) was run")
            return true
        }
        let turn = job.turn
        let point = job.begin(at: manager.point, of: deployment)
        let plan = deployment.plans[point]
        let input = UnsafeMutableBufferPointer(
            start: image.base, count: plan.inputShape.channels * plan.inputShape.pixels)
        job.place(into: input)
        let logits = infer(
            UnsafeBufferPointer(input), at: point, session, manager, sensors: job.request.sensors)
        let end = MonotonicClock.now()
        let dropped = requests?.takeRefused() ?? 0
        count(dropped: dropped, latency: end - turn, answer: logits.indexOfMaximum, label: nil)
        _ = manager.frameCompleted(
            .init(
                latencyMilliseconds: Double(end - turn) / 1e6, serviceMilliseconds: Double(end - start) / 1e6,
                dropped: Int(clamping: dropped)), atMilliseconds: Double(end) / 1e6)
        publish(manager)
        return job.imageCompleted(logits, at: end)
    }

    private func adopt(_ envelope: ModelMailbox.Envelope, _ manager: inout RuntimeManager) {
        defer {
            counters.constraintMicroseconds.store(UInt64(envelope.latencyMicroseconds), ordering: .relaxed)
            publish(manager)
        }
        guard !envelope.isWithdrawn else {
            return manager.assignmentWithdrawn(atMilliseconds: Double(MonotonicClock.now()) / 1e6)
        }
        let highest = min(Int(envelope.highest), deployment.plans.count - 1)
        manager.assignmentChanged(
            .init(
                latencyMilliseconds: Double(envelope.latencyMicroseconds) / 1_000,
                lowest: min(Int(envelope.lowest), highest), highest: highest,
                preferred: min(Int(envelope.preferred), highest)),
            atMilliseconds: Double(MonotonicClock.now()) / 1e6)
    }

    @inline(__always)
    private func process(
        _ frame: FrameArrivals.Frame, _ session: RunnerSession, _ image: AlignedBuffer, _ manager: inout RuntimeManager
    ) {
        let start = MonotonicClock.now()
        let index = deployment.stream.image(of: frame.index)
        let plan = deployment.plans[manager.point]
        let input = UnsafeMutableBufferPointer(
            start: image.base, count: plan.inputShape.channels * plan.inputShape.pixels)
        deployment.preprocessors[manager.point].convert(deployment.stream.images, at: index, into: input)
        let logits = infer(UnsafeBufferPointer(input), at: manager.point, session, manager)
        let end = MonotonicClock.now()
        count(
            dropped: frame.dropped, latency: end - frame.arrival, answer: logits.indexOfMaximum,
            label: deployment.stream.label(of: index))
        _ = manager.frameCompleted(
            .init(
                latencyMilliseconds: Double(end - frame.arrival) / 1e6, serviceMilliseconds: Double(end - start) / 1e6,
                dropped: Int(frame.dropped)), atMilliseconds: Double(end) / 1e6)
        publish(manager)
    }

    /// Through hooks where the point has a budget for them.
    @inline(__always)
    private func infer(
        _ image: UnsafeBufferPointer<Float>, at point: Int, _ session: RunnerSession, _ manager: RuntimeManager,
        sensors: [String: Double] = [:]
    ) -> UnsafeBufferPointer<Float> {
        let predicted = deployment.points[point].latencyMilliseconds * manager.slowdown
        return session.hooked?.run(image, at: point, predicted: predicted, sensors: sensors)
            ?? session.plain.run(deployment.plans[point], on: image)
    }

    @inline(__always)
    private func count(dropped: UInt64, latency: UInt64, answer: Int, label: Int?) {
        let microseconds = latency / 1_000
        counters.count(bucket: LatencyHistogram.bucket(forMicroseconds: microseconds))
        counters.frames.wrappingAdd(1, ordering: .relaxed)
        counters.dropped.wrappingAdd(dropped, ordering: .relaxed)
        let constraint = counters.constraintMicroseconds.load(ordering: .relaxed)
        if constraint > 0, microseconds > constraint { counters.violations.wrappingAdd(1, ordering: .relaxed) }
        guard let label else { return }
        counters.labelled.wrappingAdd(1, ordering: .relaxed)
        if answer == label { counters.correct.wrappingAdd(1, ordering: .relaxed) }
    }

    @inline(__always)
    private func publish(_ manager: RuntimeManager) {
        counters.activePoint.store(UInt64(manager.point), ordering: .relaxed)
        counters.switches.store(manager.switches, ordering: .relaxed)
    }
}

/// What a model's thread runs frames with.
struct RunnerSession {
    let plain: Session
    let hooked: HookedRunner?
    let zeros: ZeroSampler?
    /// Points of the network that zeros are counted in.
    let hookedPoints: [Bool]

    /// - Parameters:
    ///   - frames: run so far.
    ///   - point: of the last one; `nil` where its image is gone.
    func sampleZeros(_ frames: UInt64, at point: Int?, _ image: AlignedBuffer, idle: UInt64) {
        guard let zeros, let point, hookedPoints[point] else { return }
        zeros.sample(frames: frames, image, idle: idle)
    }
}
