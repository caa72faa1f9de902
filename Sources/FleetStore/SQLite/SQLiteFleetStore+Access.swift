public import AuditLog
public import FleetModel
import Foundation
import GRDB

extension SQLiteFleetStore {
    public func addAccessToken(_ token: AccessToken, audit: AuditDraft) async throws {
        let created = try signed(token.createdAtMilliseconds, "createdAtMilliseconds")
        let expires = try token.expiresAtMilliseconds.map { try signed($0, "expiresAtMilliseconds") }
        try await write { [self] database in
            let known = try Int.fetchOne(
                database, sql: "SELECT COUNT(*) FROM accessToken WHERE name = ?", arguments: [token.name.rawValue])
            guard known == 0 else { throw FleetStoreFailure.nameInUse(token.name) }
            try database.execute(
                sql: """
                    INSERT INTO accessToken (name, hash, role, createdAtMilliseconds, createdBy, expiresAtMilliseconds)
                    VALUES (?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    token.name.rawValue, token.hash.databaseBytes, token.role.rawValue, created, token.createdBy,
                    expires,
                ])
            try refuse(moreThan: limits.accessTokens, of: "access tokens", in: "accessToken", database)
            try append(audit, database)
        }
    }

    public func removeAccessToken(_ name: AccessName, audit: AuditDraft) async throws -> Bool {
        try await write { [self] database in
            try database.execute(sql: "DELETE FROM accessToken WHERE name = ?", arguments: [name.rawValue])
            guard database.changesCount == 1 else { return false }
            try append(audit, database)
            return true
        }
    }

    public func accessToken(hash: [UInt8]) async throws -> AccessToken? {
        try await read { [self] database in
            try Row.fetchOne(
                database, sql: "SELECT * FROM accessToken WHERE hash = ?", arguments: [hash.databaseBytes]
            ).map(accessToken)
        }
    }

    public func accessTokens() async throws -> [AccessToken] {
        try await read { [self] database in
            try Row.fetchAll(database, sql: "SELECT * FROM accessToken ORDER BY name").map(accessToken)
        }
    }

    private func accessToken(_ row: Row) throws -> AccessToken {
        let hash: Data = row["hash"]
        let expires: Int64? = row["expiresAtMilliseconds"]
        guard let name = AccessName(rawValue: row["name"]), let role = AccessRole(rawValue: row["role"]) else {
            throw FleetStoreFailure.corrupt(path: path, detail: "unreadable access token")
        }
        return AccessToken(
            name: name, role: role, hash: [UInt8](hash),
            createdAtMilliseconds: row.unsigned("createdAtMilliseconds"), createdBy: row["createdBy"],
            expiresAtMilliseconds: expires.map { UInt64(clamping: $0) })
    }
}
