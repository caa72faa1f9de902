public import FleetModel

/// What a board's shelf holds and why: the one file that decides. Contents are files of their own, named by their sums.
public struct ShelfIndex: Equatable, Sendable {
    /// One artefact on the shelf.
    public struct Slot: Equatable, Sendable {
        /// `nil`: what the agent was configured with.
        public var inUse: SignedManifest?
        /// Used again where `inUse` turns out to be bad.
        public var previous: SignedManifest?
        /// While `inUse` has not proven itself.
        public var trial: Trial?
        /// Contents that failed here, the latest last.
        public var bad: [Bad] = []

        public func reason(against sum: ContentSum) -> String? { bad.first { $0.sum == sum }?.reason }
    }

    public struct Bad: Equatable, Sendable {
        public var sum: ContentSum
        public var reason: String
    }

    /// A version that is new here.
    public struct Trial: Equatable, Sendable {
        /// When the agent died with it, in milliseconds since 1970.
        public var crashes: [UInt64] = []
        /// The agent runs with it: a start that finds this set follows a death.
        public var isRunning: Bool
    }

    /// That manifests must be signed by; `nil` before the first was told.
    public var key: ArtefactKey?
    /// Of the order that is followed.
    public var generation: UInt64 = 0
    /// In the order of their names.
    public var desired: [DesiredArtefact] = []
    public var slots: [ArtefactID: Slot] = [:]

    public init() {}

    /// Contents that must stay.
    var sums: Set<ContentSum> {
        Set(slots.values.flatMap { [$0.inUse, $0.previous].compactMap { $0?.manifest.sum } })
    }

    // MARK: Bytes

    private static let mark = Array("shoal artefact shelf 1\n".utf8)
    /// Bytes of the largest one, with room.
    static let byteLimit = 1 << 20

    /// With a sum over everything before it at the end.
    public var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.add(plain: Self.mark)
        writer.add(key.map(\.bytes) ?? [])
        writer.add(generation)
        writer.add(desired) { writer, desired in
            writer.add(desired.signed.bytes)
            writer.add(desired.mayDowngrade)
        }
        writer.add(slots.sorted { $0.key < $1.key }) { writer, entry in
            let (id, slot) = entry
            writer.add(id.kind.rawValue)
            writer.add(id.name.rawValue)
            writer.add(slot.inUse?.bytes ?? [])
            writer.add(slot.previous?.bytes ?? [])
            writer.add(slot.trial != nil)
            writer.add(slot.trial?.isRunning ?? false)
            writer.add(slot.trial?.crashes ?? []) { $0.add($1) }
            writer.add(slot.bad) { writer, bad in
                writer.add(bad.sum)
                writer.add(bad.reason)
            }
        }
        return writer.bytes + ContentSum(of: writer.bytes).bytes
    }

    /// - Throws: `ArtefactFailure` for bytes that are not as they were written.
    public init(bytes: [UInt8]) throws(ArtefactFailure) {
        guard bytes.count >= ContentSum.byteCount, bytes.count <= Self.byteLimit,
            ContentSum(of: Array(bytes.dropLast(ContentSum.byteCount))).bytes == bytes.suffix(ContentSum.byteCount)
        else { throw ArtefactFailure("the shelf's index is not as it was written") }
        var reader = ByteReader(Array(bytes.dropLast(ContentSum.byteCount)), "shelf's index")
        guard try reader.plain(Self.mark.count) == Self.mark else {
            throw ArtefactFailure("the shelf's index is of another version")
        }
        key = ArtefactKey(bytes: try reader.content(limit: ArtefactKey.byteCount))
        generation = try reader.number()
        desired = try reader.list(limit: ArtefactLimits.perBoard) { reader throws(ArtefactFailure) in
            DesiredArtefact(
                try SignedManifest(bytes: try reader.content(limit: SignedManifest.byteLimit)),
                mayDowngrade: try reader.flag())
        }
        let entries = try reader.list(limit: Self.slotLimit) { reader throws(ArtefactFailure) in
            (try Self.id(&reader), try Self.slot(&reader))
        }
        try reader.end()
        for (id, slot) in entries { slots[id] = slot }
    }

    /// Artefacts that were ever used, of models that may have gone since.
    static let slotLimit = 4 * ArtefactLimits.perBoard

    private static func id(_ reader: inout ByteReader) throws(ArtefactFailure) -> ArtefactID {
        guard let kind = ArtefactKind(rawValue: try reader.byte()),
            let name = ModelName(try reader.text(limit: FleetLimits.textBytes))
        else { throw ArtefactFailure("the shelf's index names no artefact") }
        return ArtefactID(kind, name)
    }

    private static func slot(_ reader: inout ByteReader) throws(ArtefactFailure) -> Slot {
        func held(_ reader: inout ByteReader) throws(ArtefactFailure) -> SignedManifest? {
            let bytes = try reader.content(limit: SignedManifest.byteLimit)
            return bytes.isEmpty ? nil : try SignedManifest(bytes: bytes)
        }
        var slot = Slot()
        slot.inUse = try held(&reader)
        slot.previous = try held(&reader)
        let (isTrial, isRunning) = (try reader.flag(), try reader.flag())
        let crashes: [UInt64] = try reader.list(limit: 16) { reader throws(ArtefactFailure) in try reader.number() }
        if isTrial { slot.trial = Trial(crashes: crashes, isRunning: isRunning) }
        slot.bad = try reader.list(limit: ArtefactLimits.badPerArtefact) { reader throws(ArtefactFailure) in
            Bad(sum: try reader.sum(), reason: try reader.text(limit: ArtefactLimits.reasonBytes))
        }
        return slot
    }
}
