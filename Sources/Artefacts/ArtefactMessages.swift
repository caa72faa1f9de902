/// What a board says of artefacts. Agents that know none say nothing, and are told nothing.
///
///     state    at the start of a session, at each change and again until it is heard
///     wanted   chunks, a bounded number at once; again where they do not come
public enum ArtefactReport: Equatable, Sendable {
    case state(ArtefactState)
    /// Chunks by their places, none twice.
    case wanted(ContentSum, chunks: [Int])
}

/// What the coordinator says of them.
///
///     heard    to a state, by its number
///     trust    to a state whose key is not the one that signs
///     desired  to a state of another generation, when that rises, and again until a state tells it
///     chunk    one that was asked for
///     missing  the coordinator has no such content (any more)
public enum ArtefactOrder: Equatable, Sendable {
    case heard(number: UInt64)
    case trust(ArtefactKey, [KeyRotation])
    case desired(generation: UInt64, [DesiredArtefact])
    case chunk(ContentSum, chunk: Int, bytes: [UInt8], proof: [ContentSum])
    case missing(ContentSum)
}

/// A version that a board should use.
public struct DesiredArtefact: Hashable, Sendable {
    public var signed: SignedManifest
    /// Whether it may replace a version that is newer.
    public var mayDowngrade: Bool

    public init(_ signed: SignedManifest, mayDowngrade: Bool) {
        (self.signed, self.mayDowngrade) = (signed, mayDowngrade)
    }

    public var id: ArtefactID { signed.manifest.id }
}

/// All that a board has.
public struct ArtefactState: Equatable, Sendable {
    /// Rises with every state of an agent's run.
    public var number: UInt64
    /// That it believes; `nil` before the first.
    public var key: ArtefactKey?
    /// Of the order that it follows; 0 before the first.
    public var generation: UInt64
    /// In the order of their names.
    public var holdings: [ArtefactHolding]
    /// What the agent's start found damaged, until it was heard; at most `ArtefactLimits.damagePerState`.
    public var damaged: [ArtefactDamage]

    public init(
        number: UInt64, key: ArtefactKey?, generation: UInt64, holdings: [ArtefactHolding],
        damaged: [ArtefactDamage] = []
    ) {
        (self.number, self.key, self.generation, self.holdings) = (number, key, generation, holdings)
        self.damaged = damaged
    }
}

/// A content on a board's disk that is not what was signed, and was dropped.
public struct ArtefactDamage: Equatable, Sendable {
    /// Of the find: rises with each, also over starts of the agent, so that none is told twice.
    public var find: UInt64
    public var id: ArtefactID
    public var version: UInt64
    /// At most `ArtefactLimits.reasonBytes` bytes.
    public var reason: String

    public init(find: UInt64, id: ArtefactID, version: UInt64, reason: String) {
        (self.find, self.id, self.version, self.reason) = (find, id, version, reason)
    }
}

/// What a board has of one artefact.
public struct ArtefactHolding: Equatable, Sendable {
    public enum Status: UInt8, Sendable, CaseIterable {
        /// What is desired is used.
        case inUse = 1
        case fetching = 2
        /// It is there and verified, and used when the agent starts again.
        case waitsForStart = 3
        /// It will not be used; the reason says why.
        case refused = 4
        /// It is not desired any more; what was used last still is.
        case leftOver = 5

        public var name: String {
            switch self {
            case .inUse: "in use"
            case .fetching: "fetching"
            case .waitsForStart: "waits for start"
            case .refused: "refused"
            case .leftOver: "left over"
            }
        }
    }

    public var id: ArtefactID
    public var status: Status
    /// On the board's disk, for now or for the agent's next start; 0 for what the agent was configured with.
    public var version: UInt64
    /// Kept beside it; 0 for none.
    public var previousVersion: UInt64
    /// Desired; 0 for none.
    public var desiredVersion: UInt64
    /// Of the desired version, verified.
    public var receivedBytes: Int
    /// Empty where there is nothing to say; at most `ArtefactLimits.reasonBytes` bytes.
    public var reason: String
    /// That the agent runs; 0 for what it was configured with, `nil` where it runs no such model or does not say.
    public var runningVersion: UInt64?

    public init(
        id: ArtefactID, status: Status, version: UInt64, previousVersion: UInt64, desiredVersion: UInt64,
        receivedBytes: Int, reason: String, runningVersion: UInt64? = nil
    ) {
        (self.id, self.status, self.version) = (id, status, version)
        (self.previousVersion, self.desiredVersion) = (previousVersion, desiredVersion)
        (self.receivedBytes, self.reason) = (receivedBytes, reason)
        self.runningVersion = runningVersion
    }
}

extension String {
    /// Without control characters, at most so many bytes.
    func reason(limit: Int = ArtefactLimits.reasonBytes) -> String {
        var text = String(unicodeScalars.filter { $0.properties.generalCategory != .control })
        while text.utf8.count > limit { text.removeLast() }
        return text
    }
}
