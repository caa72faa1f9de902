public import FleetModel

/// Searches, kept like the rest of the fleet; part of `FleetStore`.
public protocol SearchStore: Sendable {
    /// Adds the search or replaces the one of its name. At most `FleetLimits.searches`.
    func saveSearch(_ search: SearchRecord) async throws
    /// Forgets the search of that name, if there is one.
    func removeSearch(_ name: String) async throws
    /// In the order of their numbers.
    func searches() async throws -> [SearchRecord]
}
