import AdminAPI
import AuditLog
import FleetModel

/// A fleet that answers from memory.
actor InMemoryFleet: FleetAdministration {
    private(set) var applied: [ApplyRequest] = []
    private(set) var actors: [String] = []

    func status() -> StatusView {
        StatusView(
            version: "test", startedAtMilliseconds: 1, fleetEndpoint: "tcp://127.0.0.1:1",
            enrolmentEndpoint: "tcp://127.0.0.1:2", boardsEnrolled: 1, boardsConnected: 0, telemetryRecords: 0,
            droppedFrames: ["malformed": 3])
    }

    func boards() -> [BoardView] { [] }
    func models() -> [ModelView] { [] }
    func policies() -> [PolicyView] { [] }
    func assignments() -> [AssignmentView] { [] }

    func events(_ choice: EventChoice, limit: Int) -> [FleetEvent] {
        let events = (0..<3).map {
            FleetEvent(kind: .boardEnrolled, board: BoardID("b\($0)"), message: "", atMilliseconds: 1)
        }
        return Array(events.filter(choice.selects).prefix(limit))
    }

    func withdraw(policy: String, dryRun: Bool, by actor: String) throws -> PolicyWithdrawal {
        guard policy == "b0" else { throw AdminFailure(.notFound, policy) }
        if !dryRun { actors.append(actor) }
        return PolicyWithdrawal(
            policy: policy, version: 3, dryRun: dryRun, boards: ["b0"], changedBoards: 0, changes: [])
    }

    func revoke(board: String, dryRun: Bool, by actor: String) throws -> BoardRevocation {
        guard board == "b0" else { throw AdminFailure(.notFound, board) }
        return BoardRevocation(board: board, dryRun: dryRun ? true : nil)
    }

    func telemetry(board: String, sinceMilliseconds: UInt64, limit: Int) throws -> [TelemetryWindowView] {
        throw AdminFailure(.notFound, "board \(board) since \(sinceMilliseconds) limit \(limit)")
    }

    func hours(board: String, since: HoursSince, limit: Int) throws -> [BoardHourView] {
        guard board == "b0" else { throw AdminFailure(.notFound, "\(board) since \(since) limit \(limit)") }
        return [try Self.hour(labelled: 0), try Self.hour(labelled: 4)]
    }

    static func hour(labelled: UInt64) throws -> BoardHourView {
        guard let model = ModelName("m") else { throw Unexpected() }
        return BoardHourView(
            board: "b0",
            TelemetryHour(
                model: model, startMilliseconds: 3_600_000, windows: 2, frames: 6, dropped: 2, violations: 2,
                labelled: labelled, correct: labelled / 2, switches: 1, p99Milliseconds: 2.5,
                coveredMilliseconds: 2_000))
    }

    func preview(_ request: PolicyPreviewRequest) throws -> PolicyPreview {
        guard request.text != "bad" else { throw AdminFailure(.invalid, "\(request.file):1: not a policy") }
        return PolicyPreview(
            policy: "p", version: 1, isInForceNow: true, boards: 0, changedBoards: 0, changes: [], warnings: [],
            refusal: nil)
    }

    func apply(_ request: ApplyRequest, by actor: String) throws -> ApplyResult {
        guard request.text != "bad" else { throw AdminFailure(.invalid, "\(request.file):1: not a policy") }
        applied.append(request)
        actors.append(actor)
        return ApplyResult(policy: "p", version: 1, dryRun: request.dryRun, boards: [], warnings: [])
    }

    func createToken(_ request: TokenRequest, by actor: String) throws -> TokenView { throw Unexpected() }

    func searches() -> [SearchView] { searchRecords.map { SearchView(search: $0, generation: nil) } }

    func submit(_ request: ApplyRequest, by actor: String) throws -> SearchView {
        let job: SearchJob
        do { job = try SearchFile.parse(request.text, file: request.file) } catch {
            throw AdminFailure(.invalid, error.description)
        }
        searchRecords.append(SearchRecord(job: job, text: request.text, number: 1, submittedAtMilliseconds: 5))
        return SearchView(search: searchRecords[0], generation: nil)
    }

    func cancel(search: String, by actor: String) throws -> SearchView {
        guard let record = searchRecords.first(where: { $0.name == search }) else {
            throw AdminFailure(.notFound, search)
        }
        return SearchView(search: record, generation: 3)
    }

    func predictors() -> [LatencyPredictorView] { [] }

    private var searchRecords: [SearchRecord] = []

    struct Unexpected: Error {}
}

/// Three people: `secret` is an administrator's token, `worker` an operator's and `looker` a viewer's.
actor InMemoryAccess: AccessAdministration {
    static let callers = [
        "secret": Caller(name: "ann", role: .admin), "worker": Caller(name: "otto", role: .operator),
        "looker": Caller(name: "vera", role: .viewer),
    ]

    func caller(ofToken token: String) -> Caller? { Self.callers[token] }

    func accessTokens() -> [AccessTokenView] {
        [
            AccessTokenView(
                name: "vera", role: .viewer, createdAtMilliseconds: 1, createdBy: "ann", expiresAtMilliseconds: 5,
                isExpired: true)
        ]
    }

    func createAccessToken(_ request: AccessTokenRequest, by actor: String) throws -> CreatedAccessToken {
        guard let role = AccessRole(rawValue: request.role) else { throw AdminFailure(.invalid, "role") }
        return CreatedAccessToken(name: request.name, role: role, token: "new", expiresAtMilliseconds: 9)
    }

    func revokeAccessToken(_ name: String, dryRun: Bool, by actor: String) throws -> AccessTokenRevocation {
        guard name == "vera" else { throw AdminFailure(.notFound, name) }
        return AccessTokenRevocation(name: name, dryRun: dryRun ? true : nil)
    }

    func audit(after: UInt64?, sinceMilliseconds: UInt64, limit: Int) -> [AuditEntry] {
        let entry = AuditMark.origin.next(
            AuditDraft(actor: "ann", action: .policyApplied, target: "policy p", after: "x", atMilliseconds: 5),
            textBytes: 512)
        return after ?? 0 < 1 && sinceMilliseconds <= 5 ? [entry] : []
    }

    func verifyAudit() -> AuditVerification {
        let entry = audit(after: nil, sinceMilliseconds: 0, limit: 1)[0]
        return AuditVerification(
            entries: 1, base: .origin, newest: AuditMark(number: 1, hash: entry.hash),
            fault: AuditFault(number: 1, reason: "for the schema"))
    }
}

/// One rollout, `b0` of which all is there; what is asked of it is its reason.
actor InMemoryRollouts: RolloutAdministration {
    static let view = RolloutView(
        name: "b0", policy: "p", status: "running", reason: "", currentGroup: 1,
        groups: [
            .init(
                number: 1, phase: "inFlight", elapsedMilliseconds: 5, soakedMilliseconds: 4,
                boards: [.init(board: "b", state: "failed", reason: "too slow")],
                findings: [
                    .init(gate: "p99Ratio", model: "m", past: 1.5, present: 2, limit: 3.5, isViolated: false),
                    .init(gate: "restartsPerBoard", model: nil, past: 0, present: 2, limit: 0.5, isViolated: true),
                ], missing: ["m: 3 of 200 frames"])
        ], policyText: "kind: Policy", createdBy: "ann", createdAtMilliseconds: 1,
        rules: RolloutView.Rules(
            RolloutPlan(
                name: "b0",
                gates: RolloutGates(
                    accuracyDrop: 0.1, attainmentDrop: 0.2, p50Ratio: 1.5, p99Ratio: 2, restartsPerBoard: 0.5))),
        artefact: RolloutArtefact(kind: "hook-version", name: "m", version: 2), dryRun: true)

    func rollouts() -> [RolloutView] { [Self.view] }
    func create(_ request: RolloutRequest, by actor: String) -> RolloutView { Self.view }

    func change(
        rollout: String, _ verb: RolloutVerb, _ change: RolloutChange, by actor: String
    ) throws -> RolloutView {
        guard rollout == "b0" else { throw AdminFailure(.notFound, rollout) }
        var view = Self.view
        view.reason = "\(verb) by \(actor): \(change.reason ?? "")"
        return view
    }
}

/// One artefact with all there is; what is asked of it is refused where its name is another.
actor InMemoryArtefacts: ArtefactAdministration {
    static let view = ArtefactView(
        kind: "hook-version", name: "m",
        versions: [.init(version: 2, sizeBytes: 10, sha256: "ab", createdAtMilliseconds: 1)], deployedVersion: 2,
        generation: 3,
        boards: [
            .init(
                board: "b0", status: "refused", version: 1, previousVersion: 0, desiredVersion: 2, receivedBytes: 5,
                reason: "of other weights", runningVersion: 1)
        ], warning: "no board has a model of that name", dryRun: true)

    func artefacts() -> [ArtefactView] { [Self.view] }
    func upload(_ piece: ArtefactPiece) -> ArtefactUpload {
        ArtefactUpload(receivedBytes: piece.offset + piece.content.count)
    }
    func add(_ request: ArtefactRequest, by actor: String) throws -> ArtefactView {
        guard request.name == "m" else { throw AdminFailure(.invalid, request.name) }
        return Self.view
    }
    func deploy(_ change: ArtefactChange, by actor: String) throws -> ArtefactView {
        guard change.name == "m" else { throw AdminFailure(.notFound, change.name) }
        return Self.view
    }
    func withdraw(_ change: ArtefactChange, by actor: String) throws -> ArtefactView {
        try deploy(change, by: actor)
    }
    func remove(_ change: ArtefactChange, by actor: String) throws -> [ArtefactView] {
        [try deploy(change, by: actor)]
    }
    func rotateKey(_ request: ArtefactKeyRotation, by actor: String) -> ArtefactKeyView {
        ArtefactKeyView(publicKey: "ab", rotations: 1, dryRun: request.dryRun)
    }
}
