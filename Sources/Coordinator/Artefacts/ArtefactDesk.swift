import AdminAPI
import ArtefactFiles
import Artefacts
import AuditLog
import CoordinatorCore
import FleetModel
import FleetStore
import Foundation
import Logging
import WireProtocol

/// The coordinator's artefacts: the library on its disk, what boards are told, and the chunks that they ask for. An
/// actor of its own, so that reading and summing files keeps no telemetry waiting. Lasting, then spoken.
actor ArtefactDesk {
    var library: ArtefactLibrary<FolderDisk>
    private(set) var fleet: ArtefactFleet<ContinuousClock.Instant>
    private var queue: ChunkQueue<ContinuousClock.Instant>
    private let keyFile: SigningKeyFile
    private let audit: (any AuditAppending)?
    private let send: @Sendable (Message, BoardID) -> Void
    let record: @Sendable (FleetEvent.Kind, BoardID?, String) async -> Void
    let logger: Logger
    /// What boards hold of policies, or are to; and when that which failed is tried again.
    var published: PolicySets?
    var publishesNotBefore = ContinuousClock.now

    /// - Parameters:
    ///   - folder: of the coordinator's state.
    ///   - audit: `nil` where no log is kept.
    init(
        folder: String, audit: (any AuditAppending)?, settings: ChunkQueue<ContinuousClock.Instant>.Settings = .init(),
        logger: Logger, send: @escaping @Sendable (Message, BoardID) -> Void,
        record: @escaping @Sendable (FleetEvent.Kind, BoardID?, String) async -> Void
    ) throws {
        keyFile = SigningKeyFile(folder + "/artefact-key.json")
        library = try ArtefactLibrary(FolderDisk(folder + "/artefacts"), keys: try keyFile.loadOrCreate())
        fleet = ArtefactFleet(keys: library.keys, artefacts: library.artefacts, deployments: library.deployments)
        queue = ChunkQueue(settings: settings, at: .now)
        (self.audit, self.send, self.record, self.logger) = (audit, send, record, logger)
        for note in library.notes { logger.warning("artefacts", metadata: ["message": "\(note)"]) }
    }

    // MARK: Boards

    func received(_ report: ArtefactReport, from board: BoardDescription) async {
        switch report {
        case .state(let state):
            // Others wait for its place.
            if !state.holdings.contains(where: { $0.status == .fetching }) { queue.left(board.id) }
            await perform(
                fleet.stateReceived(state, from: board.id, models: Set(board.models.map(\.name)), at: .now))
        case .wanted(let sum, let chunks):
            queue.asked(board.id, sum, chunks, at: .now)
            serve()
        }
    }

    func timerFired() async {
        await perform(fleet.timerFired(at: .now))
        serve()
    }

    private func serve() {
        for due in queue.due(at: .now) {
            do {
                let order: ArtefactOrder =
                    if let (bytes, proof) = try library.chunk(due.chunk, of: due.content) {
                        .chunk(due.content, chunk: due.chunk, bytes: bytes, proof: proof)
                    } else { .missing(due.content) }
                send(.artefactOrder(order), due.board)
            } catch { logger.error("chunk not read", metadata: ["error": "\(error)"]) }
        }
    }

    private func perform(_ actions: [ArtefactFleet<ContinuousClock.Instant>.Action]) async {
        for action in actions {
            switch action {
            case .send(let order, let board): send(.artefactOrder(order), board)
            case .refused(let board, let reason): await record(.artefactRefused, board, reason)
            case .damaged(let board, let reason): await record(.artefactDamaged, board, reason)
            case .lift(let generation): _ = await place(library.deployments.above(generation))
            }
        }
    }

    /// - Returns: whether it is lasting.
    func place(_ deployments: Deployments) async -> Bool {
        do throws(DiskFailure) { try library.deploy(deployments) } catch {
            logger.error("deployments not stored", metadata: ["error": "\(error)"])
            return false
        }
        await changed()
        return true
    }

    func changed() async {
        await perform(
            fleet.changed(
                keys: library.keys, artefacts: library.artefacts, deployments: library.deployments, at: .now))
    }

    func forget(allBut boards: Set<BoardID>) {
        for board in fleet.boards.keys where !boards.contains(board) {
            fleet.boardLeft(board)
            queue.left(board)
        }
    }

    // MARK: People

    func upload(_ piece: [UInt8], at offset: Int, of name: String) throws -> Int {
        try library.received(piece, at: offset, of: name)
    }

    func add(
        upload: String, as id: ArtefactID, version: UInt64?, sum: ContentSum, by actor: String
    ) async throws -> SignedManifest {
        let now = CoordinatorActor.wallClock()
        let last = library.artefacts[id]?.last?.manifest.version
        // From here on it is this number or none, so that the log does not lie.
        let number = version ?? (last ?? 0) + 1
        try await log(
            actor, .artefactAdded, "\(id)", before: last.map { "version \($0)" }, after: "version \(number), \(sum)")
        let signed = try library.add(upload: upload, as: id, version: number, sum: sum, atMilliseconds: now)
        await changed()
        await record(.artefactChanged, nil, "\(id) version \(signed.manifest.version) added by \(actor)")
        return signed
    }

    /// - Parameter dryRun: whether it is only seen that it could be.
    /// - Returns: the version that is meant.
    @discardableResult
    func deploy(_ id: ArtefactID, version: UInt64?, dryRun: Bool = false, by actor: String) async throws -> UInt64 {
        guard let last = library.artefacts[id]?.last?.manifest.version else {
            throw AdminFailure(.notFound, "there is no \(id)")
        }
        let version = version ?? last
        guard library.signed(id, version: version) != nil else {
            throw AdminFailure(.notFound, "\(id) has no version \(version)")
        }
        if dryRun { return version }
        var before: Deployments
        // Said again where they became others meanwhile: the last entry is the true one.
        repeat {
            before = library.deployments
            try await log(
                actor, .artefactDeployed, "\(id)", before: before.text(of: id),
                after: before.deploying(id, version: version).text(of: id))
        } while library.deployments != before
        try library.deploy(before.deploying(id, version: version))
        await changed()
        await record(.artefactChanged, nil, "\(id) version \(version) deployed by \(actor)")
        return version
    }

    func withdraw(_ id: ArtefactID, dryRun: Bool = false, by actor: String) async throws {
        guard let before = library.deployments.everywhere[id] else {
            guard library.artefacts[id] == nil else { throw ArtefactFailure("\(id) is not deployed") }
            throw AdminFailure(.notFound, "there is no \(id)")
        }
        if dryRun { return }
        try await log(
            actor, .artefactWithdrawn, "\(id)",
            before: "version \(before), generation \(library.deployments.generation)")
        try library.deploy(library.deployments.withdrawing(id))
        await changed()
        await record(.artefactChanged, nil, "\(id) withdrawn by \(actor)")
    }

    func remove(_ id: ArtefactID, version: UInt64, dryRun: Bool = false, by actor: String) async throws {
        guard library.signed(id, version: version) != nil else {
            throw AdminFailure(.notFound, "\(id) has no version \(version)")
        }
        try library.refuseRemoval(of: id, version: version)
        if dryRun { return }
        try await log(actor, .artefactRemoved, "\(id)", before: "version \(version)")
        try library.remove(id, version: version)
        await changed()
        await record(.artefactChanged, nil, "\(id) version \(version) removed by \(actor)")
    }

    /// Everything is signed anew; boards that believe the old key are led to the new one by its statement.
    ///
    /// - Returns: the keys that are in force then; in a dry run, those that are.
    func rotateKey(dryRun: Bool, by actor: String) async throws -> SigningKeys {
        if dryRun { return library.keys }
        let old = library.keys.signer.key
        try await log(actor, .artefactKeyRotated, "artefact key", before: "\(old)")
        let keys = try keyFile.rotate(library.keys)
        try library.rotate(to: keys)
        await changed()
        await record(.artefactChanged, nil, "signing key \(keys.signer.key), changed by \(actor)")
        return keys
    }

    private func log(
        _ actor: String, _ action: AuditAction, _ target: String, before: String? = nil, after: String? = nil
    ) async throws {
        try await audit?.appendAudit(
            AuditDraft(
                actor: actor, action: action, target: target, before: before, after: after,
                atMilliseconds: CoordinatorActor.wallClock()))
    }
}

extension Deployments {
    /// For the audit log: what is everybody's.
    fileprivate func text(of id: ArtefactID) -> String {
        "\(everywhere[id].map { "version \($0)" } ?? "no version"), generation \(generation)"
    }
}
