import FleetStore
import Logging

/// Carries `RetentionSweep` out beside the fleet's events: between two of its transactions theirs have their turn.
struct RetentionDesk {
    private let store: any TelemetryRetention
    private let logger: Logger
    private let started = ContinuousClock.now
    private let sweep: RetentionSweep

    init(store: any TelemetryRetention, days: Int, logger: Logger) {
        self.store = store
        self.logger = logger
        sweep = RetentionSweep(days: days, startedAtMilliseconds: CoordinatorActor.wallClock())
    }

    /// Ends when its task is cancelled.
    func run() async {
        var (sweep, wasTrusted) = (sweep, true)
        while !Task.isCancelled {
            let (now, elapsed) = (CoordinatorActor.wallClock(), started.duration(to: .now))
            let isTrusted = sweep.isTrusted(now, elapsed)
            if wasTrusted, !isTrusted {
                logger.warning("the clock was set: no telemetry goes by age until it is as before, or the next start")
            }
            wasTrusted = isTrusted
            try? await Task.sleep(for: await turn(&sweep, now, elapsed))
        }
    }

    /// - Returns: how long to wait until the next.
    private func turn(_ sweep: inout RetentionSweep, _ now: UInt64, _ elapsed: Duration) async -> Duration {
        guard let page = sweep.page(nowMilliseconds: now, elapsed: elapsed) else { return RetentionSweep.rest }
        do {
            let done = try await store.removeTelemetry(page)
            let pause = sweep.pageDone(done)
            if done.next == nil, sweep.removed > 0 {
                logger.info("telemetry removed by age", metadata: ["records": "\(sweep.removed)"])
            }
            return pause
        } catch {
            logger.error("not removed", metadata: ["what": "old telemetry", "error": "\(error)"])
            return RetentionSweep.rest
        }
    }
}
