public import Foundation

/// The port for artefacts behind the HTTP interface. Every method throws `AdminFailure` for what the caller can mend.
public protocol ArtefactAdministration: Sendable {
    /// In the order of their names.
    func artefacts() async throws -> [ArtefactView]
    func upload(_ piece: ArtefactPiece) async throws -> ArtefactUpload
    func add(_ request: ArtefactRequest, by actor: String) async throws -> ArtefactView
    /// Makes a version that of all boards whose models have the name.
    func deploy(_ change: ArtefactChange, by actor: String) async throws -> ArtefactView
    /// Boards keep what they use, and are told of no other version.
    func withdraw(_ change: ArtefactChange, by actor: String) async throws -> ArtefactView
    func remove(_ change: ArtefactChange, by actor: String) async throws -> [ArtefactView]
    func rotateKey(_ request: ArtefactKeyRotation, by actor: String) async throws -> ArtefactKeyView
}

/// A piece of a file on its way to the coordinator; pieces follow one another.
public struct ArtefactPiece: Codable, Equatable, Sendable {
    /// Bytes of one piece.
    public static let byteLimit = 256 << 10

    /// 32 hexadecimal digits, chosen by the sender.
    public var upload: String
    public var offset: Int
    /// In base64.
    public var content: Data

    public init(upload: String, offset: Int, content: Data) {
        (self.upload, self.offset, self.content) = (upload, offset, content)
    }
}

public struct ArtefactUpload: Codable, Equatable, Sendable {
    /// Where the next piece begins.
    public var receivedBytes: Int

    public init(receivedBytes: Int) { self.receivedBytes = receivedBytes }
}

/// Makes an upload a version.
public struct ArtefactRequest: Codable, Equatable, Sendable {
    public var upload: String
    /// `model-package`, `subnet-table` or `hook-version`.
    public var kind: String
    /// Of the models that it is for.
    public var name: String
    /// `nil`: the one after the last.
    public var version: UInt64?
    /// Of the whole file, in hexadecimal.
    public var sha256: String

    public init(upload: String, kind: String, name: String, version: UInt64?, sha256: String) {
        (self.upload, self.kind, self.name) = (upload, kind, name)
        (self.version, self.sha256) = (version, sha256)
    }
}

public struct ArtefactChange: Codable, Equatable, Sendable {
    public var kind: String
    public var name: String
    /// `nil`: the last one, where the change is about one.
    public var version: UInt64?
    /// Whether it is only told what would be.
    public var dryRun: Bool?

    public init(kind: String, name: String, version: UInt64? = nil, dryRun: Bool? = nil) {
        (self.kind, self.name, self.version, self.dryRun) = (kind, name, version, dryRun)
    }
}

public struct ArtefactKeyRotation: Codable, Equatable, Sendable {
    /// Whether it is only told which key is left.
    public var dryRun: Bool?

    public init(dryRun: Bool? = nil) { self.dryRun = dryRun }
}

public struct ArtefactKeyView: Codable, Equatable, Sendable {
    /// Ed25519, in hexadecimal.
    public var publicKey: String
    public var rotations: Int
    /// `true` where nothing has changed; `nil` otherwise.
    public var dryRun: Bool?

    public init(publicKey: String, rotations: Int, dryRun: Bool? = nil) {
        (self.publicKey, self.rotations, self.dryRun) = (publicKey, rotations, dryRun)
    }
}

/// One artefact as people see it.
public struct ArtefactView: Codable, Equatable, Sendable {
    public struct Version: Codable, Equatable, Sendable {
        public var version: UInt64
        public var sizeBytes: Int
        public var sha256: String
        public var createdAtMilliseconds: UInt64

        public init(version: UInt64, sizeBytes: Int, sha256: String, createdAtMilliseconds: UInt64) {
            (self.version, self.sizeBytes, self.sha256) = (version, sizeBytes, sha256)
            self.createdAtMilliseconds = createdAtMilliseconds
        }
    }

    /// What a board has said of it since the coordinator's start.
    public struct Board: Codable, Equatable, Sendable {
        public var board: String
        public var status: String
        /// As `diskVersion`.
        public var version: UInt64
        public var previousVersion: UInt64
        public var desiredVersion: UInt64
        public var receivedBytes: Int
        public var reason: String?
        /// That the agent runs; 0 for what it was configured with, `nil` where it runs no such model, or is of before
        /// it said so.
        public var runningVersion: UInt64?
        /// On the board's disk, for now or for the agent's next start; 0 for what the agent was configured with.
        public var diskVersion: UInt64?

        public init(
            board: String, status: String, version: UInt64, previousVersion: UInt64, desiredVersion: UInt64,
            receivedBytes: Int, reason: String?, runningVersion: UInt64? = nil
        ) {
            (self.board, self.status, self.version) = (board, status, version)
            (self.previousVersion, self.desiredVersion) = (previousVersion, desiredVersion)
            (self.receivedBytes, self.reason) = (receivedBytes, reason)
            (self.runningVersion, diskVersion) = (runningVersion, version)
        }
    }

    public var kind: String
    public var name: String
    /// Rising.
    public var versions: [Version]
    /// For all boards; `nil` where none is.
    public var deployedVersion: UInt64?
    /// Of the deployments of all artefacts.
    public var generation: UInt64
    public var boards: [Board]
    /// With the answer to a change: what people should know of it.
    public var warning: String?
    /// `true` where this would be and nothing has changed; `nil` otherwise.
    public var dryRun: Bool?

    public init(
        kind: String, name: String, versions: [Version], deployedVersion: UInt64?, generation: UInt64,
        boards: [Board], warning: String? = nil, dryRun: Bool? = nil
    ) {
        self.dryRun = dryRun
        (self.kind, self.name, self.versions) = (kind, name, versions)
        (self.deployedVersion, self.generation, self.boards) = (deployedVersion, generation, boards)
        self.warning = warning
    }
}
