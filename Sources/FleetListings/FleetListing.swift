public import AdminAPI
public import AuditLog
public import FleetModel
import Foundation

/// One noun of `shoal get` as columns of text.
public struct FleetListing<Value>: Sendable {
    public let header: [String]
    public let rows: @Sendable (Value) -> [[String]]

    public init(_ header: [String], _ rows: @escaping @Sendable (Value) -> [[String]]) {
        self.header = header
        self.rows = rows
    }
}

/// What a line of text says of a time, in milliseconds since 1970.
public func timeText(_ milliseconds: UInt64) -> String {
    Date(timeIntervalSince1970: Double(milliseconds) / 1_000).formatted(.iso8601)
}

extension Double {
    /// With as many decimal places, or as many as a value other than 0 needs to be told from it.
    func text(_ places: Int) -> String {
        let text = String(format: "%.\(places)f", self)
        return self != 0 && Double(text) == 0 ? Figure.shown(self, places: places) : text
    }

    /// A constraint: of models whose frames take less than a millisecond, one place does not tell them apart.
    var constraintText: String { text(abs(self) < 1 ? 3 : 1) }
}

extension FleetListing where Value == [BoardView] {
    public static var boards: Self {
        Self(["BOARD", "STATUS", "CORES", "MODELS", "GENERATION", "RECORDS", "GAPS", "CLASS"]) {
            $0.map {
                [
                    $0.name, $0.statusText, $0.cores.text(2), "\($0.models.count)",
                    "\($0.reportedGeneration)/\($0.desiredGeneration)", "\($0.telemetryRecords)",
                    "\($0.telemetryGaps)", $0.boardClass,
                ]
            }
        }
    }
}

extension FleetListing where Value == [ModelView] {
    public static var models: Self {
        Self([
            "BOARD", "MODEL", "POINT", "p50 ms", "p99 ms", "CONSTRAINT ms", "SLO %", "ACCURACY %", "SWITCHES",
            "DROPPED", "SUBNET",
        ]) { $0.map(row) }
    }

    private static func row(_ view: ModelView) -> [String] {
        [
            view.board, view.model, view.activePoint.map { "\($0)/\(view.pointCount - 1)" } ?? "-",
            view.p50Milliseconds?.text(2) ?? "-", view.p99Milliseconds?.text(2) ?? "-",
            view.constraintMilliseconds?.constraintText ?? "-", view.sloAttainment.map { (100 * $0).text(2) } ?? "-",
            view.accuracy.map { (100 * $0).text(2) } ?? "-", "\(view.switches)", "\(view.dropped)", view.subnet ?? "-",
        ]
    }
}

extension FleetListing where Value == [ModelView] {
    /// Of models that have hooks.
    public static var hooksOfModels: Self {
        Self([
            "MODEL", "HOOKS", "BUDGET", "LEFT OUT %", "SAMPLES", "TRAININGS", "FAILED", "EVERY", "ZEROS %",
            "MOST ZEROS %",
        ]) { $0.compactMap { model in model.hooks.map { [model.model] + row($0) } } }
    }

    private static func row(_ hooks: HookTelemetry) -> [String] {
        let ratios = hooks.kinds.map { "\($0.name) \($0.skipRatio.map { (100 * $0).text(1) } ?? "-")" }
        return [
            hooks.reason.isEmpty ? "\(hooks.state)" : "\(hooks.state): \(hooks.reason)",
            hooks.budget.map { "\($0)" } ?? "-", ratios.isEmpty ? "-" : ratios.joined(separator: ", "),
            "\(hooks.samples)", "\(hooks.trainings)", "\(hooks.failedTrainings)", "\(hooks.samplingInterval)",
            hooks.zeroShare.map { (100 * $0).text(1) } ?? "-",
            hooks.zeros.map { $0.map { "\($0.step) \((100 * $0.share).text(0))" }.joined(separator: ", ") } ?? "-",
        ]
    }
}

extension FleetListing where Value == [PointView] {
    public static var points: Self {
        Self(["POINT", "ms", "ACCURACY %", "MFLOPs", "SUBNET"]) {
            $0.enumerated().map { index, point in
                [
                    "\(index)", point.latencyMilliseconds.text(3), (100 * point.accuracy).text(2),
                    (Double(point.flops) / 1e6).text(1), point.subnet,
                ]
            }
        }
    }
}

extension FleetListing where Value == [HooksView] {
    public static var hooks: Self {
        Self(["HOOKS", "VERSION", "BOARDS", "UP TO DATE", "WAITING", "OUTLIERS", "UPDATE BYTES"]) {
            $0.map { view in
                [
                    view.name, view.versionText, "\(view.boards.count)",
                    "\(view.boards.count { $0.value == view.currentVersion })", "\(view.waiting.count)",
                    view.outliers.isEmpty ? "none" : view.outliers.map(\.board).joined(separator: ","),
                    "\(view.bytesPerUpdate)",
                ]
            }
        }
    }
}

extension FleetListing where Value == [PolicyView] {
    public static var policies: Self {
        Self(["POLICY", "VERSION", "BOARDS"]) {
            $0.map { [$0.name, "\($0.version)", $0.boards.joined(separator: ",")] }
        }
    }
}

extension FleetListing where Value == [AssignmentView] {
    public static var assignments: Self {
        Self(["BOARD", "GENERATION", "MODEL", "CONSTRAINT ms", "POINTS", "PREFERRED", "ACCURACY %", "INFEASIBLE"]) {
            $0.flatMap { board in
                board.models.map {
                    [
                        board.board, "\(board.reportedGeneration)/\(board.generation)", $0.model,
                        $0.constraintMilliseconds.constraintText, "\($0.lowestPoint)-\($0.highestPoint)",
                        "\($0.preferredPoint)", $0.preferred.map { (100 * $0.accuracy).text(2) } ?? "-",
                        board.infeasibleText(of: $0.model),
                    ]
                }
            }
        }
    }
}

extension AssignmentView {
    /// How many of the sentences on what cannot be met there concern the model, alone or with all others.
    fileprivate func infeasibleText(of model: String) -> String {
        let others = models.map { "model \($0.model): " }.filter { $0 != "model \(model): " }
        let count = (infeasible ?? []).count { sentence in !others.contains { sentence.hasPrefix($0) } }
        return count == 0 ? "-" : "\(count)"
    }
}

extension FleetListing where Value == [FleetEvent] {
    /// Oldest first, so that the newest stands where people look.
    public static var events: Self {
        Self(["TIME", "KIND", "BOARD", "MESSAGE"]) {
            $0.reversed().map { event in
                [timeText(event.atMilliseconds), event.kind.rawValue, event.board?.rawValue ?? "-", event.message]
            }
        }
    }
}

extension FleetListing where Value == StatusView {
    public static var status: Self {
        Self(["FLEET", "ENROLMENT", "ENROLLED", "CONNECTED", "RECORDS", "DROPPED FRAMES"]) {
            let dropped = $0.droppedFrames.filter { $0.value > 0 }.sorted { $0.key < $1.key }
            return [
                [
                    $0.fleetEndpoint, $0.enrolmentEndpoint, "\($0.boardsEnrolled)", "\($0.boardsConnected)",
                    "\($0.telemetryRecords)",
                    dropped.isEmpty ? "none" : dropped.map { "\($0.key) \($0.value)" }.joined(separator: ", "),
                ]
            ]
        }
    }
}

extension FleetListing where Value == [AttainmentWindow] {
    public static var telemetry: Self {
        Self(["TIME", "MODEL", "FRAMES", "SLO %", "ACCURACY %", "OF", "PRODUCT %", "POINT", "p99 ms"]) {
            $0.map { window in
                [
                    timeText(window.startMilliseconds), window.model, "\(window.arrived)",
                    window.sloAttainment.map { (100 * $0).text(2) } ?? "-",
                    (window.accuracy ?? window.expectedAccuracy).map { (100 * $0).text(2) } ?? "-",
                    window.accuracySource?.rawValue ?? "-",
                    window.attainedAccuracy.map { (100 * $0).text(2) } ?? "-", "\(window.activePoint)",
                    window.p99Milliseconds.text(2),
                ]
            }
        }
    }
}

extension FleetListing where Value == [AuditEntry] {
    public static var audit: Self {
        Self(["ENTRY", "TIME", "ACTOR", "ACTION", "TARGET", "BEFORE", "AFTER"]) {
            $0.map { entry in
                [
                    "\(entry.number)", timeText(entry.atMilliseconds), entry.actor, entry.action, entry.target,
                    entry.before ?? "-", entry.after ?? "-",
                ]
            }
        }
    }
}

extension FleetListing where Value == [AccessTokenView] {
    public static var accessTokens: Self {
        Self(["TOKEN", "ROLE", "CREATED", "BY", "EXPIRES"]) {
            $0.map { token in
                [
                    token.name, token.role.rawValue, timeText(token.createdAtMilliseconds), token.createdBy,
                    token.expiresAtMilliseconds.map { timeText($0) + (token.isExpired ? ", expired" : "") } ?? "never",
                ]
            }
        }
    }
}
