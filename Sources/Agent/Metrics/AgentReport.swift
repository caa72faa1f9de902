import AgentCore
import FleetMetrics
import FleetModel
import HookNetworks
import WireProtocol

/// What a scrape of an agent tells: counts since its start, and the board as its last window found it.
///
/// All of it is read from atomics that the models' threads write anyway, so that a scrape costs them nothing. Names
/// begin with `shoal_agent`, so that sums over them and over the coordinator's metrics count nothing twice.
struct AgentReport: Sendable {
    struct Model: Sendable {
        var name: ModelName
        var counters: ModelCounters.Snapshot
        /// Since the hooks in use were taken over.
        var hooks: [HookTelemetry.Kind]
        /// In the last window; of nothing before the first.
        var attainment = Attainment()
    }

    /// What the agent's one actor knows.
    struct State: Sendable {
        var isConnected: Bool
        /// Sessions with the coordinator since the start.
        var sessions: UInt64
        var incarnation: UInt64
        /// Of the assignment in force; 0 before the first.
        var generation: UInt64
        var spool: SpoolTelemetry
        /// The last window; `nil` before the first has closed.
        var window: TelemetryRecord?
        var memoryPressure: Double?
        var isThrottled: Bool?
    }

    var models: [Model]
    var state: State
    /// Frames dropped by the transport, by reason.
    var droppedFrames: [(reason: String, count: UInt64)]

    var families: [MetricFamily] {
        (connection + spool + modelCounts + modelFigures + hooks + board).filter { !$0.samples.isEmpty }
    }

    private var connection: [MetricFamily] {
        [
            MetricFamily(
                "shoal_agent_connected", .gauge, "1 while there is a session with the coordinator, else 0.",
                state.isConnected ? 1 : 0),
            MetricFamily(
                "shoal_agent_sessions_total", .counter, "Sessions with the coordinator.", Double(state.sessions)),
            MetricFamily(
                "shoal_agent_starts_total", .counter,
                "Number of this start: one more with each. A new state folder begins at the clock's milliseconds.",
                Double(state.incarnation)),
            MetricFamily(
                "shoal_agent_assignment_generation", .gauge,
                "Generation of the assignment in force; 0 before the first.",
                Double(state.generation)),
            MetricFamily(
                "shoal_agent_protocol_frames_dropped_total", .counter,
                "Frames from and to the coordinator that were dropped, by reason.",
                droppedFrames.map { .init(Double($0.count), labels: ["reason": $0.reason]) }),
        ]
    }

    private var spool: [MetricFamily] {
        [
            MetricFamily(
                "shoal_agent_spool_records", .gauge, "Telemetry records that wait for the coordinator.",
                Double(state.spool.records)),
            MetricFamily(
                "shoal_agent_spool_bytes", .gauge, "Size of the telemetry records that wait.",
                Double(state.spool.bytes)),
            MetricFamily(
                "shoal_agent_spool_records_lost_total", .counter,
                "Telemetry records lost before the coordinator had them, by reason.",
                SpoolTelemetry.Loss.allCases.map {
                    .init(Double(state.spool.lost[$0] ?? 0), labels: ["reason": $0.rawValue])
                }),
            MetricFamily(
                "shoal_agent_spool_troubled", .gauge, "1 while something is wrong with the state's files, else 0.",
                state.spool.trouble.isEmpty ? 0 : 1),
        ]
    }

    // MARK: Models

    private func perModel(_ value: (Model) -> Double?) -> [MetricFamily.Sample] {
        models.compactMap { model in value(model).map { .init($0, labels: ["model": model.name.rawValue]) } }
    }

    private var modelCounts: [MetricFamily] {
        let drops: [(String, KeyPath<ModelCounters.Drops, UInt64>)] = [
            ("late", \.late), ("full", \.full), ("refused", \.refused), ("timed_out", \.timedOut),
        ]
        return [
            MetricFamily(
                "shoal_agent_model_frames_total", .counter, "Frames that the model answered.",
                perModel { Double($0.counters.frames) }),
            MetricFamily(
                "shoal_agent_model_frames_dropped_total", .counter,
                "Frames that came and never ran: late ones waited past their deadline, full found no room to wait, "
                    + "refused were requests too many, timed_out requests whose own time was over.",
                models.flatMap { model in
                    drops.map { reason, path in
                        .init(
                            Double(model.counters.drops[keyPath: path]),
                            labels: ["model": model.name.rawValue, "reason": reason])
                    }
                }),
            MetricFamily(
                "shoal_agent_model_violations_total", .counter,
                "Frames answered later than the constraint or their own deadline.",
                perModel { Double(min($0.counters.violations, $0.counters.frames)) }),
            MetricFamily(
                "shoal_agent_model_switches_total", .counter, "Changes of operating point.",
                perModel { Double($0.counters.switches) }),
            MetricFamily(
                "shoal_agent_model_frames_labelled_total", .counter, "Answered frames whose label is known.",
                perModel { Double(min($0.counters.labelled, $0.counters.frames)) }),
            MetricFamily(
                "shoal_agent_model_frames_correct_total", .counter, "Labelled frames with the right class first.",
                perModel { Double(min($0.counters.correct, $0.counters.labelled)) }),
            MetricFamily(
                "shoal_agent_model_frames_expected_correct_total", .counter,
                "Answered frames, each times the accuracy that the table of points states for the one it ran at.",
                perModel { Double($0.counters.expectedMillionths) / 1e6 }),
        ]
    }

    private func perSource(_ value: (Attainment, Attainment.Source) -> Double?) -> [MetricFamily.Sample] {
        models.flatMap { model in
            Attainment.Source.allCases.compactMap { source in
                value(model.attainment, source).map {
                    .init($0, labels: ["model": model.name.rawValue, "source": source.rawValue])
                }
            }
        }
    }

    private var modelFigures: [MetricFamily] {
        [
            MetricFamily(
                "shoal_agent_model_slo_attainment_ratio", .gauge,
                "Share of the last window's frames, dropped ones included, that kept the constraint.",
                perModel(\.attainment.sloAttainment)),
            MetricFamily(
                "shoal_agent_model_accuracy_ratio", .gauge,
                "Accuracy in the last window: of frames with labels, or of the operating point that ran, by source.",
                perSource { $0.accuracy(by: $1) }),
            MetricFamily(
                "shoal_agent_model_attained_accuracy_ratio", .gauge,
                "SLO attainment times accuracy in the last window, by the accuracy's source.",
                perSource { $0.attainedAccuracy(by: $1) }),
            MetricFamily(
                "shoal_agent_model_active_point", .gauge, "Position of the operating point in the model's table.",
                perModel { Double($0.counters.activePoint) }),
            MetricFamily(
                "shoal_agent_model_constraint_seconds", .gauge, "Latency that is asked of the model.",
                perModel {
                    $0.counters.constraintMicroseconds == 0 ? nil : Double($0.counters.constraintMicroseconds) / 1e6
                }),
            MetricFamily(
                "shoal_agent_model_latency_seconds", .histogram,
                "Time from a frame's arrival to its answer; bounds are ends of the agent's own buckets.",
                models.flatMap { model in
                    MetricFamily.Sample.histogram(
                        LatencyHistogram.octaves(of: model.counters.histogram),
                        upTo: LatencyHistogram.octaveBounds.map { Double($0) / 1e6 },
                        sum: Double(model.counters.latencyMicroseconds) / 1e6,
                        labels: ["model": model.name.rawValue])
                }),
        ]
    }

    private var hooks: [MetricFamily] {
        func perKind(_ value: (HookTelemetry.Kind) -> Double?) -> [MetricFamily.Sample] {
            models.flatMap { model in
                model.hooks.compactMap { kind in
                    value(kind).map { .init($0, labels: ["model": model.name.rawValue, "kind": kind.name]) }
                }
            }
        }
        return [
            MetricFamily(
                "shoal_agent_hook_decisions_total", .counter, "Decisions of gates that could leave something out.",
                perKind { Double($0.possible) }),
            MetricFamily(
                "shoal_agent_hook_skips_total", .counter, "Decisions of gates that did leave something out.",
                perKind { Double($0.taken) }),
            MetricFamily(
                "shoal_agent_hook_skip_ratio", .gauge, "Share of the decisions that left something out, so far.",
                perKind(\.skipRatio)),
        ]
    }

    // MARK: The board

    private var board: [MetricFamily] {
        let board = state.window?.board
        func gauge(_ name: String, _ help: String, _ value: Double?) -> MetricFamily {
            MetricFamily("shoal_agent_board_" + name, .gauge, help, value.map { [.init($0)] } ?? [])
        }
        return [
            gauge("temperature_celsius", "The hottest zone of the board.", board?.temperatureCelsius),
            gauge("cpu_load_ratio", "Busy share of the agent's processors, by all programs.", board?.cpuLoad),
            gauge(
                "cpu_clock_hertz", "Mean clock of the agent's processors.",
                board?.cpuFrequencyMegahertz.map { $0 * 1e6 }),
            gauge("cpu_clock_ratio", "Clock over that at which points were measured.", board?.clockShare),
            gauge("cpu_throttled", "1 while the chip throttles itself, else 0.", state.isThrottled.map { $0 ? 1 : 0 }),
            gauge(
                "memory_pressure_ratio", "Share of the last 10 s in which some program waited for memory.",
                state.memoryPressure.map { $0 / 100 }),
        ]
    }
}

extension FrameCounters {
    /// All reasons, those that never came about included.
    var byReason: [(reason: String, count: UInt64)] { DropReason.allCases.map { ($0.rawValue, self[$0]) } }
}

extension ModelRunner {
    /// For a scrape, on any thread.
    func report(lastWindow window: TelemetryRecord?) -> AgentReport.Model {
        let inUse = hooksInUse
        let counts = inUse.counters.snapshot()
        let kinds = inUse.hooks?.kinds ?? []
        let last = window?.models.first { $0.model == deployment.name }
        return AgentReport.Model(
            name: deployment.name, counters: counters.snapshot(),
            hooks: kinds.enumerated().map { index, kind in
                .init(
                    name: kind.rawValue, taken: min(counts.taken[index], counts.possible[index]),
                    possible: counts.possible[index])
            },
            attainment: last.map {
                Attainment($0, pointAccuracy: $0.pointAccuracy(in: deployment.points))
            } ?? Attainment())
    }
}
