public import FleetModel

/// Which version of each artefact boards should use: for all, and for boards that try another. One generation counts
/// its changes for the whole fleet, and never falls.
public struct Deployments: Equatable, Sendable {
    public struct Placement: Equatable, Sendable {
        public var version: UInt64
        /// Whether boards may go back to it from a newer one.
        public var mayDowngrade: Bool

        public init(version: UInt64, mayDowngrade: Bool) {
            (self.version, self.mayDowngrade) = (version, mayDowngrade)
        }
    }

    /// A version that some boards have in place of everybody's.
    public struct Trial: Equatable, Sendable {
        public var id: ArtefactID
        public var version: UInt64
        public var boards: Set<BoardID>

        public init(_ id: ArtefactID, version: UInt64, boards: Set<BoardID>) {
            (self.id, self.version, self.boards) = (id, version, boards)
        }
    }

    public internal(set) var generation: UInt64 = 0
    public internal(set) var everywhere: [ArtefactID: UInt64] = [:]
    /// The latest version that any board may have been told: boards that were away may have to step back from it.
    public internal(set) var highest: [ArtefactID: UInt64] = [:]
    /// One for an artefact at the most, but for policies: of those a board is in one at the most.
    public internal(set) var trials: [Trial] = []

    public init() {}

    /// What a board should use of an artefact.
    public func placement(of id: ArtefactID, on board: BoardID) -> Placement? {
        let trial = trials.first { $0.id == id && $0.boards.contains(board) }
        guard let version = trial?.version ?? everywhere[id] else { return nil }
        return Placement(version: version, mayDowngrade: version < highest[id] ?? 0)
    }

    public var ids: Set<ArtefactID> { Set(everywhere.keys).union(trials.map(\.id)) }

    // MARK: Changes

    /// A version for all boards.
    public func deploying(_ id: ArtefactID, version: UInt64) -> Deployments {
        var next = self
        next.everywhere[id] = version
        next.highest[id] = max(version, highest[id] ?? 0)
        next.generation += 1
        return next
    }

    /// Nothing for all boards from now on; those that use a version keep it.
    public func withdrawing(_ id: ArtefactID) -> Deployments {
        var next = self
        next.everywhere[id] = nil
        next.generation += 1
        return next
    }

    /// Boards that try a version; none ends the trial, and those that had it go back to everybody's.
    public func trying(_ id: ArtefactID, version: UInt64, on boards: Set<BoardID>) -> Deployments {
        var next = self
        next.trials.removeAll { $0.id == id }
        if !boards.isEmpty {
            next.trials.append(Trial(id, version: version, boards: boards))
            next.highest[id] = max(version, highest[id] ?? 0)
        }
        next.generation += 1
        return next
    }

    /// These trials in place of all of the kind; here an artefact may have several, on boards that differ.
    func trying(_ trials: [Trial], of kind: ArtefactKind) -> Deployments {
        guard self.trials.filter({ $0.id.kind == kind }) != trials else { return self }
        var next = self
        next.trials.removeAll { $0.id.kind == kind }
        next.trials += trials
        for trial in trials { next.highest[trial.id] = max(trial.version, highest[trial.id] ?? 0) }
        next.generation += 1
        return next
    }

    /// Boards have heard of later generations than these, which were restored from a backup: those are not used again.
    public func above(_ generation: UInt64) -> Deployments {
        var next = self
        next.generation = max(self.generation, generation) + 1
        return next
    }

    // MARK: Bytes

    private static let mark = Array("shoal artefact deployments 1\n".utf8)
    static let byteLimit = 16 << 20

    public var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.add(plain: Self.mark)
        writer.add(generation)
        for versions in [everywhere, highest] {
            writer.add(versions.sorted { $0.key < $1.key }) { writer, entry in
                writer.add(entry.key.kind.rawValue)
                writer.add(entry.key.name.rawValue)
                writer.add(entry.value)
            }
        }
        writer.add(trials) { writer, trial in
            writer.add(trial.id.kind.rawValue)
            writer.add(trial.id.name.rawValue)
            writer.add(trial.version)
            writer.add(trial.boards.sorted()) { $0.add($1.rawValue) }
        }
        return writer.bytes + ContentSum(of: writer.bytes).bytes
    }

    public init(bytes: [UInt8]) throws(ArtefactFailure) {
        guard bytes.count >= ContentSum.byteCount,
            ContentSum(of: Array(bytes.dropLast(ContentSum.byteCount))).bytes == bytes.suffix(ContentSum.byteCount)
        else { throw ArtefactFailure("the list of deployments is not as it was written") }
        var reader = ByteReader(Array(bytes.dropLast(ContentSum.byteCount)), "list of deployments")
        guard try reader.plain(Self.mark.count) == Self.mark else {
            throw ArtefactFailure("the list of deployments is of another version")
        }
        generation = try reader.number()
        everywhere = try Self.versions(&reader)
        highest = try Self.versions(&reader)
        trials = try reader.list(limit: ArtefactLimits.versions) { reader throws(ArtefactFailure) in
            let (id, version): (ArtefactID, UInt64) = (try Self.id(&reader), try reader.number())
            let boards = try reader.list(limit: FleetLimits.boards) { reader throws(ArtefactFailure) in
                guard let board = BoardID(try reader.text(limit: FleetLimits.textBytes)) else {
                    throw ArtefactFailure("the list of deployments names no board")
                }
                return board
            }
            return Trial(id, version: version, boards: Set(boards))
        }
        try reader.end()
    }

    private static func versions(
        _ reader: inout ByteReader
    ) throws(ArtefactFailure) -> [ArtefactID: UInt64] {
        let entries = try reader.list(limit: ArtefactLimits.versions) { reader throws(ArtefactFailure) in
            let id = try Self.id(&reader)
            let version: UInt64 = try reader.number()
            return (id, version)
        }
        return Dictionary(entries) { first, _ in first }
    }

    private static func id(_ reader: inout ByteReader) throws(ArtefactFailure) -> ArtefactID {
        guard let kind = ArtefactKind(rawValue: try reader.byte()),
            let name = ModelName(try reader.text(limit: FleetLimits.textBytes))
        else { throw ArtefactFailure("the list of deployments names no artefact") }
        return ArtefactID(kind, name)
    }
}
