import AgentCore
import FleetModel
import Foundation
import Processors
import Synchronization

/// One processor's share of the board: a thread that runs the frames of all its models, earliest deadline first, at
/// the points that a `BoardManager` chooses for them together.
///
/// Frames of the models' streams, and requests of the application where there are any, wait in one queue. Stale frames
/// of a stream are dropped and counted. Nothing on a frame's path allocates, locks or logs once the first frame has
/// been taken: envelopes come in through mailboxes of two words, counts go out through atomics.
final class BoardExecutor: Sendable {
    let runners: [ModelRunner]
    private let processor: Int?
    private let wakeUp: WakeUp
    private let conditions: BoardConditions
    private let isStopping = Atomic<Bool>(false)
    private let thread = Atomic<Int32>(0)

    /// As the kernel numbers its thread; 0 until that runs.
    var threadNumber: Int32 { thread.load(ordering: .relaxed) }

    /// For whoever holds the thread to a share.
    var shareLane: ShareDesk.Lane {
        .init(models: runners.map(\.deployment.name.rawValue), processor: processor) { self.threadNumber }
    }

    /// - Parameters:
    ///   - processor: that the thread is bound to, if any.
    ///   - wakeUp: that the runners' queues of requests wake the thread by.
    init(
        _ runners: [ModelRunner], processor: Int? = nil, wakeUp: WakeUp = WakeUp(),
        conditions: BoardConditions = BoardConditions()
    ) {
        self.conditions = conditions
        self.runners = runners
        self.processor = processor
        self.wakeUp = wakeUp
    }

    /// Executors for all models of a board.
    /// - Parameter answersRequests: whether there is an endpoint.
    static func executors(
        for deployments: [ModelDeployment], on hardware: BoardHardware, answersRequests: Bool,
        conditions: BoardConditions
    ) -> [BoardExecutor] {
        ExecutorShare.shares(of: deployments, cores: hardware.cores).map { share in
            let wakeUp = WakeUp()
            let runners = share.models.map { model in
                ModelRunner(
                    deployments[model], requests: answersRequests ? InferenceQueue(wakeUp: wakeUp) : nil)
            }
            return BoardExecutor(runners, processor: share.processor, wakeUp: wakeUp, conditions: conditions)
        }
    }

    func start() {
        let thread = Thread { [self] in run() }
        thread.name = "models"
        thread.stackSize = 1 << 20
        thread.start()
    }

    func stop() {
        isStopping.store(true, ordering: .relaxed)
        for runner in runners { runner.requests?.close() }
        wakeUp.signal()
    }

    private func run() {
        let loop = ExecutorLoop(runners, wakeUp: wakeUp, conditions: conditions)
        // Threads that learn beside this one have been started, and are not bound.
        if let processor { ProcessorAffinity(processor: processor).takeOn() }
        self.thread.store(ThreadNumber.current, ordering: .relaxed)
        while !isStopping.load(ordering: .relaxed) {
            if !loop.runNextFrame() { loop.sleep() }
        }
        loop.refuseAll("the agent is stopping")
    }
}

extension ExecutorShare {
    /// Models weigh by their share of a core at the slowest point.
    static func shares(of deployments: [ModelDeployment], cores: Double) -> [ExecutorShare] {
        let loads = deployments.map { ($0.points.map(\.latencyMilliseconds).max() ?? 0) * $0.framesPerSecond / 1_000 }
        return shares(processors: deployments.map(\.processor), loads: loads, cores: cores)
    }
}

/// What an executor's thread does, turn by turn. Belongs to that thread.
final class ExecutorLoop {
    /// Frames of each model that may wait; requests are fewer.
    static let queueCapacity = 32
    /// How long the thread sleeps at most, so that it notices that it shall stop.
    private static let longestSleep: UInt64 = 100_000_000

    private let start = MonotonicClock.now()
    private let wakeUp: WakeUp
    private let conditions: BoardConditions
    private var lastConditions = BoardManager.Conditions()
    private let lanes: [ModelLane]
    private var scheduler: BoardScheduler<BoardManager>

    init(
        _ runners: [ModelRunner], wakeUp: WakeUp = WakeUp(), conditions: BoardConditions = BoardConditions()
    ) {
        (self.wakeUp, self.conditions) = (wakeUp, conditions)
        let start = start
        // Cameras do not start in step.
        lanes = runners.enumerated().map { index, runner in
            let interval = 1e9 / runner.deployment.framesPerSecond
            let offset = UInt64(min(interval, 1e9) * Double(index) / Double(runners.count))
            return ModelLane(runner, queueLimit: Self.queueCapacity, start: start + offset)
        }
        let manager = BoardManager(
            models: runners.map { runner in
                let deployment = runner.deployment
                return .init(
                    framesPerSecond: deployment.framesPerSecond, mode: deployment.mode,
                    idleMilliseconds: deployment.points.map(\.latencyMilliseconds),
                    accuracies: deployment.points.map(\.accuracy))
            })
        scheduler = BoardScheduler(manager, models: runners.count, capacity: Self.queueCapacity)
        for model in lanes.indices {
            scheduler.policy.modelAssigned(model, lanes[model].unbound, atMilliseconds: 0)
        }
    }

    /// Takes in what has arrived, and runs what is due first.
    /// - Returns: whether there was something.
    func runNextFrame() -> Bool {
        let now = MonotonicClock.now()
        let sensed = conditions.read()
        if sensed != lastConditions {
            lastConditions = sensed
            scheduler.policy.conditionsChanged(sensed, atMilliseconds: milliseconds(now))
        }
        for model in lanes.indices { admit(model, at: now) }
        let turn = scheduler.next(atMilliseconds: milliseconds(now))
        if let turn {
            if turn.frame.isRequest { serve(turn.frame, at: turn.point) } else { run(turn.frame, at: turn.point) }
        }
        for model in lanes.indices {
            lanes[model].publish(
                planned: scheduler.policy.plannedPoint(of: model), dropped: scheduler.dropped(of: model),
                late: scheduler.droppedLate(of: model))
        }
        return turn != nil
    }

    /// Until the next frame arrives, or a request.
    func sleep() {
        let next = lanes.reduce(UInt64.max) { min($0, $1.arrivals.nextArrival) }
        for lane in lanes { lane.sampleZeros(at: MonotonicClock.now(), until: next) }
        wakeUp.sleep(until: min(next, MonotonicClock.now() + Self.longestSleep))
    }

    func refuseAll(_ reason: String) { for lane in lanes { lane.refuseAll(reason) } }

    private func milliseconds(_ instant: UInt64) -> Double { Double(instant &- start) / 1e6 }

    private func admit(_ model: Int, at now: UInt64) {
        let lane = lanes[model]
        if let envelope = lane.newEnvelope() {
            scheduler.policy.modelAssigned(model, envelope, atMilliseconds: milliseconds(now))
        }
        while let frame = lane.takeArrival(at: now) {
            if frame.dropped > 0 { dropped(frame.dropped, of: model, at: now) }
            let arrival = milliseconds(frame.arrival)
            scheduler.arrived(
                .init(
                    model: model, index: frame.index, arrival: arrival,
                    deadline: arrival + lane.constraintMilliseconds))
        }
        while let request = lane.takeRequest() { wait(request.slot, request.job, of: model) }
        let refused = lane.takeRefused()
        if refused > 0 { dropped(refused, of: model, at: now) }
    }

    private func dropped(_ count: UInt64, of model: Int, at now: UInt64) {
        scheduler.policy.framesDropped(model, count: Int(clamping: count), atMilliseconds: milliseconds(now))
    }

    /// A request's next image takes its place among the frames.
    private func wait(_ slot: Int, _ job: InferenceJob, of model: Int) {
        let arrival = milliseconds(job.turn)
        scheduler.arrived(
            .init(
                model: model, index: UInt64(slot), arrival: arrival,
                deadline: job.deadline.map { $0 == .max ? .greatestFiniteMagnitude : milliseconds($0) }
                    ?? arrival + lanes[model].constraintMilliseconds,
                isRequest: true))
    }

    private func run(_ frame: DeadlineQueue.Frame, at point: Int) {
        let lane = lanes[frame.model]
        let predicted = lane.runner.deployment.points[point].latencyMilliseconds * scheduler.policy.slowdown
        let begin = MonotonicClock.now()
        let (answer, label) = lane.run(frame.index, at: point, predicted: predicted)
        let end = MonotonicClock.now()
        lane.count(
            at: point, latencyMilliseconds: milliseconds(end) - frame.arrival, answer: answer, label: label)
        scheduler.completed(
            frame, point: point, serviceMilliseconds: Double(end - begin) / 1e6, atMilliseconds: milliseconds(end))
    }

    private func serve(_ frame: DeadlineQueue.Frame, at point: Int) {
        let (lane, slot) = (lanes[frame.model], Int(frame.index))
        let begin = MonotonicClock.now()
        let job = lane.job(slot)
        switch lane.serve(slot, at: point, from: begin, slowdown: scheduler.policy.slowdown) {
        case .refused: break
        case .run(let point, let end, let isLast):
            // How soon an application wants its answer does not say what the model is asked.
            var judged = frame
            judged.deadline = frame.arrival + lane.constraintMilliseconds
            scheduler.completed(
                judged, point: point, serviceMilliseconds: Double(end - begin) / 1e6,
                atMilliseconds: milliseconds(end))
            if !isLast, let job { wait(slot, job, of: frame.model) }
        }
    }
}
