import AdminAPI
import Artefacts
import FleetModel
import FleetStore
import Rollouts

/// Answers people's questions about artefacts, and does what they ask of them.
struct ArtefactAdministrator: ArtefactAdministration {
    let desk: ArtefactDesk
    let actor: CoordinatorActor

    func artefacts() async throws -> [ArtefactView] {
        await desk.forget(allBut: Set(await actor.activeBoards))
        return await desk.views
    }

    func upload(_ piece: ArtefactPiece) async throws -> ArtefactUpload {
        try await stated {
            ArtefactUpload(
                receivedBytes: try await desk.upload(Array(piece.content), at: piece.offset, of: piece.upload))
        }
    }

    func add(_ request: ArtefactRequest, by actor: String) async throws -> ArtefactView {
        let id = try Self.id(request.kind, request.name)
        guard let sum = ContentSum(hexadecimal: request.sha256) else {
            throw AdminFailure(.invalid, "sha256: give 64 lower-case hexadecimal digits")
        }
        _ = try await stated {
            try await desk.add(upload: request.upload, as: id, version: request.version, sum: sum, by: actor)
        }
        return try await warned(view(of: id), id)
    }

    func deploy(_ change: ArtefactChange, by actor: String) async throws -> ArtefactView {
        let (id, dryRun) = (try Self.id(change.kind, change.name), change.dryRun ?? false)
        let version = try await stated {
            try await self.actor.refuseDuringRollout(of: id)
            return try await desk.deploy(id, version: change.version, dryRun: dryRun, by: actor)
        }
        return try await warned(view(of: id, wouldHave: dryRun ? .some(version) : nil), id)
    }

    func withdraw(_ change: ArtefactChange, by actor: String) async throws -> ArtefactView {
        let (id, dryRun) = (try Self.id(change.kind, change.name), change.dryRun ?? false)
        try await stated {
            try await self.actor.refuseDuringRollout(of: id)
            try await desk.withdraw(id, dryRun: dryRun, by: actor)
        }
        return try await view(of: id, wouldHave: dryRun ? .some(nil) : nil)
    }

    /// - Returns: those that are there then; in a dry run, those that are there.
    func remove(_ change: ArtefactChange, by actor: String) async throws -> [ArtefactView] {
        let (id, dryRun) = (try Self.id(change.kind, change.name), change.dryRun ?? false)
        guard let version = change.version else { throw AdminFailure(.invalid, "version: say which one") }
        try await stated {
            try await self.actor.refuseDuringRollout(of: id, version: version)
            try await desk.remove(id, version: version, dryRun: dryRun, by: actor)
        }
        var views = try await artefacts()
        if dryRun { for index in views.indices { views[index].dryRun = true } }
        return views
    }

    func rotateKey(_ request: ArtefactKeyRotation, by actor: String) async throws -> ArtefactKeyView {
        let dryRun = request.dryRun ?? false
        let keys = try await stated { try await desk.rotateKey(dryRun: dryRun, by: actor) }
        return ArtefactKeyView(
            publicKey: "\(keys.signer.key)", rotations: keys.rotations.count, dryRun: dryRun ? true : nil)
    }

    /// - Parameter deployed: in a dry run, the version that would be that of all boards.
    private func view(of id: ArtefactID, wouldHave deployed: UInt64??) async throws -> ArtefactView {
        var view = try await view(of: id)
        if let deployed { (view.deployedVersion, view.dryRun) = (deployed, true) }
        return view
    }

    private func view(of id: ArtefactID) async throws -> ArtefactView {
        guard let view = try await artefacts().first(where: { $0.kind == id.kind.name && $0.name == id.name.rawValue })
        else { throw AdminFailure(.notFound, "there is no \(id)") }
        return view
    }

    /// Nobody gets what no board has a model for.
    private func warned(_ view: ArtefactView, _ id: ArtefactID) async -> ArtefactView {
        guard await actor.boards(carrying: id.name).isEmpty else { return view }
        var view = view
        view.warning = "no board has a model named \(id.name.rawValue)"
        return view
    }

    private static func id(_ kind: String, _ name: String) throws(AdminFailure) -> ArtefactID {
        guard let known = ArtefactKind(name: kind) else {
            let kinds = ArtefactKind.allCases.map(\.name).joined(separator: ", ")
            throw AdminFailure(.invalid, "kind: \(kind.prefix(64)) is none of \(kinds)")
        }
        guard known != .policy else {
            throw AdminFailure(
                .invalid, "kind: policies become artefacts when they are applied, rolled out or withdrawn as policies")
        }
        guard let model = ModelName(name) else {
            throw AdminFailure(.invalid, "name: \(name.prefix(64)) is not a name of a-z, 0-9 and '-'")
        }
        return ArtefactID(known, model)
    }

    /// What is refused, in its own words.
    private func stated<Result>(_ body: () async throws -> Result) async throws -> Result {
        do { return try await body() } catch let failure as ArtefactFailure {
            throw AdminFailure(.invalid, failure.description)
        } catch let refusal as RolloutRefusal {
            throw AdminFailure(.invalid, refusal.description)
        } catch let failure as DiskFailure {
            throw AdminFailure(.unavailable, failure.description)
        } catch let failure as FleetStoreFailure { throw AdminFailure(.unavailable, failure.description) }
    }
}

extension ArtefactDesk {
    /// As people see them.
    var views: [ArtefactView] {
        let ids = Set(library.artefacts.keys).union(library.deployments.ids).sorted()
        return ids.map { id in
            ArtefactView(
                kind: id.kind.name, name: id.name.rawValue,
                versions: (library.artefacts[id] ?? []).map(\.manifest).map {
                    .init(
                        version: $0.version, sizeBytes: $0.byteCount, sha256: "\($0.sum)",
                        createdAtMilliseconds: $0.createdAtMilliseconds)
                },
                deployedVersion: library.deployments.everywhere[id],
                generation: library.deployments.generation, boards: boards(of: id))
        }
    }

    private func boards(of id: ArtefactID) -> [ArtefactView.Board] {
        fleet.boards.sorted { $0.key < $1.key }.compactMap { board, known in
            guard let holding = known.state.holdings.first(where: { $0.id == id }), !holding.isEmpty else { return nil }
            return .init(
                board: board.rawValue, status: holding.status.name, version: holding.version,
                previousVersion: holding.previousVersion, desiredVersion: holding.desiredVersion,
                receivedBytes: holding.receivedBytes, reason: holding.reason.isEmpty ? nil : holding.reason,
                runningVersion: holding.runningVersion)
        }
    }
}

extension ArtefactDesk {
    /// Models of which a package is deployed, by name.
    var deployedPackages: [String] {
        library.deployments.everywhere.keys.filter { $0.kind == .modelPackage }.map(\.name.rawValue).sorted()
    }
}

extension ArtefactHolding {
    /// Nothing is there, and nothing is wanted.
    fileprivate var isEmpty: Bool { version == 0 && previousVersion == 0 && desiredVersion == 0 }
}
