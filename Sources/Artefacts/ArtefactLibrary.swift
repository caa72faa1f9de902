/// The key that signs now, and how boards that believe an earlier one are led to it.
public struct SigningKeys: Sendable {
    public var signer: ArtefactSigner
    /// Oldest first.
    public var rotations: [KeyRotation]

    public init(signer: ArtefactSigner, rotations: [KeyRotation] = []) {
        (self.signer, self.rotations) = (signer, rotations)
    }

    /// - Throws: `ArtefactFailure` when there were `ArtefactLimits.rotations` changes already.
    public func rotated(to next: ArtefactSigner) throws(ArtefactFailure) -> SigningKeys {
        guard rotations.count < ArtefactLimits.rotations else {
            throw ArtefactFailure("the key was changed \(rotations.count) times, which is as often as it may")
        }
        return SigningKeys(signer: next, rotations: rotations + [try signer.rotation(to: next.key)])
    }

    /// Keys that signed before.
    var earlier: Set<ArtefactKey> { Set(rotations.filter(\.isSigned).map(\.old)) }
}

/// All artefacts of a coordinator, on its disk.
///
///     c-SUM  a content      m-SUM  a signed manifest, by the sum of its canonical bytes
///     u-ID   a content that is on its way here      deployments  which boards should use what
///
/// A content is lasting before its manifest, and both before anybody is told of them.
public struct ArtefactLibrary<Disk: ArtefactDisk> {
    /// Uploads at once; beyond, the one that was begun first is forgotten.
    public static var uploadLimit: Int { 8 }
    /// Bytes of one piece of an upload.
    public static var pieceBytes: Int { 256 << 10 }
    /// Trees of chunks that are kept in memory.
    private static var treeLimit: Int { 8 }
    private static var deploymentsName: String { "deployments" }

    private let disk: Disk
    public private(set) var keys: SigningKeys
    /// Versions rise.
    public private(set) var artefacts: [ArtefactID: [SignedManifest]] = [:]
    public private(set) var deployments = Deployments()
    /// What people should know of the start.
    public private(set) var notes: [String] = []
    private var uploads: [String] = []
    private var hasSignedAgain = false
    private var trees: [(sum: ContentSum, tree: ChunkTree)] = []

    public init(_ disk: Disk, keys: SigningKeys) throws(DiskFailure) {
        (self.disk, self.keys) = (disk, keys)
        let names = try disk.names()
        var kept: Set<ContentSum> = []
        for name in names.sorted() where name.hasPrefix("m-") {
            if let sum = try take(name, among: names) { kept.insert(sum) }
        }
        for name in names where name.hasPrefix("u-") { try disk.remove(name) }
        for name in names where name.hasPrefix("c-") {
            if ContentSum(hexadecimal: String(name.dropFirst(2))).map(kept.contains) != true { try disk.remove(name) }
        }
        guard names.contains(Self.deploymentsName) else { return }
        do { deployments = try Deployments(bytes: disk.read(Self.deploymentsName, 0..<Deployments.byteLimit)) } catch {
            throw DiskFailure("\(Self.deploymentsName): \(error); restore it from a backup, or remove it")
        }
        // Boards that hold an order with old signatures get it again.
        if hasSignedAgain { try deploy(deployments.above(deployments.generation)) }
    }

    private static func contentName(_ sum: ContentSum) -> String { "c-\(sum)" }
    private static func manifestName(_ manifest: ArtefactManifest) -> String {
        "m-\(ContentSum(of: manifest.canonical))"
    }

    /// A manifest of an earlier key is signed again: the change of the key was cut short.
    private mutating func take(_ name: String, among names: [String]) throws(DiskFailure) -> ContentSum? {
        let bytes = try disk.read(name, 0..<SignedManifest.byteLimit + 1)
        guard var signed = try? SignedManifest(bytes: bytes), names.contains(Self.contentName(signed.manifest.sum))
        else {
            notes.append("\(name) is damaged, or its content is not here; it is left out")
            return nil
        }
        if !signed.isSigned(by: keys.signer.key) {
            guard keys.earlier.contains(where: { signed.isSigned(by: $0) }),
                let again = try? keys.signer.sign(signed.manifest)
            else {
                notes.append("\(signed.manifest.id) version \(signed.manifest.version) is signed by another key")
                return signed.manifest.sum
            }
            try disk.replace(name, with: again.bytes)
            (signed, hasSignedAgain) = (again, true)
        }
        insert(signed)
        return signed.manifest.sum
    }

    private mutating func insert(_ signed: SignedManifest) {
        var list = artefacts[signed.manifest.id] ?? []
        list.removeAll { $0.manifest.version == signed.manifest.version }
        artefacts[signed.manifest.id] = (list + [signed]).sorted { $0.manifest.version < $1.manifest.version }
    }

    public func signed(_ id: ArtefactID, version: UInt64) -> SignedManifest? {
        artefacts[id]?.first { $0.manifest.version == version }
    }

    // MARK: Uploads

    /// Takes the next piece of a content.
    /// - Parameter name: chosen by whoever sends it; 32 lower-case hexadecimal digits.
    /// - Returns: bytes that are here: where the next piece has to begin, also when this one did not begin there.
    public mutating func received(
        _ piece: [UInt8], at offset: Int, of name: String
    ) throws -> Int {
        guard name.utf8.count == 32, ContentSum(hexadecimal: name + name) != nil else {
            throw ArtefactFailure("an upload is named by 32 hexadecimal digits")
        }
        guard piece.count <= Self.pieceBytes, offset >= 0, offset + piece.count <= ArtefactLimits.bytes else {
            throw ArtefactFailure("a piece has at most \(Self.pieceBytes) bytes, a whole \(ArtefactLimits.bytes)")
        }
        if !uploads.contains(name) {
            if uploads.count >= Self.uploadLimit { try disk.remove("u-" + uploads.removeFirst()) }
            uploads.append(name)
        }
        let size = try disk.size(of: "u-" + name) ?? 0
        guard offset == size else { return size }
        try disk.write(piece, to: "u-" + name, at: offset)
        return size + piece.count
    }

    /// Makes an upload a version, signed and lasting.
    /// - Parameters:
    ///   - version: `nil` for the next one.
    ///   - sum: that the content must have.
    public mutating func add(
        upload name: String, as id: ArtefactID, version: UInt64?, sum: ContentSum, atMilliseconds now: UInt64
    ) throws -> SignedManifest {
        guard uploads.contains(name), let size = try disk.size(of: "u-" + name), size > 0 else {
            throw ArtefactFailure("nothing was uploaded as \(name)")
        }
        let last = artefacts[id]?.last?.manifest.version ?? 0
        let version = version ?? last + 1
        let known = signed(id, version: version)
        // Said again after an answer that was lost.
        if let known, known.manifest.sum == sum { return known }
        guard version > last else { throw ArtefactFailure("\(id) has version \(last) already: give a higher one") }
        guard artefacts.values.reduce(0, { $0 + $1.count }) < ArtefactLimits.versions else {
            throw ArtefactFailure("there are \(ArtefactLimits.versions) versions already: remove some")
        }
        let (here, tree) = try Self.tree(of: "u-" + name, size: size, on: disk)
        guard here == sum else { throw ArtefactFailure("what arrived has the sum \(here), not \(sum)") }
        let signed = try keys.signer.sign(
            ArtefactManifest(
                id: id, version: version, byteCount: size, sum: sum, chunkBytes: ArtefactLimits.chunkBytes,
                chunkRoot: tree.root, createdAtMilliseconds: now))
        try disk.publish("u-" + name, as: Self.contentName(sum))
        uploads.removeAll { $0 == name }
        try disk.replace(Self.manifestName(signed.manifest), with: signed.bytes)
        insert(signed)
        return signed
    }

    /// Forgets a version that no board should use.
    public mutating func remove(_ id: ArtefactID, version: UInt64) throws {
        let signed = try refuseRemoval(of: id, version: version)
        try disk.remove(Self.manifestName(signed.manifest))
        artefacts[id]?.removeAll { $0.manifest.version == version }
        if artefacts[id]?.isEmpty == true { artefacts[id] = nil }
        let sum = signed.manifest.sum
        if !artefacts.values.joined().contains(where: { $0.manifest.sum == sum }) {
            try disk.remove(Self.contentName(sum))
        }
    }

    /// - Returns: what could be removed.
    /// - Throws: `ArtefactFailure` for a version that is not there or that boards should use.
    @discardableResult
    public func refuseRemoval(of id: ArtefactID, version: UInt64) throws(ArtefactFailure) -> SignedManifest {
        guard let signed = signed(id, version: version) else {
            throw ArtefactFailure("\(id) has no version \(version)")
        }
        let isUsed =
            deployments.everywhere[id] == version
            || deployments.trials.contains { $0.id == id && $0.version == version }
        guard !isUsed else { throw ArtefactFailure("\(id) version \(version) is deployed") }
        return signed
    }

    // MARK: Deployments and keys

    public mutating func deploy(_ next: Deployments) throws(DiskFailure) {
        try disk.replace(Self.deploymentsName, with: next.bytes)
        deployments = next
    }

    /// Signs everything anew. The new keys are lasting already: a start that finds old signatures goes on with this.
    public mutating func rotate(to keys: SigningKeys) throws {
        self.keys = keys
        // Never spoken with old signatures.
        try deploy(deployments.above(deployments.generation))
        for signed in Array(artefacts.values.joined()) {
            let again = try keys.signer.sign(signed.manifest)
            try disk.replace(Self.manifestName(signed.manifest), with: again.bytes)
            insert(again)
        }
    }

    // MARK: Chunks

    /// A chunk with its proof; `nil` where there is no such content, or it is not what it was.
    public mutating func chunk(_ chunk: Int, of sum: ContentSum) throws(DiskFailure) -> ([UInt8], [ContentSum])? {
        guard let manifest = artefacts.values.joined().first(where: { $0.manifest.sum == sum })?.manifest,
            (0..<manifest.chunkCount).contains(chunk)
        else { return nil }
        let name = Self.contentName(sum)
        let tree: ChunkTree
        if let known = trees.first(where: { $0.sum == sum })?.tree {
            tree = known
        } else {
            guard try disk.size(of: name) == manifest.byteCount else { return nil }
            tree = try Self.tree(of: name, size: manifest.byteCount, on: disk).tree
            if trees.count >= Self.treeLimit { trees.removeFirst() }
            trees.append((sum, tree))
        }
        guard tree.root == manifest.chunkRoot else { return nil }
        let bytes = try disk.read(name, manifest.range(of: chunk))
        return bytes.count == manifest.range(of: chunk).count ? (bytes, tree.proof(of: chunk)) : nil
    }

    /// The sum of a file and the tree over its chunks.
    private static func tree(
        of name: String, size: Int, on disk: Disk
    ) throws(DiskFailure) -> (sum: ContentSum, tree: ChunkTree) {
        var (hasher, leaves) = (ContentHasher(), [ContentSum]())
        for start in stride(from: 0, to: size, by: ArtefactLimits.chunkBytes) {
            let bytes = try disk.read(name, start..<min(start + ArtefactLimits.chunkBytes, size))
            hasher.add(bytes)
            leaves.append(ChunkTree.leaf(bytes))
        }
        return (hasher.sum, ChunkTree(leaves: leaves))
    }
}
