public import HookSharing

/// Gates that boards of one class learn together, as people see them.
public struct HooksView: Codable, Equatable, Sendable {
    public struct Version: Codable, Equatable, Sendable {
        public var number: UInt64
        public var parent: UInt64
        /// In force, or one that the version in force was made from; others were taken back.
        public var isTakenBack: Bool
        public var atMilliseconds: UInt64
        /// That were merged.
        public var samples: UInt64
        public var boards: [GateMerge.Share]
        public var validators: [String]
        /// Of the middle validator: by which share of the loss before it is worse; below 0 it is better.
        public var lossChange: Double
        public var gates: [GateScore]

        public init(
            number: UInt64, parent: UInt64, isTakenBack: Bool, atMilliseconds: UInt64, samples: UInt64,
            boards: [GateMerge.Share], validators: [String], lossChange: Double, gates: [GateScore]
        ) {
            (self.number, self.parent, self.isTakenBack) = (number, parent, isTakenBack)
            (self.atMilliseconds, self.samples, self.boards) = (atMilliseconds, samples, boards)
            (self.validators, self.lossChange, self.gates) = (validators, lossChange, gates)
        }
    }

    /// A board that was named.
    public struct Outlier: Codable, Equatable, Sendable {
        public var board: String
        /// The version that was in force then.
        public var version: UInt64
        public var reason: String

        public init(board: String, version: UInt64, reason: String) {
            (self.board, self.version, self.reason) = (board, version, reason)
        }
    }

    /// As `shoal describe hooks` takes it.
    public var name: String
    public var boardClass: String
    public var modelSHA256: String
    public var hookSHA256: String
    public var parameters: Int
    /// What an update and a version take on the wire, without headers.
    public var bytesPerUpdate: Int
    public var currentVersion: UInt64
    /// Being judged.
    public var candidate: UInt64?
    /// Boards and the versions that they use.
    public var boards: [String: UInt64]
    /// Boards whose updates wait to be merged.
    public var waiting: [String]
    public var outliers: [Outlier]
    /// Oldest first.
    public var versions: [Version]
    /// Updates that the next merge waits for, and how many bad ones among so many it withstands.
    public var awaited: Int
    public var withstands: Int
    /// How far the current version has come; `nil` where all boards are to have it.
    public var trial: VersionTrial?
    /// `true` where this would be and nothing has changed; `nil` otherwise.
    public var dryRun: Bool?

    public init(
        group: SharingGroup, parameters: Int, currentVersion: UInt64, candidate: UInt64?, boards: [String: UInt64],
        waiting: [String], outliers: [Outlier], versions: [Version], awaited: Int = 0, withstands: Int = 0,
        trial: VersionTrial? = nil
    ) {
        self.trial = trial
        (self.awaited, self.withstands) = (awaited, withstands)
        (name, boardClass) = (group.description, group.boardClass)
        (modelSHA256, hookSHA256) = (group.modelSHA256, group.hookSHA256)
        (self.parameters, bytesPerUpdate) = (parameters, parameters * MemoryLayout<Float>.size)
        (self.currentVersion, self.candidate, self.boards) = (currentVersion, candidate, boards)
        (self.waiting, self.outliers, self.versions) = (waiting, outliers, versions)
    }
}

public struct HooksRollback: Codable, Equatable, Sendable {
    public var name: String
    /// The version to put in force; `nil`: the one that the current one was made from.
    public var version: UInt64?
    /// Whether it is only told what would be.
    public var dryRun: Bool?

    public init(name: String, version: UInt64?, dryRun: Bool? = nil) {
        (self.name, self.version, self.dryRun) = (name, version, dryRun)
    }
}

/// The port for hooks behind the HTTP interface.
public protocol HookAdministration: Sendable {
    func hooks() async throws -> [HooksView]
    /// - Returns: the hooks as they are then.
    func rollBack(_ request: HooksRollback, by actor: String) async throws -> HooksView
}
