public import AuditLog
public import FleetModel

/// A board as the coordinator keeps it. Times are milliseconds since 1970 by the coordinator's clock.
public struct BoardRecord: Equatable, Sendable {
    public var description: BoardDescription
    /// CURVE key in Z85.
    public var publicKey: String
    public var enrolledAtMilliseconds: UInt64
    public var lastSeenMilliseconds: UInt64
    public var reportedGeneration: UInt64
    /// The agent's latest start.
    public var incarnation: UInt64
    /// `nil` while the board may speak.
    public var revokedAtMilliseconds: UInt64?
    /// It said goodbye, and no hello since.
    public var hasLeft: Bool
    /// Since when the board is to be left alone; `nil` while it takes part.
    public var drainedAtMilliseconds: UInt64?
    /// Since when it has its key; `nil` since it enrolled.
    public var keySinceMilliseconds: UInt64?
    /// `nil` while its key stays.
    public var keyRotation: BoardKeyRotation?

    /// Keys that may speak for the board.
    public var keys: [String] {
        revokedAtMilliseconds == nil ? [publicKey] + [keyRotation?.nextKey].compactMap(\.self) : []
    }

    public var id: BoardID { description.id }

    public init(
        description: BoardDescription, publicKey: String, enrolledAtMilliseconds: UInt64,
        lastSeenMilliseconds: UInt64, reportedGeneration: UInt64 = 0, incarnation: UInt64 = 0,
        revokedAtMilliseconds: UInt64? = nil, drainedAtMilliseconds: UInt64? = nil,
        keySinceMilliseconds: UInt64? = nil, keyRotation: BoardKeyRotation? = nil, hasLeft: Bool = false
    ) {
        (self.drainedAtMilliseconds, self.keySinceMilliseconds) = (drainedAtMilliseconds, keySinceMilliseconds)
        self.keyRotation = keyRotation
        self.hasLeft = hasLeft
        self.description = description
        self.publicKey = publicKey
        self.enrolledAtMilliseconds = enrolledAtMilliseconds
        self.lastSeenMilliseconds = lastSeenMilliseconds
        self.reportedGeneration = reportedGeneration
        self.incarnation = incarnation
        self.revokedAtMilliseconds = revokedAtMilliseconds
    }
}

/// What a board said of itself in a hello, or that it went. The time is milliseconds since 1970 by the coordinator's
/// clock.
public struct BoardGreeting: Equatable, Sendable {
    public var description: BoardDescription
    public var incarnation: UInt64
    public var reportedGeneration: UInt64
    public var lastSeenMilliseconds: UInt64
    /// It said goodbye.
    public var hasLeft: Bool

    public var id: BoardID { description.id }

    public init(
        description: BoardDescription, incarnation: UInt64, reportedGeneration: UInt64, lastSeenMilliseconds: UInt64,
        hasLeft: Bool = false
    ) {
        self.description = description
        self.incarnation = incarnation
        self.reportedGeneration = reportedGeneration
        self.lastSeenMilliseconds = lastSeenMilliseconds
        self.hasLeft = hasLeft
    }
}

/// A board that wants to join, with the SHA-256 of the token that lets it.
public struct EnrolmentRequest: Equatable, Sendable {
    public var board: BoardRecord
    public var tokenHash: [UInt8]
    /// Becomes an entry if the board is enrolled.
    public var audit: AuditDraft?

    public init(board: BoardRecord, tokenHash: [UInt8], audit: AuditDraft? = nil) {
        (self.board, self.tokenHash, self.audit) = (board, tokenHash, audit)
    }
}

/// What became of a board that wanted to join.
public enum EnrolmentOutcome: Equatable, Sendable {
    case enrolled
    /// There is no token of that hash, it has expired or has no use left.
    case tokenRefused
    /// The token is for boards with these labels too, which this one does not carry. No use of it was spent.
    case labelsMissing([String: String])
}

/// A right to enrol, known only by its hash: whoever reads the store cannot enrol with it.
public struct EnrolmentToken: Equatable, Sendable {
    /// SHA-256 of the token.
    public var hash: [UInt8]
    public var expiresAtMilliseconds: UInt64
    public var remainingUses: UInt32
    /// That a board must say it carries, all of them, to enrol with it; empty for any board.
    public var labels: [String: String]

    public init(
        hash: [UInt8], expiresAtMilliseconds: UInt64, remainingUses: UInt32, labels: [String: String] = [:]
    ) {
        self.labels = labels
        self.hash = hash
        self.expiresAtMilliseconds = expiresAtMilliseconds
        self.remainingUses = remainingUses
    }

    func isUsable(atMilliseconds now: UInt64) -> Bool { remainingUses > 0 && expiresAtMilliseconds > now }

    /// What people tell it by: the first 8 digits of its hash.
    public static func name(ofHash hash: [UInt8]) -> String {
        "token " + hash.prefix(4).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// Labels that it wants and the board does not carry: all of them where nothing is known of a board.
    package func missing(on board: BoardDescription?) -> [String: String] { board?.missing(of: labels) ?? labels }
}

/// How far one incarnation's telemetry is durable.
public struct DurableTelemetry: Equatable, Sendable {
    public var board: BoardID
    public var incarnation: UInt64
    /// Every record up to and including this one is stored, or was dropped by the agent before it could be sent.
    /// What to acknowledge; 0 when nothing is.
    public var contiguous: UInt64
    /// The highest stored.
    public var highest: UInt64
}

public struct StoredTelemetry: Equatable, Sendable {
    public var record: TelemetryRecord
    public var receivedAtMilliseconds: UInt64

    public init(record: TelemetryRecord, receivedAtMilliseconds: UInt64) {
        self.record = record
        self.receivedAtMilliseconds = receivedAtMilliseconds
    }
}

/// What of a board's telemetry is there.
public struct TelemetryCount: Equatable, Sendable {
    public struct Incarnation: Equatable, Sendable {
        public var incarnation: UInt64
        public var highest: UInt64
        /// Sequences below `highest` that have never arrived.
        public var gaps: UInt64

        public init(incarnation: UInt64, highest: UInt64, gaps: UInt64) {
            (self.incarnation, self.highest, self.gaps) = (incarnation, highest, gaps)
        }
    }

    public var board: BoardID
    /// Records kept now.
    public var rows: Int
    /// By rising number.
    public var incarnations: [Incarnation]

    public init(board: BoardID, rows: Int, incarnations: [Incarnation]) {
        (self.board, self.rows, self.incarnations) = (board, rows, incarnations)
    }
}

public struct StoredPolicy: Equatable, Sendable {
    public var policy: Policy
    /// From 1; rises each time the policy is applied.
    public var version: UInt64
    /// As it was written.
    public var text: String

    public init(policy: Policy, version: UInt64, text: String) {
        (self.policy, self.version, self.text) = (policy, version, text)
    }
}
