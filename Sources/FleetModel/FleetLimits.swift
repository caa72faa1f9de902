/// Every bound on what a peer can make this system hold. A test sits at each limit.
public enum FleetLimits {
    /// Boards one coordinator enrols.
    public static let boards = 10_000
    public static let labelsPerBoard = 32
    /// Bytes of a label's key or value.
    public static let labelBytes = 128
    public static let modelsPerBoard = 16
    public static let pointsPerModel = 64
    public static let policies = 256
    public static let modelsPerPolicy = 64
    /// Telemetry records in one message.
    public static let recordsPerMessage = 32
    /// Bytes of one message's payload.
    public static let payloadBytes = 64 * 1024
    /// Telemetry records an agent keeps until they are acknowledged; the oldest are dropped and counted beyond.
    public static let unacknowledgedRecords = 3_600
    /// Bytes of a policy file.
    public static let policyBytes = 256 * 1024
    /// Events the coordinator keeps; the oldest are removed beyond.
    public static let events = 10_000
    /// Bytes of any free text on the wire.
    public static let textBytes = 512
}
