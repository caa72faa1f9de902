public import FleetModel

/// What the coordinator makes itself for the boards with a model.
public struct Publication: Equatable, Sendable {
    public var everywhere: [UInt8]
    /// Contents for boards that try something else; no board is in two of them.
    public var trials: [Trial]

    public struct Trial: Equatable, Sendable {
        public var content: [UInt8]
        public var boards: Set<BoardID>

        public init(_ content: [UInt8], boards: Set<BoardID>) { (self.content, self.boards) = (content, boards) }
    }

    public init(everywhere: [UInt8], trials: [Trial] = []) { (self.everywhere, self.trials) = (everywhere, trials) }
}

extension ArtefactLibrary {
    /// Makes these what boards should have of a kind. A content that a version has is that version; others are signed
    /// as new ones. What nothing leads to any more is removed, but for the version before.
    ///
    /// Numbers of versions are seconds since 1970, and rise in any case: a library that was restored, or that another
    /// coordinator begins anew, does not fall behind boards that have seen later ones.
    /// - Returns: the versions that are everybody's from now on.
    /// - Throws: `ArtefactFailure` where there are too many versions, `DiskFailure`.
    public mutating func publish(
        _ kind: ArtefactKind, _ publications: [ModelName: Publication], atMilliseconds now: UInt64
    ) throws -> [SignedManifest] {
        var (next, trials, changed) = (deployments, [Deployments.Trial](), [SignedManifest]())
        for (name, publication) in publications.sorted(by: { $0.key < $1.key }) {
            let id = ArtefactID(kind, name)
            let signed = try version(of: publication.everywhere, id, atMilliseconds: now)
            if next.everywhere[id] != signed.manifest.version {
                next = next.deploying(id, version: signed.manifest.version)
                changed.append(signed)
            }
            for trial in publication.trials where !trial.boards.isEmpty {
                let signed = try version(of: trial.content, id, atMilliseconds: now)
                trials.append(.init(id, version: signed.manifest.version, boards: trial.boards))
            }
        }
        next = next.trying(trials, of: kind)
        if next != deployments { try deploy(next) }
        for name in publications.keys { try prune(ArtefactID(kind, name)) }
        return changed
    }

    private mutating func version(
        of content: [UInt8], _ id: ArtefactID, atMilliseconds now: UInt64
    ) throws -> SignedManifest {
        let sum = ContentSum(of: content)
        if let known = artefacts[id]?.last(where: { $0.manifest.sum == sum }) { return known }
        let last = max(artefacts[id]?.last?.manifest.version ?? 0, deployments.highest[id] ?? 0)
        let upload = String("\(sum)".prefix(32))
        for start in stride(from: 0, to: content.count, by: Self.pieceBytes) {
            _ = try received(Array(content[start..<min(start + Self.pieceBytes, content.count)]), at: start, of: upload)
        }
        return try add(
            upload: upload, as: id, version: max(last + 1, now / 1_000), sum: sum, atMilliseconds: now)
    }

    /// Boards keep two versions, and so is it here.
    private mutating func prune(_ id: ArtefactID) throws {
        let versions = (artefacts[id] ?? []).map(\.manifest.version)
        let unused = versions.filter { (try? refuseRemoval(of: id, version: $0)) != nil }
        for version in unused.dropLast() { try remove(id, version: version) }
    }
}
