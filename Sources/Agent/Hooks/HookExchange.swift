import HookNetworks
import Synchronization

/// Hooks with all that a model's thread needs of them, made on another thread.
///
/// @unchecked because it belongs to one thread at a time: whoever made it, then the model's, then whoever collects it.
final class HookedSession: @unchecked Sendable {
    let hooked: HookedRunner
    let zeros: ZeroSampler?
    /// Points that run through them.
    let points: [Bool]

    init(_ hooks: DeployedHooks, _ counters: HookCounters) throws(HookRefusal) {
        hooked = try HookedRunner(hooks, counters)
        zeros = ZeroSampler(hooks.plain, counters)
        points = hooks.budgets.map { $0 != nil }
    }
}

/// Hands hooks to the thread of a model that goes on running frames. The thread looks at one atomic between frames;
/// where something waits it takes that, and leaves what it used, so that nothing is freed there either.
final class HookExchange: Sendable {
    private struct State {
        var next: HookedSession?
        var used: HookedSession?
    }

    private let isWaiting = Atomic<Bool>(false)
    private let state = Mutex(State())

    /// The latest counts.
    func post(_ session: HookedSession) {
        let old = state.withLock { state in
            let old = (state.next, state.used)
            (state.next, state.used) = (session, nil)
            isWaiting.store(true, ordering: .releasing)
            return old
        }
        // Freed on this thread, outside of the lock.
        withExtendedLifetime(old) {}
    }

    /// Whether the thread has taken what was posted.
    var isTaken: Bool { !isWaiting.load(ordering: .acquiring) }

    /// Frees what the thread has left.
    func collect() {
        let used = state.withLock { state in
            defer { state.used = nil }
            return state.used
        }
        withExtendedLifetime(used) {}
    }

    /// Between two frames of the model's thread. Somebody who is just posting does not keep it waiting.
    @inline(__always)
    func exchange(_ current: inout HookedSession?) {
        guard isWaiting.load(ordering: .acquiring) else { return }
        _ = state.withLockIfAvailable { state in
            guard let next = state.next else { return }
            (state.used, state.next) = (current, nil)
            current = next
            isWaiting.store(false, ordering: .releasing)
        }
    }
}
