/// What the coordinator remembers of a board across its own restarts.
public struct EnrolledBoard: Equatable, Codable, Sendable {
    /// What the board said of itself last, at enrolment or in its latest `hello`.
    public var board: BoardDescription
    /// The board's CURVE public key in Z85, as the handshake proved it at enrolment.
    public var publicKey: String
    /// The highest incarnation heard of; 0 before the first `hello`.
    public var incarnation: UInt64
    /// What the board is to do; generation 0 when nothing was ever assigned.
    public var assignment: Assignment
    /// It said goodbye, and no hello since: nobody waits for it.
    public var hasLeft: Bool

    public init(
        board: BoardDescription, publicKey: String, incarnation: UInt64 = 0,
        assignment: Assignment = Assignment(generation: 0, models: []), hasLeft: Bool = false
    ) {
        self.board = board
        self.publicKey = publicKey
        self.incarnation = incarnation
        self.assignment = assignment
        self.hasLeft = hasLeft
    }
}

/// How the coordinator sees a board.
public enum BoardStatus: String, Codable, Sendable, CaseIterable {
    /// Known, without a session: never heard, said goodbye, or not heard yet since the coordinator's start.
    case enrolled
    case connected
    /// Silent for longer than the liveness allows; still sent what it is owed.
    case suspect
    /// Silent for so long that its session is over, or not back after the coordinator's start; it must say hello again.
    case lost
}

/// One board as an operator sees it: desired beside reported.
public struct BoardState: Equatable, Codable, Sendable {
    public var board: BoardDescription
    public var status: BoardStatus
    public var incarnation: UInt64
    public var desired: Assignment
    /// Generation that the board last said it carries out; 0 before it has said so.
    public var reportedGeneration: UInt64
    /// Why the policies cannot all be met on this board; empty when they can.
    public var infeasible: [String]
    /// Telemetry records refused since the coordinator's start.
    public var refusedRecords: UInt64
    /// Whether people want it left alone: nothing is assigned to it.
    public var isDrained: Bool

    public init(
        board: BoardDescription, status: BoardStatus, incarnation: UInt64, desired: Assignment,
        reportedGeneration: UInt64, infeasible: [String], refusedRecords: UInt64,
        isDrained: Bool = false
    ) {
        self.isDrained = isDrained
        self.board = board
        self.status = status
        self.incarnation = incarnation
        self.desired = desired
        self.reportedGeneration = reportedGeneration
        self.infeasible = infeasible
        self.refusedRecords = refusedRecords
    }

    public var isConverged: Bool { reportedGeneration == desired.generation }
}
