package import FleetModel

/// What a store keeps at most; the defaults are `FleetLimits`. Lower ones make limits cheap to test.
public struct StoreLimits: Sendable {
    public var boards = FleetLimits.boards
    public var tokens = FleetLimits.tokens
    public var telemetryPerBoard = FleetLimits.telemetryPerBoard
    /// 0: none are kept.
    public var hoursPerModel = FleetLimits.hoursPerModel
    public var modelsWithHours = FleetLimits.modelsWithHours
    public var incarnationsPerBoard = FleetLimits.incarnationsPerBoard
    public var policies = FleetLimits.policies
    public var events = FleetLimits.events
    public var rollouts = FleetLimits.rollouts
    public var searches = FleetLimits.searches
    public var measuredSubnets = FleetLimits.measuredSubnets
    public var accessTokens = FleetLimits.accessTokens
    public var auditEntries = FleetLimits.auditEntries
    public var auditTextBytes = FleetLimits.auditTextBytes

    public init() {}
}

package struct TelemetryKey: Hashable, Comparable, Sendable {
    package var board: BoardID
    package var incarnation: UInt64

    package init(board: BoardID, incarnation: UInt64) {
        (self.board, self.incarnation) = (board, incarnation)
    }

    package static func < (left: TelemetryKey, right: TelemetryKey) -> Bool {
        (left.board, left.incarnation) < (right.board, right.incarnation)
    }
}

extension DurableTelemetry {
    package init(_ key: TelemetryKey, _ progress: TelemetryProgress) {
        self.init(
            board: key.board, incarnation: key.incarnation, contiguous: progress.contiguous, highest: progress.highest)
    }
}

extension BoardRecord {
    package func checkRange() throws(FleetStoreFailure) {
        _ = try signed(enrolledAtMilliseconds, "enrolledAtMilliseconds")
        _ = try signed(lastSeenMilliseconds, "lastSeenMilliseconds")
        _ = try signed(reportedGeneration, "reportedGeneration")
        _ = try signed(incarnation, "incarnation")
        _ = try signed(revokedAtMilliseconds ?? 0, "revokedAtMilliseconds")
        _ = try signed(drainedAtMilliseconds ?? 0, "drainedAtMilliseconds")
        _ = try signed(keySinceMilliseconds ?? 0, "keySinceMilliseconds")
    }
}

extension BoardGreeting {
    package func checkRange() throws(FleetStoreFailure) {
        _ = try signed(lastSeenMilliseconds, "lastSeenMilliseconds")
        _ = try signed(reportedGeneration, "reportedGeneration")
        _ = try signed(incarnation, "incarnation")
    }
}

extension TelemetryRecord {
    /// By time, then as the board made them.
    var order: (UInt64, UInt64, UInt64) { (startMilliseconds, incarnation, sequence) }

    package func checkRange() throws(FleetStoreFailure) {
        _ = try signed(incarnation, "incarnation")
        _ = try signed(sequence, "sequence")
        _ = try signed(startMilliseconds, "startMilliseconds")
        _ = try signed(generation, "generation")
        _ = try signed(board.memoryBytes, "memoryBytes")
        _ = try signed(board.droppedRecords, "droppedRecords")
    }
}
