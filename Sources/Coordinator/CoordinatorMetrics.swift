import AuditLog
import CoordinatorCore
import FleetMetrics
import FleetModel
import FleetStore
import Foundation
import Messaging
import Synchronization
import WireProtocol

/// What the coordinator counts while it works, since its start.
final class CoordinatorMetrics: Sendable {
    let requests = LabelledCounter(["method", "route", "status"])
    let events = LabelledCounter(["kind"])
    let records = LabelledCounter([])
    let storing = DurationHistogram()
    private let frames = LabelledCounter(["board_class", "model"])
    private let dropped = LabelledCounter(["board_class", "model"])
    private let violations = LabelledCounter(["board_class", "model"])
    private let switches = LabelledCounter(["board_class", "model"])
    private let labelled = LabelledCounter(["board_class", "model"])
    private let correct = LabelledCounter(["board_class", "model"])
    private let auditIsWhole = Atomic(true)
    private let boundPort = Atomic(0)

    init() {
        // Series that exist from the start can be told from those that never were.
        for kind in FleetEvent.Kind.allCases { events.add(0, [kind.rawValue]) }
        records.add(0, [])
    }

    /// Where metrics are served; `nil` while they are not.
    var port: Int? {
        let port = boundPort.load(ordering: .relaxed)
        return port == 0 ? nil : port
    }

    func bound(to port: Int) { boundPort.store(port, ordering: .relaxed) }

    func auditChecked(isWhole: Bool) { auditIsWhole.store(isWhole, ordering: .relaxed) }

    func happened(_ kind: FleetEvent.Kind) { events.add([kind.rawValue]) }

    func answered(_ method: String, _ route: String, _ status: Int) { requests.add([method, route, "\(status)"]) }

    func stored(_ telemetry: [TelemetryRecord], from board: BoardDescription, in duration: Duration) {
        storing.observe(duration)
        records.add(UInt64(telemetry.count), [])
        for model in telemetry.flatMap(\.models) {
            let labels = [board.boardClass, model.model.rawValue]
            frames.add(UInt64(model.frames), labels)
            dropped.add(UInt64(model.dropped), labels)
            violations.add(UInt64(min(model.violations, model.frames)), labels)
            switches.add(UInt64(model.switches), labels)
            labelled.add(UInt64(model.labelled), labels)
            correct.add(UInt64(model.correct), labels)
        }
    }

    var families: [MetricFamily] {
        [
            MetricFamily(
                "shoal_http_requests_total", .counter, "Requests of people and programs, by route and status.",
                requests.samples),
            MetricFamily("shoal_events_total", .counter, "Events of the fleet, by kind.", events.samples),
            MetricFamily(
                "shoal_telemetry_records_received_total", .counter,
                "Telemetry records made durable, repeated ones included.", records.samples),
            MetricFamily(
                "shoal_telemetry_store_duration_seconds", .histogram,
                "Time to make one message of telemetry durable.", storing.samples),
            MetricFamily(
                "shoal_model_frames_total", .counter, "Frames that models answered, by board class and model.",
                frames.samples),
            MetricFamily(
                "shoal_model_frames_dropped_total", .counter, "Frames that came and were not run.", dropped.samples),
            MetricFamily(
                "shoal_model_violations_total", .counter,
                "Frames answered later than the constraint or their own deadline.", violations.samples),
            MetricFamily(
                "shoal_model_switches_total", .counter, "Changes of operating point.", switches.samples),
            MetricFamily(
                "shoal_model_frames_labelled_total", .counter, "Answered frames whose label is known.",
                labelled.samples),
            MetricFamily(
                "shoal_model_frames_correct_total", .counter, "Labelled frames with the right class first.",
                correct.samples),
            MetricFamily(
                "shoal_audit_intact", .gauge, "1 while the last check of the audit log found it whole, else 0.",
                auditIsWhole.load(ordering: .relaxed) ? 1 : 0),
        ]
    }
}

/// What a scrape tells: the counts, and the fleet as it is.
struct CoordinatorReport: Sendable {
    let metrics: CoordinatorMetrics
    let actor: CoordinatorActor
    let desk: SearchDesk
    let store: any FleetStore
    let startedAtMilliseconds: UInt64
    /// Coordinators that carry boards' messages to this one.
    var fronts: @Sendable () -> [ConnectedFront] = { [] }
    /// Frames dropped by the transport, by reason.
    let droppedFrames: @Sendable () -> [(String, UInt64)]

    /// The coordinator looks after its timers every 200 ms; so long without is not work.
    private static let silence: Duration = .seconds(10)

    func families() async throws -> [MetricFamily] {
        let states = await actor.states
        let shares = await actor.sharesOfBoards
        let searches = await desk.records
        let newest = try await store.audit(after: nil, sinceMilliseconds: 0, limit: 1).last?.number ?? 0
        let fronts = fronts()
        let fleet = [
            MetricFamily(
                "shoal_boards", .gauge, "Boards that may speak, by what is known of their connection.",
                BoardStatus.allCases.map { status in
                    .init(Double(states.count { $0.status == status }), labels: ["status": status.rawValue])
                }),
            MetricFamily(
                "shoal_boards_unconverged", .gauge, "Boards that have not reported the newest assignment.",
                Double(states.count { $0.reportedGeneration != $0.desired.generation })),
            MetricFamily(
                "shoal_boards_drained", .gauge, "Boards that people want left alone.",
                Double(states.count(where: \.isDrained))),
            MetricFamily(
                "shoal_boards_quarantined", .gauge, "Boards from which nothing is learned.",
                Double(await actor.quarantined.count)),
            MetricFamily(
                "shoal_boards_changing_keys", .gauge, "Boards that are to make a new key, or have not spoken with it.",
                Double(await actor.keyMachines.count)),
            MetricFamily(
                "shoal_boards_infeasible", .gauge, "Boards where policies cannot all be met.",
                Double(states.count { !$0.infeasible.isEmpty })),
            MetricFamily(
                "shoal_boards_holding_shares", .gauge,
                "Boards with limited CPU shares, by what holds models to them; none is nothing.",
                ShareTelemetry.Means.allCases.map { means in
                    .init(Double(shares[means] ?? 0), labels: ["means": means.rawValue])
                }),
            MetricFamily(
                "shoal_protocol_frames_dropped_total", .counter, "Frames of boards dropped unread, by reason.",
                droppedFrames().map { .init(Double($0.1), labels: ["reason": $0.0]) }),
            MetricFamily(
                "shoal_fronts", .gauge, "Coordinators that carry boards' messages to this one.", Double(fronts.count)),
            MetricFamily(
                "shoal_front_boards", .gauge, "Boards that spoke last through another coordinator, by its address.",
                fronts.map { .init(Double($0.boards), labels: ["front": $0.description.fleetEndpoint]) }),
            MetricFamily(
                "shoal_waiting_messages", .gauge, "Messages that wait for their turn.",
                Double(await actor.waitingCount)),
            MetricFamily(
                "shoal_searches", .gauge, "Searches, by state.",
                SearchRecord.State.allCases.map { state in
                    .init(Double(searches.count { $0.state == state }), labels: ["state": state.rawValue])
                }),
            MetricFamily(
                "shoal_audit_entries_total", .counter, "Changes by people since the first start.", Double(newest)),
        ]
        return MetricFamily.ofCoordinator(startedAtMilliseconds: startedAtMilliseconds) + fleet + metrics.families
            + MetricFamily.attainment(of: await actor.watched) + ProcessUsage.families(prefix: "shoal")
    }

    /// Why the coordinator cannot do its work now.
    func obstacle() async -> String? {
        guard let fired = await actor.lastTimer, fired.duration(to: .now) < Self.silence else {
            return "the coordinator has not looked after its boards for \(Self.silence)"
        }
        do { _ = try await store.policies() } catch { return "the store does not answer" }
        return nil
    }
}

extension FrameCounters {
    /// All reasons, those that never came about included.
    var byReason: [(String, UInt64)] { DropReason.allCases.map { ($0.rawValue, self[$0]) } }
}

extension MetricFamily {
    /// What every coordinator tells of itself, whether it leads or not.
    static func ofCoordinator(startedAtMilliseconds: UInt64) -> [MetricFamily] {
        [
            MetricFamily(
                "shoal_build_info", .gauge, "The version that runs.",
                [.init(1, labels: ["version": CoordinatorService.version])]),
            MetricFamily(
                "shoal_start_time_seconds", .gauge, "Start of the process since 1970.",
                Double(startedAtMilliseconds) / 1_000),
        ]
    }
}
