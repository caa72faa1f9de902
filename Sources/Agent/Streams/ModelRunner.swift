import AgentCore
import Engine
import InferenceAPI

/// A model of the board and what its thread shares with others: what it has counted, the envelope that was assigned to
/// it, and the requests that wait for it. A `BoardExecutor` runs it.
final class ModelRunner: Sendable {
    let deployment: ModelDeployment
    let counters: ModelCounters
    let hookCounters: HookCounters
    let mailbox = ModelMailbox()
    /// `nil` where there is no endpoint.
    let requests: InferenceQueue?

    init(_ deployment: ModelDeployment, requests: InferenceQueue? = nil) {
        self.deployment = deployment
        self.requests = requests
        counters = ModelCounters(bucketCount: LatencyHistogram.bucketCount)
        hookCounters = HookCounters(kindCount: deployment.hooks?.kinds.count ?? 0)
    }

    /// For the thread that runs the model.
    func session() -> RunnerSession {
        RunnerSession(
            plain: Session(for: deployment.plans),
            // What could be refused was when the hooks were loaded.
            hooked: deployment.hooks.flatMap { try? HookedRunner($0, hookCounters) },
            zeros: deployment.hooks.flatMap { ZeroSampler($0.plain, hookCounters) },
            hookedPoints: deployment.hooks?.budgets.map { $0 != nil } ?? [])
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
