public import FleetStore

extension PostgreSQLSchema {
    /// Where the holder of the lease is to be found; nothing from the moment it takes the lease until it says so.
    static let leader = """
        ALTER TABLE lease ADD COLUMN relay TEXT;
        ALTER TABLE lease ADD COLUMN admin TEXT;
        """
}

/// Where other coordinators find the one that leads.
public struct LeaderAddresses: Equatable, Sendable {
    /// Endpoint of fronts; `nil` where it takes none.
    public var relay: String?
    /// URL of the interface for people.
    public var admin: String

    public init(relay: String?, admin: String) {
        self.relay = relay
        self.admin = admin
    }
}

extension PostgreSQLFleetStore {
    /// Says where the coordinator that writes under the lease is.
    public func announce(_ addresses: LeaderAddresses) async throws(FleetStoreFailure) {
        try await write { transaction in
            _ = try transaction.execute(
                "UPDATE lease SET relay = $1, admin = $2", .optional(addresses.relay), .text(addresses.admin))
        }
    }

    /// Where the coordinator that took the lease last says that it is, whether or not it still lives; `nil` until it
    /// has said so.
    public func leader() async throws(FleetStoreFailure) -> LeaderAddresses? {
        try await read { transaction in
            guard let row = try transaction.first("SELECT relay, admin FROM lease"),
                let admin = row.optionalText("admin")
            else { return nil }
            return LeaderAddresses(relay: row.optionalText("relay"), admin: admin)
        }
    }
}
