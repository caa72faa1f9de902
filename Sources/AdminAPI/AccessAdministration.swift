public import AuditLog
public import FleetModel

/// Who asks, as their token says.
public struct Caller: Codable, Equatable, Sendable {
    public var name: String
    public var role: AccessRole

    public init(name: String, role: AccessRole) {
        self.name = name
        self.role = role
    }
}

/// Who may do what by the HTTP interface, and what they did: a port like `FleetAdministration`.
public protocol AccessAdministration: Sendable {
    /// Whom the token belongs to; `nil` when it is nobody's, expired or revoked.
    func caller(ofToken token: String) async throws -> Caller?
    /// By name, without secrets.
    func accessTokens() async throws -> [AccessTokenView]
    func createAccessToken(_ request: AccessTokenRequest, by actor: String) async throws -> CreatedAccessToken
    /// - Parameter dryRun: whether it is only told that it could be.
    func revokeAccessToken(_ name: String, dryRun: Bool, by actor: String) async throws -> AccessTokenRevocation
    /// Oldest first: those after entry `after` where it is given, and the newest where it is not.
    func audit(after: UInt64?, sinceMilliseconds: UInt64, limit: Int) async throws -> [AuditEntry]
    /// Reads the whole log.
    func verifyAudit() async throws -> AuditVerification
}

public struct AccessTokenView: Codable, Equatable, Sendable {
    public var name: String
    public var role: AccessRole
    public var createdAtMilliseconds: UInt64
    /// The token that it was made with.
    public var createdBy: String
    public var expiresAtMilliseconds: UInt64?
    public var isExpired: Bool

    public init(
        name: String, role: AccessRole, createdAtMilliseconds: UInt64, createdBy: String,
        expiresAtMilliseconds: UInt64?, isExpired: Bool
    ) {
        self.name = name
        self.role = role
        self.createdAtMilliseconds = createdAtMilliseconds
        self.createdBy = createdBy
        self.expiresAtMilliseconds = expiresAtMilliseconds
        self.isExpired = isExpired
    }
}

public struct AccessTokenRequest: Codable, Equatable, Sendable {
    public var name: String
    /// viewer, operator or admin.
    public var role: String
    /// Without it the token is good until it is revoked.
    public var validSeconds: Int?

    public init(name: String, role: String, validSeconds: Int? = nil) {
        self.name = name
        self.role = role
        self.validSeconds = validSeconds
    }
}

/// The one answer that holds the secret.
public struct CreatedAccessToken: Codable, Equatable, Sendable {
    public var name: String
    public var role: AccessRole
    public var token: String
    public var expiresAtMilliseconds: UInt64?

    public init(name: String, role: AccessRole, token: String, expiresAtMilliseconds: UInt64?) {
        self.name = name
        self.role = role
        self.token = token
        self.expiresAtMilliseconds = expiresAtMilliseconds
    }
}

public struct AccessTokenRevocation: Codable, Equatable, Sendable {
    public var name: String
    /// `true` where nothing has changed; `nil` otherwise.
    public var dryRun: Bool?

    public init(name: String, dryRun: Bool? = nil) { (self.name, self.dryRun) = (name, dryRun) }
}
