import Engine
import FleetModel
import Foundation
import Processors
import Supernets
import Synchronization

/// Measures what the board's models cost each other: the slow-down matrix, at their most accurate points.
///
/// A model that takes turns with its neighbour on one thread finds the caches full of the neighbour's weights; one that
/// runs at the same time on another processor shares the memory's bandwidth and the last cache with it. Each is timed
/// with and without the neighbour in turn, so that both see the same machine.
enum InterferenceMeasurer {
    /// Timed runs of each kind at most, and how long a pair may take after the least of them.
    private static let runs = 3...15
    private static let pairNanoseconds: UInt64 = 40_000_000

    /// - Parameter shares: which models take turns, by their positions.
    /// - Returns: `nil` where there is only one model.
    static func measure(_ deployments: [ModelDeployment], shares: [ExecutorShare]) -> Interference? {
        guard deployments.count > 1 else { return nil }
        let models = deployments.map { TimedModel($0) }
        var factors: [String: [String: Double]] = [:]
        for share in shares {
            for model in share.models {
                for neighbour in models.indices where neighbour != model {
                    let factor =
                        share.models.contains(neighbour)
                        ? inTurn(models[model], models[neighbour])
                        : atOnce(
                            models[model], on: share.processor, models[neighbour],
                            on: shares.first { $0.models.contains(neighbour) }?.processor)
                    // Nothing is faster for its neighbour; a hundredth is as much as can be told.
                    let rounded = max(1, (factor * 100).rounded() / 100)
                    factors[models[model].name, default: [:]][models[neighbour].name] =
                        min(rounded, Interference.factorRange.upperBound)
                }
            }
        }
        return Interference(factors: factors)
    }

    /// The model right after the neighbour, over right after itself.
    private static func inTurn(_ model: TimedModel, _ neighbour: TimedModel) -> Double {
        var (beside, alone): ([UInt64], [UInt64]) = ([], [])
        let start = PlanTimer.now()
        while alone.count < runs.upperBound,
            alone.count < runs.lowerBound || PlanTimer.now() - start < pairNanoseconds
        {
            neighbour.run()
            beside.append(model.time())
            alone.append(model.time())
        }
        return ratio(beside, alone)
    }

    /// The model while the neighbour runs on another thread, over while it does not.
    private static func atOnce(
        _ model: TimedModel, on processor: Int?, _ neighbour: TimedModel, on other: Int?
    ) -> Double {
        let affinity = ProcessorAffinity.current
        defer { affinity.takeOn() }
        if let processor { ProcessorAffinity(processor: processor).takeOn() }
        let rival = Rival(neighbour, on: other)
        var (beside, alone): ([UInt64], [UInt64]) = ([], [])
        let start = PlanTimer.now()
        while alone.count < runs.upperBound,
            alone.count < runs.lowerBound || PlanTimer.now() - start < pairNanoseconds
        {
            rival.resume()
            beside.append(model.time())
            rival.pause()
            alone.append(model.time())
        }
        rival.end()
        return ratio(beside, alone)
    }

    private static func ratio(_ beside: [UInt64], _ alone: [UInt64]) -> Double {
        Double(beside.sorted()[beside.count / 2]) / Double(max(1, alone.sorted()[alone.count / 2]))
    }
}

/// A model's most accurate plan, ready to run.
///
/// @unchecked because a session belongs to one thread: the rival's while it is not paused, else the measurer's.
private final class TimedModel: @unchecked Sendable {
    let name: String
    private let plan: Plan
    private let session: Session
    private let image: AlignedBuffer

    init(_ deployment: ModelDeployment) {
        name = deployment.name.rawValue
        plan = deployment.plans[deployment.plans.count - 1]
        session = Session(for: [plan])
        image = AlignedBuffer(count: plan.inputShape.channels * plan.inputShape.pixels)
        run()
    }

    func run() { _ = session.run(plan, on: UnsafeBufferPointer(start: UnsafePointer(image.base), count: image.count)) }

    func time() -> UInt64 {
        let start = PlanTimer.now()
        run()
        return PlanTimer.now() - start
    }
}

/// Runs a model over and over on a thread of its own, where it is not paused.
private final class Rival: Sendable {
    private enum State: UInt8, AtomicRepresentable { case pausing, paused, running, ended }

    private let state = Atomic<State>(.pausing)

    init(_ model: TimedModel, on processor: Int?) {
        let thread = Thread { [self] in
            if let processor { ProcessorAffinity(processor: processor).takeOn() }
            while true {
                switch state.load(ordering: .acquiring) {
                case .running: model.run()
                case .pausing: _ = state.compareExchange(expected: .pausing, desired: .paused, ordering: .releasing)
                case .paused: usleep(50)
                case .ended: return
                }
            }
        }
        thread.name = "rival"
        thread.start()
        pause()
    }

    func resume() {
        state.store(.running, ordering: .releasing)
        // Awake, and in the middle of a run.
        usleep(200)
    }

    func pause() {
        state.store(.pausing, ordering: .releasing)
        while state.load(ordering: .acquiring) != .paused { usleep(50) }
    }

    func end() { state.store(.ended, ordering: .releasing) }
}
