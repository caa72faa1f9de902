import InferenceAPI
import Processors
import Synchronization

/// Requests that wait for a model's thread, which is woken when one arrives.
///
/// The thread looks at one atomic per frame; only where a request waits does it take the lock.
final class InferenceQueue: Sendable {
    /// Requests that may wait, the one in work not counted.
    static let limit = 16
    /// Requests that the thread may have taken and not ended.
    static let heldLimit = limit + 1

    private struct State {
        var jobs: [InferenceJob] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let waiting = Atomic<Int>(0)
    /// Images of requests that were turned away since the thread last asked.
    private let refused = Atomic<UInt64>(0)
    /// Requests that the thread has taken and not ended.
    private let held = Atomic<Int>(0)
    private let wakeUp: WakeUp

    /// - Parameter wakeUp: the thread's.
    init(wakeUp: WakeUp = WakeUp()) { self.wakeUp = wakeUp }

    /// Hands a job to the thread, or refuses it.
    func submit(_ job: InferenceJob) {
        let refusal = state.withLock { state -> String? in
            if state.isClosed { return "the agent is stopping" }
            guard state.jobs.count + max(0, held.load(ordering: .relaxed) - 1) < Self.limit else {
                return "\(Self.limit) requests are waiting already"
            }
            state.jobs.append(job)
            waiting.store(state.jobs.count, ordering: .releasing)
            return nil
        }
        guard let refusal else {
            wakeUp.signal()
            return
        }
        refused.wrappingAdd(UInt64(job.request.images), ordering: .relaxed)
        job.refuse(refusal)
    }

    /// The oldest waiting job; whoever takes it says when it has `ended`.
    func take() -> InferenceJob? {
        guard waiting.load(ordering: .acquiring) > 0 else { return nil }
        return state.withLock { state in
            guard !state.jobs.isEmpty else { return nil }
            let job = state.jobs.removeFirst()
            waiting.store(state.jobs.count, ordering: .releasing)
            held.wrappingAdd(1, ordering: .relaxed)
            return job
        }
    }

    /// Images turned away since the last call.
    func takeRefused() -> UInt64 {
        refused.load(ordering: .relaxed) == 0 ? 0 : refused.exchange(0, ordering: .relaxed)
    }

    func ended() { held.wrappingSubtract(1, ordering: .relaxed) }

    /// Refuses all that wait, and whatever comes.
    func close() {
        let jobs = state.withLock { state in
            state.isClosed = true
            waiting.store(0, ordering: .releasing)
            defer { state.jobs = [] }
            return state.jobs
        }
        for job in jobs { job.refuse("the agent is stopping") }
    }
}
