/// What people may ask of and tell the coordinator: the port behind the HTTP interface. `Coordinator` conforms; tests
/// use a twin in memory.
///
/// Every method throws `AdminFailure` for what the caller can mend.
public protocol FleetAdministration: Sendable {
    func status() async throws -> StatusView
    func boards() async throws -> [BoardView]
    func models() async throws -> [ModelView]
    func policies() async throws -> [PolicyView]
    func assignments() async throws -> [AssignmentView]
    func events(limit: Int) async throws -> [EventView]
    /// Windows that arrived after `cursor`, oldest first, at most `limit`.
    func telemetry(after cursor: Int64, limit: Int) async throws -> TelemetryPage
    func apply(_ request: ApplyRequest) async throws -> ApplyResult
    func createToken(_ request: TokenRequest) async throws -> TokenView
}

/// A request that cannot be served, in one sentence for the person who made it.
public struct AdminFailure: Error, Codable, Equatable, Sendable, CustomStringConvertible {
    public enum Kind: String, Codable, Sendable {
        case invalid, unauthorized, notFound, tooLarge, unavailable
    }

    public var kind: Kind
    public var message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    public var description: String { message }
}
