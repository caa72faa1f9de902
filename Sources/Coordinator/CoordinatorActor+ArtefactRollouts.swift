import Artefacts
import AuditLog
import CoordinatorCore
import FleetModel
import FleetStore
import Rollouts

/// What rollouts need of the coordinator's artefacts, which are another actor's.
struct ArtefactRollouts: Sendable {
    /// Refuses what cannot be rolled out, and says which version is everybody's.
    var mayRollOut: @Sendable (ArtefactVersion) async throws -> UInt64 = { artefact in
        throw RolloutRefusal("this coordinator keeps no artefacts, so none of \(artefact)")
    }
    /// Boards try these versions from now on, and no other boards and versions.
    var setTrials: @Sendable ([(artefact: ArtefactVersion, boards: Set<BoardID>)]) async -> Void = { _ in }
    /// The version is everybody's. `false` where that could not be made lasting.
    var adopt: @Sendable (ArtefactVersion) async -> Bool = { _ in false }
    /// What boards have of it that follow the newest order.
    var holdings: @Sendable (ArtefactVersion) async -> [BoardID: ArtefactHolding] = { _ in [:] }

    static let none = ArtefactRollouts()
}

extension RolloutContent {
    var artefact: ArtefactVersion? { if case .artefact(let artefact) = self { artefact } else { nil } }

    /// For the audit log.
    var auditText: String {
        switch self {
        case .policy(let policy, let text): "policy \(policy.name), text \(InputText.sha256(text))"
        case .artefact(let artefact): "artefact \(artefact)"
        }
    }
}

extension Rollout {
    /// What a board has of the artefact says whether it did what it was told last.
    /// - Parameter position: of its newest record, which is from before.
    mutating func look(
        at holding: ArtefactHolding?, of id: BoardID, _ artefact: ArtefactVersion, _ state: BoardState,
        _ position: TelemetryPosition?
    ) {
        guard let board = boards[id], board.isOpen, let holding else { return }
        let hasIt = holding.status == .inUse && holding.version == artefact.version
        switch board.state {
        case .assigned, .absent:
            if hasIt {
                boardAcknowledged(id, order: board.order, generation: state.desired.generation, after: position)
            } else if holding.status == .refused, holding.desiredVersion == artefact.version {
                boardFailed(id, order: board.order, reason: holding.reason)
            }
        case .returning where holding.version != artefact.version && holding.status == .inUse:
            boardAcknowledged(id, order: board.order, generation: state.desired.generation)
        default: break
        }
    }
}

/// Rollouts of artefacts: the same decisions, carried out by the desk of artefacts.
extension CoordinatorActor {
    func rollOutArtefacts(by artefacts: ArtefactRollouts) { self.artefacts = artefacts }

    /// Said again each second: it changes nothing where that is how it is, and mends what could not be stored.
    func lookAfterTrials() async {
        let open = rolloutsInOrder.filter { !$0.status.isOver }
        await artefacts.setTrials(
            open.compactMap { rollout in
                let boards = rollout.boardsOnNewVersion
                return boards.isEmpty ? nil : rollout.artefact.map { (artefact: $0, boards: boards) }
            })
    }

    func refuseDuringRollout(of id: ArtefactID) throws(RolloutRefusal) {
        try refuse { rollout in rollout.artefact.flatMap { ArtefactID($0) } == id }
    }

    /// What a rollout brings, or is to bring once it is approved, stays.
    func refuseDuringRollout(of id: ArtefactID, version: UInt64) throws(RolloutRefusal) {
        try refuse { rollout in
            rollout.artefact.map { ArtefactID($0) == id && $0.version == version } ?? false
        }
    }

    func holdings(of rollout: Rollout) async -> [BoardID: ArtefactHolding] {
        guard let artefact = rollout.artefact else { return [:] }
        return await artefacts.holdings(artefact)
    }

    /// First the artefact, so that the end of the trial changes nothing on a board that has it; done again after a
    /// restart in between, which changes nothing the second time.
    func adoptArtefact(_ rollout: Rollout) async {
        guard let store = rolloutStore, let artefact = rollout.artefact, await artefacts.adopt(artefact) else { return }
        var finished = rollout
        finished.adopted()
        let name = rollout.plan.name
        let draft = advanced(finished, from: rollouts[name]?.summary)
        let saved: Void? = await storing("rollout", attempts: 1) { [finished] in
            try await store.saveRollout(finished, audit: draft)
        }
        guard saved != nil else { return }
        finished.stored()
        rollouts[name] = finished
        await lookAfterTrials()
        await record(.rolloutChanged, nil, "rollout \(name): \(finished.summary)")
    }
}
