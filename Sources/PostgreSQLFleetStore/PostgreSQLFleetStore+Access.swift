public import AuditLog
public import FleetModel
public import FleetStore

extension PostgreSQLFleetStore {
    public func addAccessToken(_ token: AccessToken, audit: AuditDraft) async throws {
        let created = try signed(token.createdAtMilliseconds, "createdAtMilliseconds")
        let expires = try token.expiresAtMilliseconds.map { try signed($0, "expiresAtMilliseconds") }
        try await write(locking: [.access, .audit]) { [self] transaction in
            let known = try transaction.first("SELECT 1 FROM accessToken WHERE name = $1", .text(token.name.rawValue))
            guard known == nil else { throw FleetStoreFailure.nameInUse(token.name) }
            try transaction.execute(
                """
                INSERT INTO accessToken (name, hash, role, createdAtMilliseconds, createdBy, expiresAtMilliseconds)
                VALUES ($1, $2, $3, $4, $5, $6)
                """, .text(token.name.rawValue), .bytes(token.hash), .text(token.role.rawValue), .integer(created),
                .text(token.createdBy), .optional(expires))
            try transaction.refuse(moreThan: limits.accessTokens, of: "access tokens", in: "accessToken")
            try append(audit, transaction)
        }
    }

    public func removeAccessToken(_ name: AccessName, audit: AuditDraft) async throws -> Bool {
        try await write(locking: [.access, .audit]) { [self] transaction in
            let removed = try transaction.execute("DELETE FROM accessToken WHERE name = $1", .text(name.rawValue))
            guard removed.changed == 1 else { return false }
            try append(audit, transaction)
            return true
        }
    }

    public func accessToken(hash: [UInt8]) async throws -> AccessToken? {
        try await read { [self] in
            try $0.first("SELECT * FROM accessToken WHERE hash = $1", .bytes(hash)).map(accessToken)
        }
    }

    public func accessTokens() async throws -> [AccessToken] {
        try await read { [self] in try $0.rows("SELECT * FROM accessToken ORDER BY name").map(accessToken) }
    }

    private func accessToken(_ row: PostgreSQLRow) throws -> AccessToken {
        guard let name = AccessName(rawValue: row.text("name")), let role = AccessRole(rawValue: row.text("role"))
        else { throw FleetStoreFailure.corrupt(path: path, detail: "unreadable access token") }
        return AccessToken(
            name: name, role: role, hash: row.bytes("hash"),
            createdAtMilliseconds: row.unsigned("createdAtMilliseconds"), createdBy: row.text("createdBy"),
            expiresAtMilliseconds: row.optionalUnsigned("expiresAtMilliseconds"))
    }
}
