import AgentCore
import FleetMetrics
import FleetModel
import Foundation
import Synchronization
import Testing
import WireProtocol

@testable import Agent

/// What a scrape of an agent tells, from counts that are known.
@Suite struct AgentReportTests {
    private func report(hooks: [HookTelemetry.Kind] = []) throws -> AgentReport {
        let counters = ModelCounters(bucketCount: LatencyHistogram.bucketCount)
        for microseconds in [200, 300, 1_023, 1_024, 5_000_000] as [UInt64] {
            counters.count(bucket: LatencyHistogram.bucket(forMicroseconds: microseconds))
            counters.frames.wrappingAdd(1, ordering: .relaxed)
            counters.latencyMicroseconds.wrappingAdd(microseconds, ordering: .relaxed)
        }
        counters.late.store(3, ordering: .relaxed)
        counters.full.store(2, ordering: .relaxed)
        counters.timedOut.store(1, ordering: .relaxed)
        counters.violations.store(4, ordering: .relaxed)
        counters.constraintMicroseconds.store(40_000, ordering: .relaxed)
        counters.activePoint.store(2, ordering: .relaxed)
        counters.expectedMillionths.store(4_250_000, ordering: .relaxed)
        let measured = ModelTelemetry(
            model: try #require(ModelName("eye")), frames: 90, dropped: 10, violations: 15, labelled: 20, correct: 12,
            switches: 0, activePoint: 2, p50Milliseconds: 1, p90Milliseconds: 2, p99Milliseconds: 3,
            constraintMilliseconds: 40)
        let board = BoardTelemetry(
            memoryBytes: 1, cpuLoad: 0.5, cpuFrequencyMegahertz: 1_500, temperatureCelsius: nil, droppedRecords: 0)
        let window = TelemetryRecord(
            incarnation: 7, sequence: 1, startMilliseconds: 1, durationMilliseconds: 1, generation: 3, models: [],
            board: board)
        return AgentReport(
            models: [
                .init(
                    name: try #require(ModelName("eye")), counters: counters.snapshot(), hooks: hooks,
                    attainment: Attainment(measured, pointAccuracy: 0.8))
            ],
            state: .init(
                isConnected: true, sessions: 2, incarnation: 7, generation: 3,
                spool: SpoolTelemetry(records: 4, bytes: 900, lost: [.full: 5]), window: window, memoryPressure: 25,
                isThrottled: nil),
            droppedFrames: FrameCounters().byReason)
    }

    private func value(_ families: [MetricFamily], _ name: String, _ labels: [String: String] = [:]) -> Double? {
        families.first { $0.name == "shoal_agent_" + name }?.samples.first { $0.labels == labels }?.value
    }

    @Test func countsComeByModelAndReason() throws {
        let families = try report().families
        let eye = ["model": "eye"]
        func dropped(_ reason: String) -> Double? {
            value(families, "model_frames_dropped_total", ["model": "eye", "reason": reason])
        }
        #expect(value(families, "model_frames_total", eye) == 5)
        #expect(dropped("late") == 3 && dropped("full") == 2 && dropped("refused") == 0 && dropped("timed_out") == 1)
        #expect(value(families, "model_violations_total", eye) == 4)
        #expect(value(families, "model_slo_attainment_ratio", eye) == 0.75)
        #expect(value(families, "model_frames_expected_correct_total", eye) == 4.25)
        func attained(_ name: String, _ source: String) -> Double? {
            value(families, name, ["model": "eye", "source": source])
        }
        #expect(attained("model_accuracy_ratio", "labels") == 0.6 && attained("model_accuracy_ratio", "points") == 0.8)
        #expect(attained("model_attained_accuracy_ratio", "labels") == 0.75 * 0.6)
        #expect(attained("model_attained_accuracy_ratio", "points") == 0.75 * 0.8)
        #expect(value(families, "model_active_point", eye) == 2)
        #expect(value(families, "model_constraint_seconds", eye) == 0.04)
        #expect(value(families, "connected") == 1 && value(families, "starts_total") == 7)
        #expect(value(families, "spool_records") == 4 && value(families, "spool_bytes") == 900)
        #expect(value(families, "spool_records_lost_total", ["reason": "full"]) == 5)
        #expect(value(families, "spool_records_lost_total", ["reason": "damaged"]) == 0)
        #expect(value(families, "board_cpu_clock_hertz") == 1.5e9)
        #expect(value(families, "board_memory_pressure_ratio") == 0.25)
    }

    /// A sensor that the board lacks is no zero.
    @Test func whatIsNotKnownIsNotTold() throws {
        let names = Set(try report().families.map(\.name))
        #expect(!names.contains("shoal_agent_board_temperature_celsius"))
        #expect(!names.contains("shoal_agent_board_cpu_throttled"))
        #expect(!names.contains("shoal_agent_hook_skip_ratio"))
        #expect(names.contains("shoal_agent_board_cpu_load_ratio"))
    }

    @Test func latenciesAreCountedExactlyAtTheirBounds() throws {
        let latency = try #require(
            try report().families.first { $0.name == "shoal_agent_model_latency_seconds" })
        func bucket(_ bound: String) -> Double? {
            latency.samples.first { $0.suffix == "_bucket" && $0.labels["le"] == bound }?.value
        }
        #expect(bucket("0.000255") == 1 && bucket("0.000511") == 2)
        #expect(bucket("0.001023") == 3 && bucket("0.002047") == 4 && bucket("1.048575") == 4)
        #expect(bucket("+Inf") == 5)
        #expect(latency.samples.first { $0.suffix == "_count" }?.value == 5)
        #expect(latency.samples.first { $0.suffix == "_sum" }?.value == 5.002547)
    }

    @Test func hooksTellWhatTheyLeaveOutByKind() throws {
        let families = try report(hooks: [
            .init(name: "skip", taken: 30, possible: 120), .init(name: "exit", taken: 0, possible: 0),
        ]).families
        let skip = ["model": "eye", "kind": "skip"]
        #expect(value(families, "hook_decisions_total", skip) == 120 && value(families, "hook_skips_total", skip) == 30)
        #expect(value(families, "hook_skip_ratio", skip) == 0.25)
        #expect(value(families, "hook_skip_ratio", ["model": "eye", "kind": "exit"]) == nil)
    }

    @Test func aBoardIsReadyOnceItsModelsRun() async {
        let desk = MetricsDesk()
        #expect(await desk.obstacle() != nil)
        let names = await desk.families().map(\.name)
        #expect(names.contains("shoal_agent_build_info") && names.contains("shoal_agent_process_cpu_seconds_total"))
        #expect(!names.contains("shoal_agent_connected"))
    }
}
