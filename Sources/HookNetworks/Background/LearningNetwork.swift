public import Engine
public import GateCalibration
public import Supernets

/// A hooked network whose gates learn from the frames that it answers. Belongs to one thread; its answers allocate
/// nothing and wait for nobody.
///
/// Gates learn; what else hooks have, the convolutions that replace blocks and the heads that exits answer with, stays
/// as it was fitted.
public final class LearningNetwork: HookedNetwork {
    private let network: any LearnableNetwork
    public let learner: BackgroundLearner

    /// - Parameters:
    ///   - network: with the gates to begin with.
    ///   - replica: another one of the same networks, for the learner's thread alone.
    ///   - state: of the hooks.
    ///   - path: hook file to save to after each training.
    ///   - conditions: of the board; asked twice a second on the learner's thread.
    /// - Throws: where networks or hooks do not belong together.
    public init(
        _ network: any LearnableNetwork, replica: any LearnableNetwork, state: HookState,
        settings: BackgroundLearner.Settings, path: String?, conditions: @escaping @Sendable () -> BoardConditions
    ) throws(HookRefusal) {
        precondition(network !== replica, "one network for two threads")
        guard state.hooks.count == replica.featureCounts.count, network.featureCounts == replica.featureCounts else {
            throw HookRefusal("\(state.hooks.count) hooks for \(replica.featureCounts.count) places")
        }
        self.network = network
        learner = BackgroundLearner(
            NetworkForThread(network: replica), state: state, settings: settings, path: path, conditions: conditions)
    }

    deinit { learner.stop() }

    public var plain: Plan { network.plain }
    public var readings: FrameReadings? { network.readings }
    public var policy: DecisionPolicy {
        get { network.policy }
        set { network.policy = newValue }
    }
    public var decisions: UnsafeBufferPointer<Float> { network.decisions }
    public var measure: DamageMeasure { network.measure }
    public var budgets: BudgetMap { network.budgets }

    public func answer(_ image: UnsafeBufferPointer<Float>, budget: Float) -> HookedAnswer {
        let port = learner.port
        port.clock.frameStarted(at: PlanTimer.now())
        defer { port.clock.frameEnded() }
        port.takeGates(in: &network.gates)
        if let readings = network.readings {
            let (memory, frequency) = port.surroundings
            readings.set(.memory, to: Double(memory))
            readings.set(.frequency, to: Double(frequency))
        }
        let answer = network.answer(image, budget: budget)
        port.offer(image, network.readings)
        return answer
    }
}
