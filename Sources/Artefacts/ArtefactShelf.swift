/// The artefacts of a board on its disk: two versions of each, and what has come of another.
///
///     p-SUM  the chunks that came, at their places      j-SUM  which ones, with the sum of each
///     c-SUM  a whole content, verified                  index  what is used (`ShelfIndex`); index.previous before it
///
/// The order of writing makes every moment a good one to be killed at. A content is summed as a whole and made lasting
/// under its last name before the index speaks of it; the index is replaced in one step; files that it does not speak
/// of are removed afterwards, and again at the next start. What a journal says of a chunk is believed only if the chunk
/// has that sum, so that neither file needs to be flushed chunk by chunk. What is in memory follows what is written:
/// a call that throws has changed nothing there.
public struct ArtefactShelf<Disk: ArtefactDisk> {
    public struct Settings: Sendable {
        /// Deaths of the agent with a version that is new make it bad.
        public var crashLimit = 2
        /// Within so many milliseconds.
        public var crashMilliseconds: UInt64 = 600_000

        public init() {}
    }

    private static var indexName: String { "index" }
    private static var previousIndexName: String { "index.previous" }

    private let disk: Disk
    private let settings: Settings
    public private(set) var index: ShelfIndex
    /// What people should know of the start.
    public private(set) var notes: [String] = []
    /// Contents that the start dropped, counted from 1.
    public private(set) var damaged: [ArtefactDamage] = []

    /// Opens the shelf at the start of an agent; deaths with versions that are new are counted here.
    /// - Throws: `DiskFailure` where the disk does not give or take what it must.
    public init(_ disk: Disk, settings: Settings = Settings(), atMilliseconds now: UInt64) throws(DiskFailure) {
        (self.disk, self.settings) = (disk, settings)
        var isDamaged = false
        (index, isDamaged) = try Self.index(on: disk)
        if isDamaged { notes.append("the shelf's index was damaged; the one before is used") }
        try dropDamagedContents()
        try countCrashes(atMilliseconds: now)
        try removeStrays()
    }

    private static func index(on disk: Disk) throws(DiskFailure) -> (ShelfIndex, isDamaged: Bool) {
        func read(_ name: String) throws(DiskFailure) -> (index: ShelfIndex?, isThere: Bool) {
            guard try disk.size(of: name) != nil else { return (nil, false) }
            return (try? ShelfIndex(bytes: try disk.read(name, 0..<ShelfIndex.byteLimit)), true)
        }
        let current = try read(indexName)
        if let index = current.index { return (index, false) }
        let previous = try read(previousIndexName)
        return (previous.index ?? ShelfIndex(), current.isThere || previous.isThere)
    }

    // MARK: Start

    /// A content that is not what it was is gone: the version before it is used, and it comes again if it is desired.
    private mutating func dropDamagedContents() throws(DiskFailure) {
        var (next, dropped) = (index, [ArtefactManifest]())
        for (id, slot) in index.slots.sorted(by: { $0.key < $1.key }) {
            if let manifest = slot.previous?.manifest, let fault = try fault(in: manifest) {
                next.slots[id]?.previous = nil
                dropped.append(manifest)
                found(manifest, "\(fault); it was kept as the one before")
            }
            if let manifest = slot.inUse?.manifest, let fault = try fault(in: manifest) {
                let before = next.slots[id]?.previous
                next.slots[id]?.inUse = before
                next.slots[id]?.previous = nil
                next.slots[id]?.trial = nil
                dropped.append(manifest)
                let instead = before.map { "version \($0.manifest.version)" } ?? "what was configured"
                found(manifest, "\(fault); \(instead) is used")
            }
        }
        if next != index { try write(next) }
        // Else it would pass for one that is here.
        for manifest in dropped { try disk.remove(Self.contentName(manifest.sum)) }
    }

    /// - Returns: how the content differs from what was signed; `nil` where it does not.
    private func fault(in manifest: ArtefactManifest) throws(DiskFailure) -> String? {
        let name = Self.contentName(manifest.sum)
        guard let size = try disk.size(of: name) else { return "its file is gone" }
        guard size == manifest.byteCount else { return "its file has \(size) bytes of \(manifest.byteCount)" }
        return try disk.sum(of: name) == manifest.sum ? nil : "its file is not what was signed"
    }

    private mutating func found(_ manifest: ArtefactManifest, _ reason: String) {
        damaged.append(
            ArtefactDamage(
                find: UInt64(damaged.count + 1), id: manifest.id, version: manifest.version, reason: reason.reason()))
        notes.append("\(manifest.id) version \(manifest.version) is damaged on the disk: \(reason)")
    }

    private mutating func countCrashes(atMilliseconds now: UInt64) throws(DiskFailure) {
        var next = index
        var found: [String] = []
        for (id, slot) in index.slots {
            guard var trial = slot.trial, let inUse = slot.inUse else { continue }
            if trial.isRunning {
                // A clock that was set leaves neither old deaths nor deaths of the future.
                trial.crashes = trial.crashes.filter { $0 <= now && now - $0 <= settings.crashMilliseconds } + [now]
            }
            trial.isRunning = true
            next.slots[id]?.trial = trial
            guard trial.crashes.count >= settings.crashLimit else { continue }
            let reason = "the agent died \(trial.crashes.count) times with it"
            found.append("\(id) version \(inUse.manifest.version): \(reason)")
            next.slots[id] = Self.fallenBack(slot, inUse.manifest.sum, reason)
        }
        if next != index { try write(next) }
        notes += found
    }

    /// A normal end is no death.
    public mutating func stopped() throws(DiskFailure) {
        var next = index
        for id in next.slots.keys { next.slots[id]?.trial?.isRunning = false }
        if next != index { try write(next) }
    }

    // MARK: Orders

    public mutating func believe(_ key: ArtefactKey) throws(DiskFailure) {
        var next = index
        next.key = key
        try write(next)
    }

    public mutating func desire(_ desired: [DesiredArtefact], generation: UInt64) throws(DiskFailure) {
        var next = index
        (next.desired, next.generation) = (desired, generation)
        if next != index { try write(next) }
        try removeStrays()
    }

    // MARK: Contents

    private static func contentName(_ sum: ContentSum) -> String { "c-\(sum)" }
    private static func partName(_ sum: ContentSum) -> String { "p-\(sum)" }
    private static func journalName(_ sum: ContentSum) -> String { "j-\(sum)" }
    private static var entryBytes: Int { 4 + ContentSum.byteCount }

    /// The name of the file that holds a content.
    public func file(of manifest: ArtefactManifest) -> String { Self.contentName(manifest.sum) }

    public func holds(_ manifest: ArtefactManifest) throws(DiskFailure) -> Bool {
        try disk.size(of: Self.contentName(manifest.sum)) == manifest.byteCount
    }

    /// Chunks that came before, each read and summed again.
    public func keptChunks(of manifest: ArtefactManifest) throws(DiskFailure) -> [Int] {
        let journal = Self.journalName(manifest.sum)
        guard let size = try disk.size(of: journal), try disk.size(of: Self.partName(manifest.sum)) != nil else {
            return []
        }
        // Chunks that are written again have a second entry; more than that is not this program's.
        let limit = min(size, 2 * manifest.chunkCount * Self.entryBytes)
        let bytes = try disk.read(journal, 0..<limit)
        var sums: [Int: [UInt8]] = [:]
        for start in stride(from: 0, through: bytes.count - Self.entryBytes, by: Self.entryBytes) {
            let chunk = bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
            if chunk < manifest.chunkCount { sums[chunk] = Array(bytes[start + 4..<start + Self.entryBytes]) }
        }
        var kept: [Int] = []
        for (chunk, sum) in sums.sorted(by: { $0.key < $1.key }) {
            let range = manifest.range(of: chunk)
            let content = try disk.read(Self.partName(manifest.sum), range)
            if content.count == range.count, ChunkTree.leaf(content).bytes == sum { kept.append(chunk) }
        }
        return kept
    }

    /// Writes a chunk that was verified, then that it is there.
    public func keep(_ chunk: Int, _ bytes: [UInt8], of manifest: ArtefactManifest) throws(DiskFailure) {
        try disk.write(bytes, to: Self.partName(manifest.sum), at: manifest.range(of: chunk).lowerBound)
        var entry = ByteWriter()
        entry.add(UInt32(chunk))
        entry.add(ChunkTree.leaf(bytes))
        let journal = Self.journalName(manifest.sum)
        // A torn entry is written over.
        let size = try disk.size(of: journal) ?? 0
        try disk.write(entry.bytes, to: journal, at: size - size % Self.entryBytes)
    }

    /// Sums what came and makes it a content.
    /// - Returns: whether it is what the manifest says; if not, all of it is thrown away.
    public func finish(_ manifest: ArtefactManifest) throws(DiskFailure) -> Bool {
        let part = Self.partName(manifest.sum)
        guard try disk.size(of: part) == manifest.byteCount, try disk.sum(of: part) == manifest.sum else {
            try disk.remove(Self.journalName(manifest.sum))
            try disk.remove(part)
            return false
        }
        try disk.publish(part, as: Self.contentName(manifest.sum))
        try disk.remove(Self.journalName(manifest.sum))
        return true
    }

    // MARK: Versions

    /// Puts a version whose content is here in the place of the one in use, which is kept; the one before that goes.
    /// - Parameter isRunning: whether the agent takes it over at once, and not when it starts.
    public mutating func use(_ signed: SignedManifest, isRunning: Bool) throws(DiskFailure) {
        let id = signed.manifest.id
        var next = index
        var slot = next.slots[id] ?? ShelfIndex.Slot()
        if slot.inUse?.manifest.sum != signed.manifest.sum { slot.previous = slot.inUse }
        slot.inUse = signed
        slot.trial = ShelfIndex.Trial(isRunning: isRunning)
        next.slots[id] = slot
        try write(next)
        try removeStrays()
    }

    /// The version in use has proven itself.
    public mutating func proven(_ id: ArtefactID) throws(DiskFailure) {
        guard index.slots[id]?.trial != nil else { return }
        var next = index
        next.slots[id]?.trial = nil
        try write(next)
    }

    /// The content does not do what it should: the version before it is used again.
    public mutating func failed(_ id: ArtefactID, _ sum: ContentSum, reason: String) throws(DiskFailure) {
        guard let slot = index.slots[id] else { return }
        var next = index
        next.slots[id] = Self.fallenBack(slot, sum, reason.reason())
        try write(next)
        try removeStrays()
    }

    /// A version that was never used because it is known not to fit.
    public mutating func refuse(_ manifest: ArtefactManifest, reason: String) throws(DiskFailure) {
        var next = index
        next.slots[manifest.id] = Self.fallenBack(
            next.slots[manifest.id] ?? ShelfIndex.Slot(), manifest.sum, reason.reason())
        try write(next)
    }

    private static func fallenBack(_ slot: ShelfIndex.Slot, _ sum: ContentSum, _ reason: String) -> ShelfIndex.Slot {
        var slot = slot
        slot.bad = (slot.bad.filter { $0.sum != sum } + [.init(sum: sum, reason: reason)])
            .suffix(ArtefactLimits.badPerArtefact)
        if slot.previous?.manifest.sum == sum { slot.previous = nil }
        if slot.inUse?.manifest.sum == sum {
            (slot.inUse, slot.previous, slot.trial) = (slot.previous, nil, nil)
        }
        return slot
    }

    // MARK: Writing

    private mutating func write(_ next: ShelfIndex) throws(DiskFailure) {
        // What is in force has to be the file before, also when the file itself was damaged.
        try disk.replace(Self.previousIndexName, with: index.bytes)
        try disk.replace(Self.indexName, with: next.bytes)
        index = next
    }

    /// What neither the index nor an order speaks of.
    private func removeStrays() throws(DiskFailure) {
        let here = try disk.names()
        var names: Set = [Self.indexName, Self.previousIndexName]
        for sum in index.sums { names.insert(Self.contentName(sum)) }
        for sum in index.desired.map(\.signed.manifest.sum) {
            let content = Self.contentName(sum)
            names.insert(content)
            if !here.contains(content) { names.formUnion([Self.partName(sum), Self.journalName(sum)]) }
        }
        for name in here where !names.contains(name) { try disk.remove(name) }
    }
}

extension ArtefactShelf: Sendable where Disk: Sendable {}
