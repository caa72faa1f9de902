public import Engine
import Supernets

/// A cascade whose gates learn from the frames that it answers. Belongs to one thread; its answers allocate nothing and
/// wait for nobody.
public final class LearningCascade {
    private let cascade: ModelCascade
    public let learner: BackgroundLearner

    /// - Parameters:
    ///   - rungs: networks below the largest, from the smallest up, with the gates to begin with.
    ///   - isCommittee: the answer is the mean of all that have run, not the last one's.
    ///   - state: of their hooks, one for each.
    ///   - path: hook file to save to after each training.
    ///   - conditions: of the board; asked twice a second on the learner's thread.
    /// - Throws: where networks or hooks do not belong together.
    public init(
        _ rungs: [ModelCascade.Rung], largest: Plan, isCommittee: Bool, state: HookState,
        settings: BackgroundLearner.Settings,
        path: String?, conditions: @escaping @Sendable () -> BoardConditions
    ) throws(HookRefusal) {
        guard state.hooks.count == rungs.count else {
            throw HookRefusal("\(state.hooks.count) hooks for \(rungs.count) smaller networks")
        }
        cascade = try ModelCascade(rungs, largest: largest, isCommittee: isCommittee)
        let replica = try ModelCascade(
            rungs.map { ModelCascade.Rung($0.plan, resize: $0.resize) }, largest: largest, isCommittee: isCommittee)
        learner = BackgroundLearner(
            CascadeForThread(cascade: replica), state: state, settings: settings, path: path, conditions: conditions)
    }

    deinit { learner.stop() }

    /// - Parameter now: of a monotonic clock, in nanoseconds.
    public func run(
        on image: UnsafeBufferPointer<Float>, budget: Float, at now: UInt64
    ) -> ModelCascade.Answer {
        let port = learner.port
        port.clock.frameStarted(at: now)
        defer { port.clock.frameEnded() }
        port.takeGates(in: &cascade.gates)
        let answer = cascade.run(on: image, budget: budget)
        port.offer(image)
        return answer
    }
}
