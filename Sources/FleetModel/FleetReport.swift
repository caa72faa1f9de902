/// The verdict on one run of a fleet, computed from what the boards measured and nothing else.
///
/// All times are milliseconds since 1970 by the boards' clocks; on a cluster on one machine they are one clock.
///
/// - A **window** of a model *holds* its constraint when it had frames and, of the frames that arrived
///   (completed + dropped), at least the constraint's percentile was completed within it. A dropped frame is a miss.
///   A window in which nothing arrived does not hold: silence is no proof.
/// - **SLO attainment** is the share of all arrived frames that were completed within the constraint in force.
/// - The **time to recover** from a load runs from its start to the start of the first window that touches the load
///   and begins a row of `settledWindows` holding windows, all of which start while the load lasts. It is 0 when the
///   very first window holds, and its resolution is one window.
/// - A model **stepped down** when a window that touches the load ended on a lower point than the last window before
///   the load; it **climbed back** when a window that starts after the load's end ended on that point or above.
/// - A **gap** is a telemetry record whose sequence number lies below the highest of its incarnation, but which never
///   arrived.
public struct FleetReport: Equatable, Codable, Sendable {
    /// When a program competed for a board's cores.
    public struct LoadInterval: Equatable, Codable, Sendable {
        public var startMilliseconds: UInt64
        public var endMilliseconds: UInt64

        /// - Precondition: the interval is not empty.
        public init(startMilliseconds: UInt64, endMilliseconds: UInt64) {
            precondition(startMilliseconds < endMilliseconds, "a load ends after it starts")
            self.startMilliseconds = startMilliseconds
            self.endMilliseconds = endMilliseconds
        }
    }

    /// What a run must show to pass; `nil` asks nothing.
    public struct Requirements: Equatable, Codable, Sendable {
        public var boards: Int
        /// Least SLO attainment of every model on every board over the whole run, 0...1.
        public var sloAttainment: Double?
        /// Least top-1 of every model on every board over its labelled frames, 0...1.
        public var accuracy: Double?
        /// Longest time to recover from a load.
        public var recoveryMilliseconds: UInt64?
        /// Windows in a row that count as recovered; at least 1.
        public var settledWindows: Int
        /// Most of the windows between recovery and the load's end that may break the constraint again, 0...1.
        public var relapses: Double?
        /// Whether the fleet must adapt to the load: every model that the load made break its constraint steps down, at
        /// least one does, and every model is back on its usual point after the load.
        public var adapts: Bool
        /// Telemetry records that may be missing, over all boards.
        public var gaps: UInt64

        public init(
            boards: Int, sloAttainment: Double? = nil, accuracy: Double? = nil, recoveryMilliseconds: UInt64? = nil,
            settledWindows: Int = 3, relapses: Double? = nil, adapts: Bool = false, gaps: UInt64 = 0
        ) {
            precondition(settledWindows >= 1, "at least one window makes a recovery")
            self.boards = boards
            self.sloAttainment = sloAttainment
            self.accuracy = accuracy
            self.recoveryMilliseconds = recoveryMilliseconds
            self.settledWindows = settledWindows
            self.relapses = relapses
            self.adapts = adapts
            self.gaps = gaps
        }
    }

    /// One model of one board.
    public struct ModelVerdict: Equatable, Codable, Sendable {
        public var model: ModelName
        public var windows: Int
        public var frames: UInt64
        public var dropped: UInt64
        /// `nil` when nothing arrived.
        public var sloAttainment: Double?
        public var labelled: UInt64
        /// Top-1 over labelled frames; `nil` when none was labelled.
        public var accuracy: Double?
        public var switches: UInt64
        /// `nil` when the board had no load or the model no window during it.
        public var load: LoadVerdict?
    }

    /// How one model went through a load.
    public struct LoadVerdict: Equatable, Codable, Sendable {
        /// Windows that touch the load.
        public var windows: Int
        /// Of these, the ones that hold the constraint.
        public var heldWindows: Int
        /// `nil` when it never recovered while the load lasted.
        public var recoveryMilliseconds: UInt64?
        /// Share of the windows after recovery that break the constraint again while the load lasts.
        public var relapses: Double?
        /// The median point over a time as long as the load, before it; `nil` when no window lies there.
        public var pointBefore: UInt32?
        public var lowestPoint: UInt32
        /// The highest point of the windows after the load; `nil` when there is none.
        public var pointAfter: UInt32?
        /// From the load's end to the end of the first window back on the point before, or above.
        public var climbMilliseconds: UInt64?

        public var steppedDown: Bool { pointBefore.map { lowestPoint < $0 } ?? false }
        public var climbedBack: Bool { climbMilliseconds != nil }
    }

    public struct BoardVerdict: Equatable, Codable, Sendable {
        public var board: BoardID
        public var records: Int
        /// Records that never arrived.
        public var gaps: UInt64
        /// Records that the board says it dropped, as of its latest record of each incarnation.
        public var droppedRecords: UInt64
        /// Starts of the agent that were heard of.
        public var incarnations: Int
        public var models: [ModelVerdict]
    }

    public var expectedBoards: Int
    public var enrolledBoards: Int
    /// In the order of their names.
    public var boards: [BoardVerdict]
    public var passed: Bool
    /// Why it did not pass, one sentence each; empty exactly when it passed.
    public var reasons: [String]
}
