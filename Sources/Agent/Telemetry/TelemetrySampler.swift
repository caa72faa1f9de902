import AgentCore
import FleetModel

/// Turns the models' rising counters into windows.
struct TelemetrySampler {
    private let runners: [ModelRunner]
    private var last: [ModelCounters.Snapshot]
    /// What was counted until then, and by whom: other hooks count from nothing.
    private var lastHooks: [(counters: HookCounters, snapshot: HookCounters.Snapshot)]
    private var sensors: BoardSensors
    private let conditions: BoardConditions
    /// What was posted last.
    private(set) var sensed = BoardManager.Conditions()
    private var clock: ProcessorClock
    private var clockShare: Double?
    private var lastSensed: ContinuousClock.Instant?
    /// How often the clock is looked at: it falls within less than a window.
    private static let sensingInterval: Duration = .milliseconds(250)

    /// - Parameters:
    ///   - conditions: where executors look for what sensors read.
    ///   - clock: that knows the clock at which points were measured; `nil` takes the present one for it.
    init(
        runners: [ModelRunner], processors: [Int], conditions: BoardConditions = BoardConditions(),
        clock: ProcessorClock? = nil
    ) {
        self.runners = runners
        self.conditions = conditions
        self.clock = clock ?? ProcessorClock(processors: processors)
        if clock == nil { self.clock.pointsMeasured() }
        last = runners.map { $0.counters.snapshot() }
        lastHooks = runners.map { runner in
            let counters = runner.hookCounters
            return (counters, counters.snapshot())
        }
        sensors = BoardSensors(processors: processors)
    }

    /// Looks at what changes faster than windows close, if it is time to.
    mutating func sense(at now: ContinuousClock.Instant) {
        if let lastSensed, lastSensed.duration(to: now) < Self.sensingInterval { return }
        lastSensed = now
        let reading = clock.sample()
        clockShare = reading.share
        (sensed.clockSlowdown, sensed.isThrottled) = (reading.slowdown, reading.isThrottled)
        conditions.post(sensed)
    }

    /// What was counted since the last window. The spool names the record and tells of itself.
    mutating func window(
        startMilliseconds: UInt64, durationMilliseconds: UInt32, generation: UInt64
    ) -> TelemetryRecord {
        let models = runners.indices.map { index in
            let (runner, now) = (runners[index], runners[index].counters.snapshot())
            let inUse = runner.hooksInUse
            let hooks = inUse.counters.snapshot()
            let isSame = lastHooks[index].counters === inUse.counters
            let before = isSame ? lastHooks[index].snapshot : HookCounters.Snapshot(ofNothing: hooks)
            defer { (last[index], lastHooks[index]) = (now, (inUse.counters, hooks)) }
            var telemetry = Self.telemetry(of: runner.deployment.name, from: last[index], to: now)
            telemetry.hooks = inUse.telemetry(from: before, to: hooks, point: Int(now.activePoint))
            return telemetry
        }
        var board = sensors.read()
        board.clockShare = clockShare
        sensed.temperatureCelsius = board.temperatureCelsius
        sensed.memoryPressure = BoardSensors.memoryPressure(BoardSensors.contents("/proc/pressure/memory"))
        conditions.post(sensed)
        return TelemetryRecord(
            incarnation: 0, sequence: 0, startMilliseconds: startMilliseconds,
            durationMilliseconds: durationMilliseconds, generation: generation, models: models,
            board: board)
    }

    private static func telemetry(
        of model: ModelName, from last: ModelCounters.Snapshot, to now: ModelCounters.Snapshot
    ) -> ModelTelemetry {
        func difference(_ path: KeyPath<ModelCounters.Snapshot, UInt64>) -> UInt32 {
            UInt32(clamping: now[keyPath: path] &- last[keyPath: path])
        }
        let counts = zip(now.histogram, last.histogram).map { $0 &- $1 }
        // The thread counts a frame's parts one after another; a window that falls between must not contradict itself.
        let frames = difference(\.frames)
        let labelled = min(difference(\.labelled), frames)
        return ModelTelemetry(
            model: model, frames: frames, dropped: difference(\.dropped),
            violations: min(difference(\.violations), frames), labelled: labelled,
            correct: min(difference(\.correct), labelled), switches: difference(\.switches),
            activePoint: UInt32(clamping: now.activePoint),
            p50Milliseconds: LatencyHistogram.percentile(50, of: counts),
            p90Milliseconds: LatencyHistogram.percentile(90, of: counts),
            p99Milliseconds: LatencyHistogram.percentile(99, of: counts),
            constraintMilliseconds: Double(now.constraintMicroseconds) / 1_000)
    }
}
