public import AuditLog
public import FleetModel

/// A right to use the HTTP interface, known only by its hash: whoever reads the store cannot use it.
public struct AccessToken: Equatable, Sendable {
    public var name: AccessName
    public var role: AccessRole
    /// SHA-256 of the token.
    public var hash: [UInt8]
    public var createdAtMilliseconds: UInt64
    /// The name of the token that made it.
    public var createdBy: String
    /// `nil` while it is good until it is revoked.
    public var expiresAtMilliseconds: UInt64?

    public init(
        name: AccessName, role: AccessRole, hash: [UInt8], createdAtMilliseconds: UInt64, createdBy: String,
        expiresAtMilliseconds: UInt64? = nil
    ) {
        self.name = name
        self.role = role
        self.hash = hash
        self.createdAtMilliseconds = createdAtMilliseconds
        self.createdBy = createdBy
        self.expiresAtMilliseconds = expiresAtMilliseconds
    }
}

/// Tokens of people and programs; part of `FleetStore`.
public protocol AccessStore: AuditStore {
    /// Adds the token; no two have one name. At most `FleetLimits.accessTokens`.
    func addAccessToken(_ token: AccessToken, audit: AuditDraft) async throws
    /// Forgets the token of that name; `false`, and no entry, when there is none.
    func removeAccessToken(_ name: AccessName, audit: AuditDraft) async throws -> Bool
    /// The token of that hash, expired or not.
    func accessToken(hash: [UInt8]) async throws -> AccessToken?
    /// Ordered by name.
    func accessTokens() async throws -> [AccessToken]
}
