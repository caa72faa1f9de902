/// How a store uses its database.
public struct PostgreSQLSettings: Sendable {
    /// Connections, each with a thread; every one costs the server a process.
    public var sessions = 4
    /// How long a method goes on trying after it lost its session or was in somebody's way. Whoever waits for it keeps
    /// the fleet waiting.
    public var patience: Duration = .seconds(3)
    /// How long one statement may take before its server counts as gone.
    public var answerTime: Duration = .seconds(30)

    public init() {}
}
