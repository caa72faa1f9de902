public import AuditLog
public import FleetModel

/// Subnets that boards measured on request; part of `FleetStore`.
public protocol MeasurementStore: Sendable {
    /// Adds the measurement or replaces that of the same board, supernet and subnet. Of more than
    /// `FleetLimits.measuredSubnets` the oldest go.
    func saveMeasurement(_ measurement: MeasuredSubnet) async throws
    /// The oldest first.
    func measurements() async throws -> [MeasuredSubnet]
}

/// Searches, kept like the rest of the fleet; part of `FleetStore`.
public protocol SearchStore: Sendable {
    /// Adds the search or replaces the one of its name. At most `FleetLimits.searches`.
    func saveSearch(_ search: SearchRecord, audit: AuditDraft?) async throws
    /// Forgets the search of that name, if there is one.
    func removeSearch(_ name: String) async throws
    /// In the order of their numbers.
    func searches() async throws -> [SearchRecord]
}
