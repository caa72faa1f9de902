public import FleetModel

/// What people may ask of and tell the coordinator: the port behind the HTTP interface. `Coordinator` conforms; tests
/// use a twin in memory.
///
/// Every method throws `AdminFailure` for what the caller can mend. A change is made in the name of `actor`, and is in
/// the audit log when its method returns.
public protocol FleetAdministration: SearchAdministration {
    func status() async throws -> StatusView
    func boards() async throws -> [BoardView]
    func models() async throws -> [ModelView]
    func policies() async throws -> [PolicyView]
    func assignments() async throws -> [AssignmentView]
    /// The newest that are meant, newest first.
    func events(_ choice: EventChoice, limit: Int) async throws -> [FleetEvent]
    /// All that the page shows of the fleet, for those who watch it: asked for about every second.
    func snapshot(eventLimit: Int) async throws -> FleetSnapshot
    /// The newest `limit` windows of a board that began at `since` or later, oldest first.
    func telemetry(board: String, sinceMilliseconds: UInt64, limit: Int) async throws -> [TelemetryWindowView]
    /// The first `limit` hours from there on, by start and then model.
    func hours(board: String, since: HoursSince, limit: Int) async throws -> [BoardHourView]
    func preview(_ request: PolicyPreviewRequest) async throws -> PolicyPreview
    func apply(_ request: ApplyRequest, by actor: String) async throws -> ApplyResult
    /// - Parameter dryRun: whether it is only told what would change.
    func withdraw(policy: String, dryRun: Bool, by actor: String) async throws -> PolicyWithdrawal
    func revoke(board: String, dryRun: Bool, by actor: String) async throws -> BoardRevocation
    func createToken(_ request: TokenRequest, by actor: String) async throws -> TokenView
}

/// A request that cannot be served, in one sentence for the person who made it.
public struct AdminFailure: Error, Codable, Equatable, Sendable, CustomStringConvertible {
    public enum Kind: String, Codable, Sendable, CaseIterable {
        case invalid, unauthorized, forbidden, wrongMethod, notFound, tooLarge, unavailable
    }

    public var kind: Kind
    public var message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    public var description: String { message }
}
