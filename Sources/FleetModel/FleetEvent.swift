/// Something an operator wants to know of, kept by the coordinator.
public struct FleetEvent: Equatable, Codable, Sendable {
    public enum Kind: String, Codable, Sendable, CaseIterable {
        case boardEnrolled, boardConnected, boardLost, policyApplied, assignmentChanged, constraintInfeasible
        /// What a board could not be asked, it now can.
        case constraintFeasible
        case enrolmentRefused, boardRestarted, telemetryRefused, boardRevoked, messageRefused, hooksRefused
        case searchChanged, policyWindow
        case telemetryLost, spoolTroubled
        case hookOutlier, hookVersionMade, hookVersionRejected, hookVersionTakenBack
        case auditTampered
        case rolloutChanged
        case artefactChanged, artefactRefused
        /// A board found a version damaged on its disk, and dropped it.
        case artefactDamaged
        /// What boards measured on request, so that latency can be predicted on boards like them.
        case latencyMeasured
        /// From a board's numbers nothing is learned any more; something is again.
        case learningQuarantined, learningReleased
        /// A policy was taken back; a policy selects nothing, or asks for what is not there.
        case policyWithdrawn, policyUnmatched
        /// People want a board left alone; it takes part again.
        case boardDrained, boardUndrained
        /// A board speaks with a new key; it did not come to that.
        case keyRotated, keyRotationFailed
    }

    public var kind: Kind
    public var board: BoardID?
    public var message: String
    /// Milliseconds since 1970 by the coordinator's clock.
    public var atMilliseconds: UInt64

    public init(kind: Kind, board: BoardID?, message: String, atMilliseconds: UInt64) {
        self.kind = kind
        self.board = board
        self.message = message
        self.atMilliseconds = atMilliseconds
    }
}
