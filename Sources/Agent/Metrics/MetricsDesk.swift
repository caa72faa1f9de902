import FleetMetrics
import Foundation
import MetricsServing
import Synchronization
import WireProtocol

/// The agent as its metrics' endpoint sees it: nothing but the process until the models have been loaded.
final class MetricsDesk: Sendable {
    /// What a scrape asks.
    struct Source: Sendable {
        var control: AgentControl
        var runners: [ModelRunner]
        var droppedFrames: @Sendable () -> FrameCounters
    }

    /// The agent looks after its timers every 50 ms; so long without is not work.
    private static let silence: Duration = .seconds(10)

    private let startedAt = Date().timeIntervalSince1970
    private let source = Mutex<Source?>(nil)

    func open(_ source: Source) { self.source.withLock { $0 = source } }
    func close() { source.withLock { $0 = nil } }

    var server: MetricsServer {
        MetricsServer(collect: { await self.families() }, ready: { await self.obstacle() })
    }

    func families() async -> [MetricFamily] {
        let process =
            [
                MetricFamily(
                    "shoal_agent_build_info", .gauge, "The version that runs.",
                    [.init(1, labels: ["version": AgentService.engineVersion])]),
                MetricFamily("shoal_agent_start_time_seconds", .gauge, "Start of the process since 1970.", startedAt),
            ] + ProcessUsage.families(prefix: "shoal_agent")
        guard let source = source.withLock({ $0 }) else { return process }
        let state = await source.control.report
        let report = AgentReport(
            models: source.runners.map { $0.report(lastWindow: state.window) }, state: state,
            droppedFrames: source.droppedFrames().byReason)
        return process + report.families
    }

    /// Why the agent cannot do its work now. It needs no coordinator for it.
    func obstacle() async -> String? {
        guard let source = source.withLock({ $0 }) else { return "the models are not loaded" }
        guard let fired = await source.control.lastTimer, fired.duration(to: .now) < Self.silence else {
            return "the agent has not looked after its board for \(Self.silence)"
        }
        return nil
    }
}
