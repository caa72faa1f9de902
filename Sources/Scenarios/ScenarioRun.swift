import AgentCore
import SearchSpace

/// One policy living through a scenario: one processor, frames of all models in the order of their deadlines, runs that
/// are not interrupted.
struct ScenarioRun<Board: ScenarioBoard, Policy: ScenarioPolicy> {
    /// Frames of one model that may wait.
    static var queueCapacity: Int { 32 }

    private let scenario: Scenario
    private var scheduler: BoardScheduler<Policy>
    private var arrivals: [ArrivalProcess]
    private var board: Board
    private var present: [Bool]
    private var now: Double { board.milliseconds }
    private var dropped: [UInt64]
    /// Of each model, when the frames arrived of which nothing is known yet; the oldest is the first to run or be
    /// dropped.
    private var waiting: [[Double]]
    private(set) var trace: RunTrace

    private init(_ scenario: Scenario, _ policy: Policy, on board: Board) {
        self.scenario = scenario
        self.board = board
        scheduler = BoardScheduler(policy, models: scenario.models.count, capacity: Self.queueCapacity)
        arrivals = scenario.models.indices.map { ArrivalProcess(scenario, model: $0) }
        present = scenario.models.map { _ in false }
        dropped = scenario.models.map { _ in 0 }
        waiting = scenario.models.map { _ in [] }
        trace = RunTrace(models: scenario.models.count)
    }

    /// What the policy makes of the scenario. The frames are the same for every policy.
    static func trace(_ scenario: Scenario, _ policy: Policy, on board: Board) -> RunTrace {
        var run = ScenarioRun(scenario, policy, on: board)
        run.run()
        return run.trace
    }

    private mutating func run() {
        let end = scenario.seconds * 1_000
        while true {
            admit()
            updatePresence()
            let stamp = board.stamp
            if let turn = scheduler.next(atMilliseconds: now) {
                serve(turn, since: stamp)
            } else {
                let next = arrivals.map(\.next).min() ?? .infinity
                guard next < end else { break }
                board.wait(untilMilliseconds: next)
            }
        }
        collectDropped()
    }

    private mutating func admit() {
        for model in arrivals.indices {
            while arrivals[model].next <= now, arrivals[model].next < scenario.seconds * 1_000 {
                let (index, arrival) = arrivals[model].take()
                waiting[model].append(arrival)
                scheduler.arrived(
                    .init(
                        model: model, index: index, arrival: arrival,
                        deadline: arrival + scenario.models[model].constraintMilliseconds))
            }
        }
    }

    private mutating func updatePresence() {
        let current = scenario.models.indices.map { scenario.isPresent($0, atSeconds: now / 1_000) }
        guard current != present else { return }
        present = current
        scheduler.policy.modelsChanged(current, atMilliseconds: now)
    }

    /// - Parameter stamp: when the frame was looked for.
    private mutating func serve(_ turn: BoardScheduler<Policy>.Turn, since stamp: UInt64) {
        let frame = turn.frame
        collectDropped()
        waiting[frame.model].removeFirst()
        let decided = board.stamp - stamp
        let service = board.run(model: frame.model, point: turn.point)
        let (end, learnt) = (now, board.stamp)
        scheduler.completed(frame, point: turn.point, serviceMilliseconds: service, atMilliseconds: end)
        trace.completed(
            .init(
                model: frame.model, arrival: frame.arrival, latency: end - frame.arrival, point: turn.point,
                isKept: end <= frame.deadline),
            decisionNanoseconds: decided + (board.stamp - learnt))
    }

    private mutating func collectDropped() {
        for model in dropped.indices {
            let count = scheduler.dropped(of: model)
            guard count > dropped[model] else { continue }
            let given = Int(count - dropped[model])
            for arrival in waiting[model].prefix(given) { trace.dropped(model, arrival: arrival) }
            waiting[model].removeFirst(given)
            dropped[model] = count
        }
    }
}

extension ScenarioRun where Board == VirtualBoard {
    static func trace(_ scenario: Scenario, _ policy: Policy) -> RunTrace {
        trace(scenario, policy, on: VirtualBoard(scenario))
    }
}

/// When the frames of one model arrive.
struct ArrivalProcess {
    /// Milliseconds; infinity after the last.
    private(set) var next: Double
    private let interval: Double
    private let end: Double
    private let isPoisson: Bool
    private var index: UInt64 = 0
    private var generator: SeededGenerator

    init(_ scenario: Scenario, model index: Int) {
        let model = scenario.models[index]
        interval = 1_000 / model.framesPerSecond
        end = model.leavesSeconds * 1_000
        isPoisson = model.arrivals == .poisson
        generator = SeededGenerator(seed: scenario.seed &+ UInt64(index) &* 7_919)
        // Cameras do not start in step.
        next = model.arrivesSeconds * 1_000 + .random(in: 0..<interval, using: &generator)
        if next >= end { next = .infinity }
    }

    mutating func take() -> (UInt64, Double) {
        let taken = (index, next)
        index += 1
        next += isPoisson ? interval * exponential() : interval
        if next >= end { next = .infinity }
        return taken
    }

    /// Of mean 1, by comparing uniform numbers only (von Neumann 1951).
    private mutating func exponential() -> Double {
        var whole = 0.0
        while true {
            let first = Double.random(in: 0..<1, using: &generator)
            var (last, length) = (first, 1)
            while true {
                let number = Double.random(in: 0..<1, using: &generator)
                guard number < last else { break }
                (last, length) = (number, length + 1)
            }
            if length % 2 == 1 { return whole + first }
            whole += 1
        }
    }
}
