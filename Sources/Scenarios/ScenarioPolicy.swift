import AgentCore
import FleetModel
import ResourceAllocation
import SearchSpace

/// Who decides in a scenario; one instance lives through one run.
protocol ScenarioPolicy: PointPolicy {
    /// These models are on the board from now on.
    mutating func modelsChanged(_ present: [Bool], atMilliseconds now: Double)
}

extension Scenario {
    /// Share of the processor's time that assignments leave free, as on a fleet.
    static let reserve = BoardBudget.usualReserve

    /// What the coordinator decides for these models on the idle board; points are positions in the tables.
    func allocation(of present: [Bool]) -> [ModelAllocation?] {
        let requests = models.indices.filter { present[$0] }.map { index in
            let model = models[index]
            return AllocationRequest(
                policy: ModelPolicy(
                    model: model.name,
                    latency: LatencyConstraint(
                        milliseconds: model.constraintMilliseconds, percentile: model.percentile),
                    accuracyFloor: model.accuracyFloor, priority: model.priority),
                points: model.points.map { point in
                    OperatingPoint(
                        configuration: .init(resolution: 0, depths: [], kernelSizes: [], expandRatios: []),
                        accuracy: point.accuracy, latencyMilliseconds: point.latencyMilliseconds, flops: 0)
                }, framesPerSecond: model.framesPerSecond)
        }
        let allocation = Allocator.allocate(requests, within: BoardBudget(cores: 1, reserve: Self.reserve))
        return models.map { model in allocation.models.first { $0.model == model.name } }
    }

    /// Of each model the lowest point that its accuracy floor leaves it, or that is given where none reaches the floor.
    var lowestPoints: [Int] {
        models.indices.map { index in
            guard models[index].accuracyFloor != nil else { return 0 }
            return allocation(of: models.indices.map { $0 == index })[index]?.lowestPoint ?? 0
        }
    }
}

/// The product's own decisions: the coordinator's assignment whenever models come or leave, and the board's manager
/// frame by frame inside of it.
struct ManagedPolicy: ScenarioPolicy {
    private let scenario: Scenario
    private var manager: BoardManager
    private var present: [Bool]

    init(_ scenario: Scenario) {
        self.scenario = scenario
        present = scenario.models.map { _ in false }
        manager = BoardManager(
            models: scenario.models.map { model in
                BoardManager.Model(
                    framesPerSecond: model.framesPerSecond, mode: model.mode,
                    idleMilliseconds: model.points.map(\.latencyMilliseconds),
                    accuracies: model.points.map(\.accuracy))
            })
    }

    mutating func modelsChanged(_ present: [Bool], atMilliseconds now: Double) {
        let allocation = scenario.allocation(of: present)
        for index in present.indices {
            if let share = allocation[index] {
                let model = scenario.models[index]
                manager.modelAssigned(
                    index,
                    .init(
                        constraintMilliseconds: model.constraintMilliseconds, percentile: model.percentile,
                        priority: model.priority, lowest: share.lowestPoint, highest: share.highestPoint,
                        preferred: share.preferredPoint),
                    atMilliseconds: now)
            } else if self.present[index] {
                manager.modelWithdrawn(index, atMilliseconds: now)
            }
        }
        self.present = present
    }

    mutating func point(
        for frame: DeadlineQueue.Frame, queue: borrowing DeadlineQueue, atMilliseconds now: Double
    ) -> Int? {
        manager.point(for: frame, queue: queue, atMilliseconds: now)
    }

    mutating func frameCompleted(
        _ frame: DeadlineQueue.Frame, point: Int, serviceMilliseconds: Double, atMilliseconds now: Double
    ) {
        manager.frameCompleted(
            frame, point: point, serviceMilliseconds: serviceMilliseconds, atMilliseconds: now)
    }

    mutating func framesDropped(_ model: Int, count: Int, atMilliseconds now: Double) {
        manager.framesDropped(model, count: count, atMilliseconds: now)
    }
}

/// The same point for every frame of a model.
struct StaticPolicy: ScenarioPolicy {
    let points: [Int]

    /// The best assignment for all models of the scenario together on the idle board.
    static func bestFit(_ scenario: Scenario) -> StaticPolicy {
        StaticPolicy(
            points: scenario.allocation(of: scenario.models.map { _ in true }).map { $0?.preferredPoint ?? 0 })
    }

    /// The fastest points that keep the accuracy floors.
    static func smallest(_ scenario: Scenario) -> StaticPolicy { StaticPolicy(points: scenario.lowestPoints) }

    mutating func modelsChanged(_ present: [Bool], atMilliseconds now: Double) {}

    func point(
        for frame: DeadlineQueue.Frame, queue: borrowing DeadlineQueue, atMilliseconds now: Double
    ) -> Int? { points[frame.model] }

    mutating func frameCompleted(
        _ frame: DeadlineQueue.Frame, point: Int, serviceMilliseconds: Double, atMilliseconds now: Double
    ) {}

    mutating func framesDropped(_ model: Int, count: Int, atMilliseconds now: Double) {}
}

/// Every model at the point that is best for it alone on the idle board; while frames miss their constraints, the
/// model of least priority is taken off the board, and after a quiet while the last one comes back.
struct EvictingPolicy: ScenarioPolicy {
    private static let windowMilliseconds = 500.0
    private static let returnMilliseconds = 3_000.0

    private let scenario: Scenario
    private let points: [Int]
    private var present: [Bool]
    /// In the order of eviction.
    private var evicted: [Int] = []
    private var windowStart = 0.0
    private var frames = 0
    private var missed = 0
    private var changedAt = 0.0

    init(_ scenario: Scenario) {
        self.scenario = scenario
        present = scenario.models.map { _ in false }
        points = scenario.models.indices.map { index in
            scenario.allocation(of: scenario.models.indices.map { $0 == index })[index]?.preferredPoint ?? 0
        }
    }

    mutating func modelsChanged(_ present: [Bool], atMilliseconds now: Double) {
        self.present = present
        evicted.removeAll { !present[$0] }
    }

    func point(
        for frame: DeadlineQueue.Frame, queue: borrowing DeadlineQueue, atMilliseconds now: Double
    ) -> Int? { evicted.contains(frame.model) ? nil : points[frame.model] }

    mutating func frameCompleted(
        _ frame: DeadlineQueue.Frame, point: Int, serviceMilliseconds: Double, atMilliseconds now: Double
    ) {
        frames += 1
        missed += now > frame.deadline ? 1 : 0
        guard now - windowStart >= Self.windowMilliseconds else { return }
        let serving = present.indices.filter { present[$0] && !evicted.contains($0) }
        if Double(missed) > 0.05 * Double(frames), serving.count > 1 {
            let least = serving.min { scenario.models[$0].priority < scenario.models[$1].priority }
            if let least { evicted.append(least) }
            changedAt = now
        } else if missed == 0, now - changedAt >= Self.returnMilliseconds, !evicted.isEmpty {
            evicted.removeLast()
            changedAt = now
        }
        (windowStart, frames, missed) = (now, 0, 0)
    }

    mutating func framesDropped(_ model: Int, count: Int, atMilliseconds now: Double) {
        frames += count
        missed += count
    }
}
