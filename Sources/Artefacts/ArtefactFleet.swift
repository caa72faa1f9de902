public import FleetModel

/// What the coordinator says to boards about artefacts. Pure: states, changes and time come in, actions leave.
///
///     state ──of another key──▶ trust          state ──of another generation──▶ desired, again with growing pauses
///     deployments change ──▶ desired to every board that has said a state
///
/// Boards that said no state know nothing of artefacts, and are told nothing. What is not told of a board is not
/// known here: after a restart states come with the boards' next sessions.
public struct ArtefactFleet<Instant: InstantProtocol>: Sendable
where Instant: Sendable, Instant.Duration == Duration {
    public struct Settings: Sendable {
        /// First pause before an order is said again; doubles up to `longestResend`.
        public var resend: Duration = .seconds(2)
        public var longestResend: Duration = .seconds(60)

        public init() {}
    }

    public enum Action: Equatable, Sendable {
        case send(ArtefactOrder, BoardID)
        /// The board follows a generation that was never given out here: lift the deployments above it.
        case lift(above: UInt64)
        /// An event: a board does not use what it should.
        case refused(BoardID, String)
        /// An event: a board dropped a content that was damaged on its disk.
        case damaged(BoardID, String)
    }

    public struct Board: Equatable, Sendable {
        /// That it runs.
        public var models: Set<ModelName>
        public var state: ArtefactState
        var sent: Instant?
        var pause: Duration
        var told: [ArtefactID: String] = [:]
        /// The last find of damage that was told.
        var lastFind: UInt64 = 0
    }

    /// A board may be ahead of a folder that was restored from a backup, but not by more than this.
    public static var generationLead: UInt64 { 1 << 32 }

    private let settings: Settings
    private var keys: SigningKeys
    private var artefacts: [ArtefactID: [SignedManifest]]
    private var deployments: Deployments
    public private(set) var boards: [BoardID: Board] = [:]
    /// Those that do not follow the order that they should.
    private var open: Set<BoardID> = []

    public init(
        settings: Settings = Settings(), keys: SigningKeys, artefacts: [ArtefactID: [SignedManifest]],
        deployments: Deployments
    ) {
        (self.settings, self.keys, self.artefacts) = (settings, keys, artefacts)
        self.deployments = deployments
    }

    // MARK: Events

    /// - Parameter models: that the board runs.
    public mutating func stateReceived(
        _ state: ArtefactState, from id: BoardID, models: Set<ModelName>, at now: Instant
    ) -> [Action] {
        var board = boards[id] ?? Board(models: models, state: state, sent: nil, pause: settings.resend)
        guard boards[id] != nil || boards.count < FleetLimits.boards else { return [] }
        let isNews = boards[id].map { $0.state.generation != state.generation || $0.state.key != state.key } ?? true
        (board.models, board.state) = (models, state)
        if isNews { (board.sent, board.pause) = (nil, settings.resend) }
        var actions: [Action] = [.send(.heard(number: state.number), id)]
        for holding in state.holdings where holding.status == .refused {
            guard board.told[holding.id] != holding.reason else { continue }
            board.told[holding.id] = holding.reason
            actions.append(
                .refused(id, "\(holding.id) version \(holding.desiredVersion): \(holding.reason)"))
        }
        for holding in state.holdings where holding.status != .refused { board.told[holding.id] = nil }
        // A state that was not heard to be heard tells them again.
        for damage in state.damaged where damage.find > board.lastFind {
            actions.append(.damaged(id, "\(damage.id) version \(damage.version): \(damage.reason)"))
        }
        board.lastFind = state.damaged.map(\.find).reduce(board.lastFind, max)
        boards[id] = board
        if state.generation > deployments.generation {
            let isPossible = state.generation - deployments.generation <= Self.generationLead
            return actions + (isPossible ? [.lift(above: state.generation)] : [])
        }
        return actions + speak(to: id, at: now)
    }

    public mutating func boardLeft(_ id: BoardID) {
        boards[id] = nil
        open.remove(id)
    }

    /// Library, deployments or keys are others, and lasting.
    public mutating func changed(
        keys: SigningKeys, artefacts: [ArtefactID: [SignedManifest]], deployments: Deployments, at now: Instant
    ) -> [Action] {
        (self.keys, self.artefacts, self.deployments) = (keys, artefacts, deployments)
        return boards.keys.sorted().flatMap { id -> [Action] in
            boards[id]?.sent = nil
            boards[id]?.pause = settings.resend
            return speak(to: id, at: now)
        }
    }

    public mutating func timerFired(at now: Instant) -> [Action] {
        open.sorted().flatMap { speak(to: $0, at: now) }
    }

    // MARK: Speaking

    /// What the board should use, of the models that it runs. An agent of before does not know policies, and would take
    /// an order with one for none.
    public func desired(
        of id: BoardID, running models: Set<ModelName>, knowsPolicies: Bool = true
    ) -> [DesiredArtefact] {
        let known = deployments.ids.filter { models.contains($0.name) && (knowsPolicies || $0.kind != .policy) }
        let placed = known.sorted()
        return placed.prefix(ArtefactLimits.perBoard).compactMap { artefact in
            guard let placement = deployments.placement(of: artefact, on: id),
                let signed = artefacts[artefact]?.first(where: { $0.manifest.version == placement.version })
            else { return nil }
            return DesiredArtefact(signed, mayDowngrade: placement.mayDowngrade)
        }
    }

    private mutating func speak(to id: BoardID, at now: Instant) -> [Action] {
        guard let board = boards[id] else { return [] }
        let desired = desired(of: id, running: board.models, knowsPolicies: board.state.knowsPolicies)
        let follows =
            board.state.generation == deployments.generation
            && board.state.wanted == Set(desired.map { Wanted($0.id, $0.signed.manifest.version) })
        let believes = board.state.key == keys.signer.key
        guard !follows || !believes else {
            open.remove(id)
            return []
        }
        open.insert(id)
        if let sent = board.sent, sent.duration(to: now) < board.pause { return [] }
        if board.sent != nil { boards[id]?.pause = min(board.pause * 2, settings.longestResend) }
        boards[id]?.sent = now
        return (believes ? [] : [.send(.trust(keys.signer.key, keys.rotations), id)])
            + [.send(.desired(generation: deployments.generation, desired), id)]
    }
}

private struct Wanted: Hashable {
    let id: ArtefactID
    let version: UInt64

    init(_ id: ArtefactID, _ version: UInt64) { (self.id, self.version) = (id, version) }
}

extension ArtefactState {
    /// Boards that know them say what they have of them, be it nothing.
    fileprivate var knowsPolicies: Bool { holdings.contains { $0.id.kind == .policy } }

    fileprivate var wanted: Set<Wanted> {
        Set(holdings.filter { $0.desiredVersion > 0 }.map { Wanted($0.id, $0.desiredVersion) })
    }
}
