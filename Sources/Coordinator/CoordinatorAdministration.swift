import AdminAPI
import AuditLog
import CoordinatorCore
import Crypto
import FleetModel
import FleetStore
import Foundation
import Messaging
import Rollouts
import WireProtocol

/// Answers people's questions from the store and the state machine.
struct CoordinatorAdministration: FleetAdministration {
    let actor: CoordinatorActor
    let desk: SearchDesk
    let store: any FleetStore
    let transport: ZeroMQCoordinatorTransport
    let serverPublicKey: PublicKey
    let advertisedHost: String
    let startedAtMilliseconds: UInt64
    let metrics: CoordinatorMetrics
    /// Models of which a package is deployed to boards from here.
    var packages: @Sendable () async -> [String] = { [] }

    /// Windows over which a model's accuracy and SLO attainment are computed in listings.
    private static let listedWindows = 600
    /// Boards of a class that the live page is given with their operating points: enough for a median.
    static let boardsWithPoints = 20
    private static let tokenUses = 1...10_000
    private static let tokenSeconds = 1...86_400 * 30

    func status() async throws -> StatusView {
        status(await actor.states, records: try await store.telemetryCounts().reduce(0) { $0 + $1.rows })
    }

    func status(_ states: [BoardState], records: Int) -> StatusView {
        StatusView(
            version: CoordinatorService.version, startedAtMilliseconds: startedAtMilliseconds,
            fleetEndpoint: advertised(transport.boundEndpoints.fleet),
            enrolmentEndpoint: advertised(transport.boundEndpoints.enrolment),
            boardsEnrolled: states.count, boardsConnected: states.count { $0.status == .connected },
            telemetryRecords: records,
            droppedFrames: Dictionary(uniqueKeysWithValues: transport.counters().byReason),
            metricsURL: metrics.port.map { "http://\(advertisedHost):\($0)/metrics" },
            atMilliseconds: CoordinatorActor.wallClock(), fronts: fronts())
    }

    /// `nil` where no other coordinator carries messages to this one.
    private func fronts() -> [FrontView]? {
        let fronts = transport.connectedFronts().map { front in
            FrontView(
                fleetEndpoint: front.description.fleetEndpoint, enrolmentEndpoint: front.description.enrolmentEndpoint,
                boards: front.boards, framesReceived: front.description.received,
                framesSent: front.description.sent, droppedFrames: front.description.dropped)
        }
        return fronts.isEmpty ? nil : fronts
    }

    /// One of this coordinator's addresses with those of its fronts; `nil` where it is the only one.
    private func all(_ address: String, _ others: KeyPath<FrontView, String>) -> [String]? {
        let addresses = Set((fronts() ?? []).map { $0[keyPath: others] } + [address])
        return addresses.count > 1 ? addresses.sorted() : nil
    }

    /// The bound endpoint as boards reach it.
    private func advertised(_ endpoint: String) -> String {
        let port = endpoint.split(separator: ":").last ?? ""
        return "tcp://\(advertisedHost):\(port)"
    }

    func boards() async throws -> [BoardView] {
        let counts = try await store.telemetryCounts()
        return views(of: await actor.watched, counts) { _ in true }
    }

    func models() async throws -> [ModelView] {
        var views: [ModelView] = []
        for state in await actor.states {
            let windows = try await store.telemetry(
                board: state.board.id, sinceMilliseconds: 0, limit: Self.listedWindows)
            for model in state.board.models {
                views.append(
                    ModelSummary(
                        windows.compactMap { $0.record.models.first { $0.model == model.name } }, points: model.points
                    ).view(board: state, model: model))
            }
        }
        return views
    }

    func policies() async throws -> [PolicyView] {
        let states = await actor.states
        return try await store.policies().map { stored in
            PolicyView(
                name: stored.policy.name, version: Int(stored.version), text: stored.text,
                boards: states.filter { stored.policy.selects($0.board) }.map(\.board.id.rawValue))
        }
    }

    func assignments() async throws -> [AssignmentView] {
        let machine = await actor.machine
        return machine.states.map { state in
            let rules = machine.rules(of: state.board.id)
            let tables = Dictionary(state.board.models.map { ($0.name.rawValue, $0.points) }) { first, _ in first }
            return AssignmentView(
                board: state.board.id.rawValue, generation: state.desired.generation,
                reportedGeneration: state.reportedGeneration,
                models: state.desired.models.map {
                    AssignmentView.Model($0, rule: rules[$0.model], points: tables[$0.model] ?? [])
                },
                infeasible: state.infeasible)
        }
    }

    func events(_ choice: EventChoice, limit: Int) async throws -> [FleetEvent] {
        guard !choice.isEverything else { return try await store.events(limit: limit) }
        return Array(try await store.events(limit: FleetLimits.events).lazy.filter(choice.selects).prefix(limit))
    }

    func telemetry(board: String, sinceMilliseconds: UInt64, limit: Int) async throws -> [TelemetryWindowView] {
        guard let id = BoardID(board), let stored = try await store.board(id) else {
            throw AdminFailure(.notFound, "no board is named \(board.prefix(64))")
        }
        let points = Dictionary(stored.description.models.map { ($0.name, $0.points) }) { first, _ in first }
        return try await store.telemetry(board: id, sinceMilliseconds: sinceMilliseconds, limit: limit).map {
            let accuracies = $0.record.models.compactMap { window in
                window.pointAccuracy(in: points[window.model] ?? []).map { (window.model.rawValue, $0) }
            }
            return TelemetryWindowView(
                board: board, receivedAtMilliseconds: $0.receivedAtMilliseconds, record: $0.record,
                pointAccuracies: Dictionary(accuracies) { first, _ in first })
        }
    }

    func apply(_ request: ApplyRequest, by actor: String) async throws -> ApplyResult {
        let draft = try await self.draft(request.text, file: request.file)
        let policy = draft.policy
        let infeasible = await self.actor.infeasible(with: policy)
        let version =
            try await request.dryRun
            ? stored {
                try await self.actor.refuseApplying(policy.name)
                return draft.nextVersion
            }
            : stored { try await self.actor.apply(policy, text: request.text, by: actor) }.version
        return ApplyResult(
            policy: policy.name, version: Int(version), dryRun: request.dryRun,
            isUnchanged: draft.isUnchanged && version == draft.nextVersion,
            boards: draft.selected.map(\.board.id.rawValue), warnings: draft.warnings + infeasible)
    }

    /// What the store refuses, in its own words.
    func stored<Result>(_ body: () async throws -> Result) async throws -> Result {
        do { return try await body() } catch let failure as FleetStoreFailure {
            throw AdminFailure(.unavailable, failure.description)
        } catch let refusal as RolloutRefusal {
            throw AdminFailure(refusal.isUnknown ? .notFound : .invalid, refusal.description)
        }
    }

    func revoke(board: String, dryRun: Bool, by actor: String) async throws -> BoardRevocation {
        guard let id = BoardID(board),
            try await stored({ try await self.actor.revoke(id, dryRun: dryRun, by: actor) })
        else { throw AdminFailure(.notFound, "no board that may speak is named \(board.prefix(64))") }
        return BoardRevocation(board: board, dryRun: dryRun ? true : nil)
    }

    func createToken(_ request: TokenRequest, by actor: String) async throws -> TokenView {
        guard Self.tokenUses.contains(request.uses) else {
            throw AdminFailure(.invalid, "uses: \(request.uses) is outside \(Self.tokenUses)")
        }
        guard Self.tokenSeconds.contains(request.validSeconds) else {
            throw AdminFailure(.invalid, "validSeconds: \(request.validSeconds) is outside \(Self.tokenSeconds)")
        }
        let labels = request.labels ?? [:]
        try Self.check(labels)
        let token = Secret.make()
        let now = CoordinatorActor.wallClock()
        let expiry = now + UInt64(request.validSeconds) * 1_000
        let kept = EnrolmentToken(
            hash: Array(SHA256.hash(data: Array(token.utf8))), expiresAtMilliseconds: expiry,
            remainingUses: UInt32(request.uses), labels: labels)
        let name = EnrolmentToken.name(ofHash: kept.hash)
        let bearers = labels.isEmpty ? "" : " with \(labels.labelText)"
        let audit = AuditDraft(
            actor: actor, action: .enrolmentTokenCreated, target: "enrolment token",
            after: "good for \(request.uses) boards\(bearers) for \(request.validSeconds) s, as \(name)",
            atMilliseconds: now)
        try await stored { try await store.addToken(kept, atMilliseconds: now, audit: audit) }
        let enrolment = advertised(transport.boundEndpoints.enrolment)
        let fleet = advertised(transport.boundEndpoints.fleet)
        return TokenView(
            token: token, enrolmentEndpoint: enrolment, fleetEndpoint: fleet, serverPublicKey: serverPublicKey.z85,
            expiresAtMilliseconds: expiry, enrolmentEndpoints: all(enrolment, \.enrolmentEndpoint),
            fleetEndpoints: all(fleet, \.fleetEndpoint), labels: labels.isEmpty ? nil : labels)
    }

    /// Refuses labels that no board can carry.
    private static func check(_ labels: [String: String]) throws(AdminFailure) {
        guard labels.count <= FleetLimits.labelsPerBoard else {
            throw AdminFailure(.invalid, "labels: has \(labels.count), allowed are \(FleetLimits.labelsPerBoard)")
        }
        for (key, value) in labels {
            let isPlain = (key + value).unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
            let fits = !key.isEmpty && max(key.utf8.count, value.utf8.count) <= FleetLimits.labelBytes
            guard isPlain, fits else {
                throw AdminFailure(
                    .invalid,
                    "labels: a key is empty, or a text has over \(FleetLimits.labelBytes) bytes or control characters")
            }
        }
    }
}

/// Random text that is a secret: 256 bits in hexadecimal.
enum Secret {
    static func make() -> String {
        SymmetricKey(size: .bits256).withUnsafeBytes { bytes in
            bytes.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
        }
    }
}
