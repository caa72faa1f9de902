import AdminAPI
import AuditLog
import Crypto
import FleetModel
import FleetStore

/// Who may use the HTTP interface, and what they changed, from the store.
///
/// The token in `admin.json` is there from the first start, is an administrator's and is called `local`: whoever reads
/// the coordinator's folder has the coordinator. All others are made by it, and known by their hash alone.
struct AccessDesk: AccessAdministration {
    static let localName = "local"
    private static let validSeconds = 60...86_400 * 366

    private let store: any FleetStore
    private let localHash: [UInt8]
    private let metrics: CoordinatorMetrics

    init(store: any FleetStore, localToken: String, metrics: CoordinatorMetrics = CoordinatorMetrics()) {
        self.store = store
        self.metrics = metrics
        localHash = Self.hash(localToken)
    }

    static func hash(_ token: String) -> [UInt8] { Array(SHA256.hash(data: Array(token.utf8))) }

    /// Hashes are compared, so that the time it takes says nothing of the token.
    func caller(ofToken token: String) async throws -> Caller? {
        let hash = Self.hash(token)
        if hash == localHash { return Caller(name: Self.localName, role: .admin) }
        guard let known = try await stored({ try await store.accessToken(hash: hash) }),
            !known.isExpired(atMilliseconds: CoordinatorActor.wallClock())
        else { return nil }
        return Caller(name: known.name.rawValue, role: known.role)
    }

    func accessTokens() async throws -> [AccessTokenView] {
        let now = CoordinatorActor.wallClock()
        return try await stored { try await store.accessTokens() }.map {
            AccessTokenView(
                name: $0.name.rawValue, role: $0.role, createdAtMilliseconds: $0.createdAtMilliseconds,
                createdBy: $0.createdBy, expiresAtMilliseconds: $0.expiresAtMilliseconds,
                isExpired: $0.isExpired(atMilliseconds: now))
        }
    }

    func createAccessToken(_ request: AccessTokenRequest, by actor: String) async throws -> CreatedAccessToken {
        guard let name = AccessName(rawValue: request.name), name.rawValue != Self.localName else {
            throw AdminFailure(
                .invalid,
                "name: give 1 to \(AccessName.lengthLimit) letters, digits, '.', '_' or '-', and not \(Self.localName)")
        }
        guard let role = AccessRole(rawValue: request.role) else {
            let roles = AccessRole.allCases.map(\.rawValue).joined(separator: ", ")
            throw AdminFailure(.invalid, "role: \(request.role.prefix(32)) is none of \(roles)")
        }
        if let seconds = request.validSeconds, !Self.validSeconds.contains(seconds) {
            throw AdminFailure(.invalid, "validSeconds: \(seconds) is outside \(Self.validSeconds)")
        }
        let now = CoordinatorActor.wallClock()
        let secret = Secret.make()
        let token = AccessToken(
            name: name, role: role, hash: Self.hash(secret), createdAtMilliseconds: now, createdBy: actor,
            expiresAtMilliseconds: request.validSeconds.map { now + UInt64($0) * 1_000 })
        let expiry = token.expiresAtMilliseconds.map { ", expires at \($0) ms" } ?? ""
        do {
            try await store.addAccessToken(
                token,
                audit: AuditDraft(
                    actor: actor, action: .accessTokenCreated, target: "token \(name.rawValue)",
                    after: role.rawValue + expiry, atMilliseconds: now))
        } catch let failure as FleetStoreFailure {
            throw AdminFailure(failure == .nameInUse(name) ? .invalid : .unavailable, failure.description)
        }
        return CreatedAccessToken(
            name: name.rawValue, role: role, token: secret, expiresAtMilliseconds: token.expiresAtMilliseconds)
    }

    func revokeAccessToken(_ name: String, dryRun: Bool, by actor: String) async throws -> AccessTokenRevocation {
        let known = try await stored { try await store.accessTokens() }.first { $0.name.rawValue == name }
        let now = CoordinatorActor.wallClock()
        if dryRun, known != nil { return AccessTokenRevocation(name: name, dryRun: true) }
        guard let known,
            try await stored({
                try await store.removeAccessToken(
                    known.name,
                    audit: AuditDraft(
                        actor: actor, action: .accessTokenRevoked, target: "token \(name)",
                        before: known.role.rawValue, atMilliseconds: now))
            })
        else {
            throw AdminFailure(
                .notFound,
                name == Self.localName
                    ? "\(name) is revoked by a new start without admin.json"
                    : "no token is named \(name.prefix(AccessName.lengthLimit))")
        }
        return AccessTokenRevocation(name: name)
    }

    func audit(after: UInt64?, sinceMilliseconds: UInt64, limit: Int) async throws -> [AuditEntry] {
        try await stored { try await store.audit(after: after, sinceMilliseconds: sinceMilliseconds, limit: limit) }
    }

    func verifyAudit() async throws -> AuditVerification {
        let verification = try await stored { try await store.verifyAudit() }
        metrics.auditChecked(isWhole: verification.fault == nil)
        return verification
    }

    private func stored<Result>(_ body: () async throws -> Result) async throws -> Result {
        do { return try await body() } catch let failure as FleetStoreFailure {
            throw AdminFailure(.unavailable, failure.description)
        }
    }
}

extension AccessToken {
    func isExpired(atMilliseconds now: UInt64) -> Bool { expiresAtMilliseconds.map { $0 <= now } ?? false }
}

extension StoredPolicy {
    /// For the audit log: which text it was, and what it asks for.
    var auditText: String {
        let rules = policy.models.map { model in
            let floor = model.accuracyFloor.map { ", accuracy at least \($0)" } ?? ""
            return "\(model.model) within \(model.latency.milliseconds) ms at \(model.latency.percentile) %\(floor), "
                + "priority \(model.priority)"
        }
        return "version \(version), text \(InputText.sha256(text)): \(rules.joined(separator: "; "))"
    }
}

enum InputText {
    /// The first 16 digits.
    static func sha256(_ text: String) -> String {
        SHA256.hash(data: Array(text.utf8)).prefix(8)
            .map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
    }
}
