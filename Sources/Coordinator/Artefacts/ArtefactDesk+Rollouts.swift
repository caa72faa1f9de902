import Artefacts
import FleetModel
import Rollouts

/// What rollouts ask of the desk of artefacts.
extension ArtefactDesk {
    nonisolated var rollouts: ArtefactRollouts {
        ArtefactRollouts(
            mayRollOut: { try await self.refuseRollout(of: $0) },
            setTrials: { await self.set(trials: $0) },
            adopt: { await self.adopt($0) },
            holdings: { await self.holdings(of: $0) })
    }

    /// Boards are returned to the version that is everybody's: there must be one, and it must be another.
    /// - Returns: the version that is everybody's.
    private func refuseRollout(of artefact: ArtefactVersion) throws(RolloutRefusal) -> UInt64 {
        guard ArtefactID(artefact)?.kind != .policy else {
            throw RolloutRefusal("policies are rolled out as policies: give --policy FILE")
        }
        guard let id = ArtefactID(artefact), library.signed(id, version: artefact.version) != nil else {
            throw RolloutRefusal("there is no \(artefact)", isUnknown: true)
        }
        guard let before = library.deployments.everywhere[id] else {
            throw RolloutRefusal("\(id) is not deployed: there is no version that boards could be returned to")
        }
        guard before != artefact.version else { throw RolloutRefusal("\(artefact) is deployed to all boards already") }
        return before
    }

    private func set(trials wanted: [(artefact: ArtefactVersion, boards: Set<BoardID>)]) async {
        let wanted = wanted.compactMap { one in
            ArtefactID(one.artefact).map { Deployments.Trial($0, version: one.artefact.version, boards: one.boards) }
        }
        var next = library.deployments
        for trial in next.trials where trial.id.kind != .policy && !wanted.contains(where: { $0.id == trial.id }) {
            next = next.trying(trial.id, version: trial.version, on: [])
        }
        for trial in wanted where !next.trials.contains(trial) {
            next = next.trying(trial.id, version: trial.version, on: trial.boards)
        }
        if next != library.deployments { _ = await place(next) }
    }

    private func adopt(_ artefact: ArtefactVersion) async -> Bool {
        guard let id = ArtefactID(artefact) else { return false }
        guard library.deployments.everywhere[id] != artefact.version else { return true }
        return await place(library.deployments.deploying(id, version: artefact.version))
    }

    private func holdings(of artefact: ArtefactVersion) -> [BoardID: ArtefactHolding] {
        fleet.boards.compactMapValues { board in
            guard board.state.generation == library.deployments.generation else { return nil }
            return board.state.holdings.first { $0.id == ArtefactID(artefact) }
        }
    }
}

extension ArtefactID {
    /// `nil` where there is no such kind.
    init?(_ artefact: ArtefactVersion) {
        guard let kind = ArtefactKind(name: artefact.kind) else { return nil }
        self.init(kind, artefact.name)
    }
}
