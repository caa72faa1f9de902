import AgentCore
import Engine
import HookNetworks
import InferenceAPI
import Mailboxes
import Synchronization

/// A model of the board and what its thread shares with others: what it has counted, the envelope that was assigned to
/// it, and the requests that wait for it. A `BoardExecutor` runs it.
final class ModelRunner: Sendable {
    /// Hooks that the model runs with, and what they have counted.
    struct HooksInUse {
        /// `nil` where there are none.
        var hooks: DeployedHooks?
        /// What is wrong with them.
        var failure: String?
        let counters: HookCounters

        init(_ hooks: DeployedHooks?, failure: String?) {
            (self.hooks, self.failure) = (hooks, failure)
            counters = HookCounters(kindCount: hooks?.kinds.count ?? 0)
        }
    }

    let deployment: ModelDeployment
    let counters: ModelCounters
    let mailbox = ModelMailbox()
    let exchange = HookExchange()
    private let inUse: Mutex<HooksInUse>
    /// `nil` where there is no endpoint.
    let requests: InferenceQueue?

    init(_ deployment: ModelDeployment, requests: InferenceQueue? = nil) {
        self.deployment = deployment
        self.requests = requests
        counters = ModelCounters(bucketCount: LatencyHistogram.bucketCount)
        inUse = Mutex(HooksInUse(deployment.hooks, failure: deployment.hookFailure))
    }

    var hooksInUse: HooksInUse { inUse.withLock { $0 } }
    var hookCounters: HookCounters { hooksInUse.counters }

    /// Hands other hooks to the thread, which takes them between two frames.
    /// - Throws: `HookRefusal` where no network can be made of them; those in use stay.
    func takeOver(_ hooks: DeployedHooks, failure: String?) throws(HookRefusal) {
        let next = HooksInUse(hooks, failure: failure)
        let session = try HookedSession(hooks, next.counters)
        exchange.post(session)
        inUse.withLock { $0 = next }
    }

    /// For the thread that runs the model.
    func session() -> RunnerSession {
        let inUse = hooksInUse
        // What could be refused was when the hooks were loaded.
        return RunnerSession(
            plain: Session(for: deployment.plans),
            hooks: inUse.hooks.flatMap { try? HookedSession($0, inUse.counters) })
    }
}

/// What a model's thread runs frames with.
struct RunnerSession {
    let plain: Session
    private(set) var hooks: HookedSession?

    init(plain: Session, hooks: HookedSession?) { (self.plain, self.hooks) = (plain, hooks) }

    /// Between two frames.
    @inline(__always)
    mutating func takeOver(from exchange: HookExchange) { exchange.exchange(&hooks) }

    /// Zeros are counted in the network of points that have hooks.
    /// - Parameters:
    ///   - frames: run so far.
    ///   - point: of the last one; `nil` where its image is gone.
    func sampleZeros(_ frames: UInt64, at point: Int?, _ image: AlignedBuffer, idle: UInt64) {
        guard let hooks, let zeros = hooks.zeros, let point, hooks.points[point] else { return }
        zeros.sample(frames: frames, image, idle: idle)
    }
}
