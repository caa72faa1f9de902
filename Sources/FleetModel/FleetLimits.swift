/// Bounds on what a peer can make this system hold; `BoardDescription` adds those of single figures, and transports
/// and servers have their own. A test sits at each limit.
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
    /// Entries of one list in a subnet configuration: stages or positions.
    public static let positionsPerSubnet = 128
    /// Largest elastic value in a subnet configuration, a resolution included.
    public static let subnetValue = 4_096
    /// Telemetry records in one message.
    public static let recordsPerMessage = 32
    /// Bytes of one message's payload.
    public static let payloadBytes = 64 * 1024
    /// Bytes of one message's payload at the enrolment endpoint, where anybody may speak.
    public static let enrolmentPayloadBytes = 16 * 1024
    /// Sessions replaced by newer ones that are remembered per peer.
    public static let replacedSessions = 32
    /// Bytes of telemetry an agent keeps until it is acknowledged, unless its configuration says otherwise; the oldest
    /// records are dropped and counted beyond.
    public static let spoolBytes = 64 << 20
    /// Telemetry records an agent keeps in memory while its disk takes none.
    public static let unsavedRecords = 600
    /// Telemetry records the coordinator keeps per board; the oldest are removed beyond.
    public static let telemetryPerBoard = 100_000
    /// Hours whose sums the coordinator keeps of each model on a board, 400 days; the oldest go beyond.
    public static let hoursPerModel = 9_600
    /// Models of a board with sums by the hour, those that are not deployed any more included; beyond, the model that
    /// was heard of least lately goes with all its hours.
    public static let modelsWithHours = 32
    /// Starts of an agent whose telemetry is accounted for, per board; the oldest are forgotten beyond.
    public static let incarnationsPerBoard = 256
    /// Enrolment tokens that are neither spent nor expired.
    public static let tokens = 10_000
    /// Tokens of people and programs for the HTTP interface.
    public static let accessTokens = 256
    /// Entries of the audit log that the coordinator keeps; the oldest are removed beyond.
    public static let auditEntries = 100_000
    /// Bytes of an entry's target, and of what it tells of before and after, each.
    public static let auditTextBytes = 512
    /// Bytes of a policy file.
    public static let policyBytes = 256 * 1024
    /// Events the coordinator keeps; the oldest are removed beyond.
    public static let events = 10_000
    /// Search jobs the coordinator keeps, those that are over included.
    public static let searches = 256
    /// Rollouts the coordinator keeps; the oldest that are over are forgotten beyond.
    public static let rollouts = 64
    public static let groupsPerRollout = 32
    public static let constraintsPerSearch = 64
    public static let searchGenerations = 10_000
    /// Subnets that boards measure for one point of a search.
    public static let candidatesPerPoint = 6
    /// Subnets measured on request that the coordinator keeps; the oldest are forgotten beyond.
    public static let measuredSubnets = 10_000
    /// Bytes of any free text on the wire.
    public static let textBytes = 512
}
