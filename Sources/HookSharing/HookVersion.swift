public import FleetModel

/// A merge that boards of a group use, with where it came from. Version 0 is what all boards have from the start: no
/// change.
public struct HookVersion: Equatable, Codable, Sendable {
    public var number: UInt64
    /// The version that it was added to.
    public var parent: UInt64
    /// Change of every parameter since the start.
    public var values: [Float]
    public var provenance: Provenance

    public struct Provenance: Equatable, Codable, Sendable {
        /// What each board sent, and why it was left out where it was.
        public var shares: [GateMerge.Share]
        /// Boards that found it no worse than its parent, or better.
        public var validators: [BoardID]
        /// Of the middle one: by how much of the loss before it is worse; below 0 it is better.
        public var change: Double
        /// What its gates are worth on what boards held back.
        public var gates: [GateScore]
        public var atMilliseconds: UInt64

        public init(
            shares: [GateMerge.Share], validators: [BoardID], change: Double, gates: [GateScore],
            atMilliseconds: UInt64
        ) {
            (self.shares, self.validators, self.change) = (shares, validators, change)
            (self.gates, self.atMilliseconds) = (gates, atMilliseconds)
        }

        /// That were merged.
        public var samples: UInt64 {
            shares.filter { $0.exclusion == nil }.reduce(0) { $0.addingReportingOverflow($1.samples).partialValue }
        }
    }

    public init(number: UInt64, parent: UInt64, values: [Float], provenance: Provenance) {
        (self.number, self.parent, self.values, self.provenance) = (number, parent, values, provenance)
    }
}

/// What the coordinator keeps of a group besides versions and updates.
public struct SharingState: Equatable, Codable, Sendable {
    public var group: SharingGroup
    public var parameterCount: Int
    public var gateCount: Int
    /// The version in force.
    public var current: UInt64
    /// The highest number ever given.
    public var highest: UInt64
    public var marks: [Mark]
    /// How far the current version has come; `nil` where all boards are to have it.
    public var trial: VersionTrial?

    public struct Mark: Equatable, Codable, Sendable {
        public var board: BoardID
        public var mark: GateMerge.Mark

        public init(board: BoardID, mark: GateMerge.Mark) { (self.board, self.mark) = (board, mark) }
    }

    public init(
        group: SharingGroup, parameterCount: Int, gateCount: Int, current: UInt64 = 0, highest: UInt64 = 0,
        marks: [Mark] = []
    ) {
        (self.group, self.parameterCount, self.gateCount) = (group, parameterCount, gateCount)
        (self.current, self.highest, self.marks) = (current, highest, marks)
    }
}
