import AgentCore
import Datasets
import Engine
import FleetModel
import InferenceAPI
import Mailboxes
import Processors
import Supernets
import Synchronization

/// One model on its executor's thread: where its frames come from, its session, the requests in work.
///
/// Belongs to that thread. No allocation on a frame's path once the first frame has been taken.
final class ModelLane {
    /// A model that is asked nothing gives way to the others for so long.
    static let unboundMilliseconds = 10_000.0

    let runner: ModelRunner
    private(set) var arrivals: FrameArrivals
    private(set) var constraintMilliseconds = ModelLane.unboundMilliseconds
    private var session: RunnerSession
    private let image: AlignedBuffer
    /// Of the points, as they are counted.
    private let accuracyMillionths: [UInt64]
    private var posted: ModelMailbox.Envelope?
    /// Frames of the stream run so far, the point of the last one, and the last point of all.
    private var (frames, last, point) = (UInt64(0), Int?.none, Int?.none)
    private var switches: UInt64 = 0
    private var jobs = [InferenceJob?](repeating: nil, count: InferenceQueue.heldLimit)
    /// Given up elsewhere than in the scheduler's queue.
    private var givenUp = ModelCounters.Drops()

    /// - Parameters:
    ///   - queueLimit: Frames that may wait.
    ///   - start: when its stream begins.
    init(_ runner: ModelRunner, queueLimit: Int, start: UInt64) {
        self.runner = runner
        let deployment = runner.deployment
        session = runner.session()
        accuracyMillionths = deployment.points.map { UInt64(($0.accuracy * 1e6).rounded()) }
        image = AlignedBuffer(count: deployment.plans.map { $0.inputShape.channels * $0.inputShape.pixels }.max() ?? 0)
        // Without a stream the first frame never comes.
        arrivals = FrameArrivals(
            framesPerSecond: deployment.framesPerSecond, queueLimit: queueLimit,
            start: deployment.stream == nil ? .max : start)
    }

    // A hooked frame's logits lie in its network's memory.
    deinit { withExtendedLifetime(session) {} }

    /// What binds the model from now on; `nil` where that has not changed.
    func newEnvelope() -> BoardManager.Envelope? {
        guard let envelope = runner.mailbox.read(), envelope != posted else { return nil }
        posted = envelope
        runner.counters.constraintMicroseconds.store(UInt64(envelope.latencyMicroseconds), ordering: .relaxed)
        guard !envelope.isWithdrawn else {
            constraintMilliseconds = Self.unboundMilliseconds
            return unbound
        }
        constraintMilliseconds = Double(envelope.latencyMicroseconds) / 1_000
        let highest = min(Int(envelope.highest), runner.deployment.plans.count - 1)
        return .init(
            constraintMilliseconds: constraintMilliseconds,
            percentile: Double(envelope.percentileThousandths) / 1_000, priority: Int(envelope.priority),
            lowest: min(Int(envelope.lowest), highest), highest: highest, preferred: Int(envelope.preferred),
            switchesPerMinute: envelope.switchesPerMinute == 0 ? .infinity : Double(envelope.switchesPerMinute))
    }

    var unbound: BoardManager.Envelope {
        .init(
            constraintMilliseconds: .infinity, percentile: 100, priority: 1, lowest: 0,
            highest: runner.deployment.plans.count - 1)
    }

    /// The stream's oldest frame that has arrived and was not taken.
    /// - Returns: what is new since the last call, and what was given up since.
    @inline(__always)
    func takeArrival(at now: UInt64) -> FrameArrivals.Frame? {
        guard let frame = arrivals.take(at: now) else { return nil }
        givenUp.full += frame.dropped
        return frame
    }

    /// A request that waits, if there is room for it here.
    /// - Returns: its place.
    func takeRequest() -> (slot: Int, job: InferenceJob)? {
        guard let requests = runner.requests, let slot = jobs.firstIndex(where: { $0 == nil }),
            let job = requests.take()
        else { return nil }
        jobs[slot] = job
        return (slot, job)
    }

    /// Images of requests that were turned away since the last call.
    func takeRefused() -> UInt64 {
        let refused = runner.requests?.takeRefused() ?? 0
        givenUp.refused += refused
        return refused
    }

    // MARK: Running

    /// Runs a frame of the stream.
    /// - Parameter predicted: milliseconds it is expected to take.
    /// - Returns: the largest output, and the label where there is one.
    @inline(__always)
    func run(_ frame: UInt64, at point: Int, predicted: Double) -> (answer: Int, label: Int?) {
        let deployment = runner.deployment
        guard let stream = deployment.stream else { preconditionFailure("a frame without a stream") }
        let index = stream.image(of: frame)
        let input = input(at: point)
        deployment.preprocessors[point].convert(stream.images, at: index, into: input)
        session.takeOver(from: runner.exchange)
        let logits = infer(UnsafeBufferPointer(input), at: point, predicted: predicted, sensors: [:])
        (frames, last) = (frames + 1, point)
        note(point)
        return (logits.indexOfMaximum, stream.label(of: index))
    }

    /// What is done with a request's next image.
    enum Service {
        /// The time was over before it could begin.
        case refused
        /// - Parameter isLast: whether the request is done.
        case run(point: Int, end: UInt64, isLast: Bool)
    }

    func job(_ slot: Int) -> InferenceJob? { jobs[slot] }

    /// Runs the next image of the request in this place.
    func serve(_ slot: Int, at planned: Int, from start: UInt64, slowdown: Double) -> Service {
        guard let job = jobs[slot] else { preconditionFailure("no request in place \(slot)") }
        last = nil
        if let deadline = job.deadline, start >= deadline {
            givenUp.timedOut += UInt64(job.request.images - job.image)
            job.refuse("the timeout passed before image \(job.image + 1) of \(job.request.images) was run")
            end(slot)
            return .refused
        }
        let turn = job.turn
        let point = job.begin(at: planned, of: runner.deployment)
        let input = input(at: point)
        job.place(into: input)
        let predicted = runner.deployment.points[point].latencyMilliseconds * slowdown
        session.takeOver(from: runner.exchange)
        let logits = infer(
            UnsafeBufferPointer(input), at: point, predicted: predicted, sensors: job.request.sensors)
        note(point)
        let now = MonotonicClock.now()
        count(
            at: point, latencyMilliseconds: Double(now - turn) / 1e6, answer: logits.indexOfMaximum, label: nil,
            isOverdue: now > job.deadline ?? .max)
        let isLast = job.imageCompleted(logits, at: now)
        if isLast { end(slot) }
        return .run(point: point, end: now, isLast: isLast)
    }

    private func end(_ slot: Int) {
        jobs[slot] = nil
        runner.requests?.ended()
    }

    /// Nobody is left waiting.
    func refuseAll(_ reason: String) {
        for slot in jobs.indices {
            jobs[slot]?.refuse(reason)
            jobs[slot] = nil
        }
    }

    /// Counts zeros in the network's maps, in time that is left.
    func sampleZeros(at now: UInt64, until next: UInt64) {
        session.sampleZeros(frames, at: last, image, idle: next - min(next, now))
    }

    private func input(at point: Int) -> UnsafeMutableBufferPointer<Float> {
        let shape = runner.deployment.plans[point].inputShape
        return UnsafeMutableBufferPointer(start: image.base, count: shape.channels * shape.pixels)
    }

    /// Through hooks where the point has a budget for them.
    @inline(__always)
    private func infer(
        _ image: UnsafeBufferPointer<Float>, at point: Int, predicted: Double, sensors: [String: Double]
    ) -> UnsafeBufferPointer<Float> {
        session.hooks?.hooked.run(image, at: point, predicted: predicted, sensors: sensors)
            ?? session.plain.run(runner.deployment.plans[point], on: image)
    }

    // MARK: Counting

    private func note(_ point: Int) {
        if let before = self.point, before != point { switches += 1 }
        self.point = point
    }

    /// - Parameter isOverdue: whether it ended later than its own deadline. That counts as a frame that is later than
    ///   the constraint does, and once where it is both: one that expires before it begins counts as dropped.
    @inline(__always)
    func count(at point: Int, latencyMilliseconds: Double, answer: Int, label: Int?, isOverdue: Bool = false) {
        let counters = runner.counters
        let microseconds = UInt64(max(0, latencyMilliseconds) * 1_000)
        counters.count(bucket: LatencyHistogram.bucket(forMicroseconds: microseconds))
        counters.latencyMicroseconds.wrappingAdd(microseconds, ordering: .relaxed)
        counters.frames.wrappingAdd(1, ordering: .relaxed)
        counters.expectedMillionths.wrappingAdd(accuracyMillionths[point], ordering: .relaxed)
        let constraint = counters.constraintMicroseconds.load(ordering: .relaxed)
        let isLate = constraint > 0 && microseconds > constraint
        if isLate || isOverdue { counters.violations.wrappingAdd(1, ordering: .relaxed) }
        guard let label else { return }
        counters.labelled.wrappingAdd(1, ordering: .relaxed)
        if answer == label { counters.correct.wrappingAdd(1, ordering: .relaxed) }
    }

    /// - Parameters:
    ///   - planned: the point that the plan gives the model now, which is told until a frame has run.
    ///   - dropped: frames that the scheduler's queue has given up since the start.
    ///   - late: of them, those that were or would have been late.
    @inline(__always)
    func publish(planned: Int, dropped: UInt64, late: UInt64) {
        runner.counters.activePoint.store(UInt64(point ?? planned), ordering: .relaxed)
        runner.counters.switches.store(switches, ordering: .relaxed)
        runner.counters.late.store(givenUp.late + late, ordering: .relaxed)
        runner.counters.full.store(givenUp.full + dropped - late, ordering: .relaxed)
        runner.counters.refused.store(givenUp.refused, ordering: .relaxed)
        runner.counters.timedOut.store(givenUp.timedOut, ordering: .relaxed)
    }
}
