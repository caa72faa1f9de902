public import FleetModel
public import HookSharing
public import WireProtocol

/// What the coordinator decides about gates that boards of one class learn together. Pure: reports and instants come
/// in, actions leave in the order in which they must be performed: persist, then speak.
///
///     collecting ──enough updates, or some that have waited──▶ validating ──scores, or time──▶ version, or none
///         ▲                                                                                       │
///         └───────────────────────────────────────────────────────────────────────────────────────┘
///
/// There is no barrier: what has arrived is merged, who comes later is in the next merge, with less weight the older
/// its base is. A candidate is scored by a few boards on samples that they held back; those that do not answer in time
/// are not waited for. A version is announced to every board of the group until it says that it uses it, and can be
/// taken back. A restart loses a candidate and nothing else: its updates are merged again.
///
/// Bounded by `SharingLimits` and `FleetLimits.boards`; the parts of at most `assemblies` updates are held at once.
public struct HookSharingStateMachine<Instant: InstantProtocol>: Sendable
where Instant: Sendable, Instant.Duration == Duration {
    public struct Settings: Sendable {
        public var merge = GateMerge()
        public var verdict = CandidateVerdict()
        /// So many updates are waited for, or as many as the group has boards that are not distrusted.
        public var enough = 8
        /// Fewer are merged when one has waited for `longestWait`, but never fewer than this, those of distrusted
        /// boards included: below three, a bad board cannot be outvoted.
        public var fewest = 3
        public var longestWait: Duration = .seconds(600)
        /// Boards that are asked what a candidate is worth.
        public var asked = 9
        public var answer: Duration = .seconds(60)
        /// Rounds of asking other boards, where none has answered, before the merge is given up.
        public var rounds = 3
        /// What boards that use a new version are held against: their own past. Accuracy is that of labelled frames;
        /// boards without labels are not judged by it.
        public var gates = RolloutGates(
            leastFrames: 300, accuracyDrop: 0.03, attainmentDrop: 0.02, p50Ratio: 1.25, p99Ratio: 2,
            restartsPerBoard: 0.5)
        /// For how long a group of boards that a version was given to is watched before the next gets it, and for how
        /// many times as long where there is nothing to judge it by. Without any time it goes to all boards at once.
        public var watch: Duration = .seconds(60)
        public var patience = 10
        /// After a start, boards come back for so long before fewer than `enough` of them are taken for all.
        public var rejoin: Duration = .seconds(20)
        /// Pause before a version is announced again to a board that has not said that it uses it.
        public var announce: Duration = .seconds(30)

        public init() {}
    }

    public enum Action: Equatable, Sendable {
        /// Make the group's state durable.
        case saveState(SharingState)
        /// Make the update durable in place of the board's last one, then call `updatePersisted`.
        case saveUpdate(GateUpdate, SharingGroup)
        /// In one step make version and state durable, forget the merged updates of these boards up to these numbers,
        /// then call `versionPersisted`.
        case saveVersion(HookVersion, SharingState, merged: [BoardID: UInt64])
        /// Forget these updates, which were merged into nothing.
        case dropUpdates([BoardID: UInt64], SharingState)
        case send(Message, BoardID)
        case record(FleetEvent.Kind, BoardID?, String)
    }

    /// What survives a restart.
    public struct Stored: Sendable {
        public var state: SharingState
        public var versions: [HookVersion]
        /// Not merged yet.
        public var updates: [GateUpdate]
        /// Of every board's last update.
        public var numbers: [BoardID: UInt64]

        public init(
            state: SharingState, versions: [HookVersion], updates: [GateUpdate], numbers: [BoardID: UInt64]
        ) {
            (self.state, self.versions, self.updates, self.numbers) = (state, versions, updates, numbers)
        }
    }

    struct Member: Sendable {
        /// The version that the board says it uses.
        var version: UInt64
        var announced: Instant?
    }

    struct Candidate: Sendable {
        var version: HookVersion
        var merged: [BoardID: UInt64]
        var marks: [BoardID: GateMerge.Mark]
        /// The boards whose updates were merged disagree.
        var isDoubtful: Bool
        /// Boards that were asked since the start of the merge.
        var asked: Set<BoardID>
        /// Of the last round.
        var open: Set<BoardID>
        var scores: [BoardID: CandidateScore]
        var deadline: Instant
        var round: Int
        /// Judged, waiting for the disk.
        var isSaving = false
    }

    struct Group: Sendable {
        var state: SharingState
        /// When the group, or this coordinator, began.
        var begun: Instant
        var versions: [HookVersion]
        var updates: [BoardID: (update: GateUpdate, since: Instant)] = [:]
        var numbers: [BoardID: UInt64]
        var members: [BoardID: Member] = [:]
        var candidate: Candidate?
        /// What boards measured before and since they were given the version on trial.
        var watch = VersionWatch<Instant>()
        /// Boards that were asked what the version before is worth, and their answers: the version on trial beside it.
        var inquired: Set<BoardID> = []
        var opinions: [BoardID: CandidateScore] = [:]

        var marks: [BoardID: GateMerge.Mark] {
            Dictionary(state.marks.map { ($0.board, $0.mark) }, uniquingKeysWith: { first, _ in first })
        }
    }

    /// Parts of one update of a board.
    struct Assembly: Sendable {
        var group: SharingGroup
        var first: GateUpdatePart
        var values: [Float]
    }

    /// Updates whose parts are held at once; the board that began first has to begin again.
    public static var assemblies: Int { 64 }

    let settings: Settings
    var groups: [SharingGroup: Group] = [:]
    var assemblies: [(board: BoardID, assembly: Assembly)] = []

    public init(settings: Settings = Settings(), stored: [Stored], at now: Instant) {
        self.settings = settings
        for one in stored {
            groups[one.state.group] = Group(
                state: one.state, begun: now, versions: one.versions,
                updates: Dictionary(
                    one.updates.map { ($0.board, ($0, now)) }, uniquingKeysWith: { first, _ in first }),
                numbers: one.numbers)
        }
    }

    /// What people see of a group, in the order of the groups.
    public struct View: Sendable {
        public var state: SharingState
        public var versions: [HookVersion]
        /// Boards that wait to be merged.
        public var waiting: [BoardID]
        /// Boards and the versions that they say they use.
        public var members: [BoardID: UInt64]
        public var candidate: UInt64?
        /// Updates that the next merge waits for, and how many bad ones among so many the rule withstands.
        public var awaited: Int
        public var withstands: Int
        /// The current version and those it was made from; others were taken back.
        public var lineage: Set<UInt64>
    }

    public var views: [View] {
        groups.values.sorted { $0.state.group < $1.state.group }.map { group in
            View(
                state: group.state, versions: group.versions, waiting: group.updates.keys.sorted(),
                members: group.members.mapValues(\.version), candidate: group.candidate?.version.number,
                awaited: awaited(group), withstands: settings.merge.rule.withstands(of: awaited(group)),
                lineage: group.lineage)
        }
    }

    /// Updates of boards that are not distrusted, for a merge without further waiting.
    func awaited(_ group: Group) -> Int {
        min(settings.enough, max(2, group.members.keys.count { !group.isDistrusted($0) }))
    }

    // MARK: Reports

    /// - Parameters:
    ///   - boardClass: of the board, which is enrolled and greeted.
    ///   - milliseconds: since 1970.
    public mutating func reportReceived(
        _ report: GateReport, from board: BoardID, of boardClass: String, at now: Instant, milliseconds: UInt64
    ) -> [Action] {
        let id = SharingGroup(
            boardClass: boardClass, modelSHA256: report.modelSHA256, hookSHA256: report.hookSHA256)
        switch report.content {
        case .joined(let parameters, let gates, let version):
            return joined(id, board, parameters, gates, version, at: now)
        case .part(let part):
            guard groups[id]?.members[board] != nil else { return [] }
            return partReceived(part, id, board, at: now, milliseconds)
        case .wanted(let version, let part): return wanted(version, part, id, board)
        case .scored(let version, let samples, let loss, let before, let gates):
            let score = CandidateScore(board: board, samples: samples, loss: loss, lossBefore: before, gates: gates)
            trialScored(score, version, id)
            return scored(score, version, id, at: now, milliseconds)
        }
    }

    private mutating func joined(
        _ id: SharingGroup, _ board: BoardID, _ parameters: Int, _ gates: Int, _ version: UInt64, at now: Instant
    ) -> [Action] {
        var actions: [Action] = []
        if let known = groups[id]?.state {
            guard known.parameterCount == parameters, known.gateCount == gates else {
                return [
                    .record(
                        .messageRefused, board,
                        "\(id): has \(parameters) parameters in \(gates) gates, the group has "
                            + "\(known.parameterCount) in \(known.gateCount)")
                ]
            }
        } else {
            guard groups.count < SharingLimits.groups else {
                return [.record(.messageRefused, board, "\(id): \(SharingLimits.groups) groups learn already")]
            }
            let state = SharingState(group: id, parameterCount: parameters, gateCount: gates)
            groups[id] = Group(state: state, begun: now, versions: [], numbers: [:])
            actions.append(.saveState(state))
        }
        groups[id]?.members[board] = Member(version: version, announced: nil)
        if groups[id]?.state.trial?.version == version { groups[id]?.watch.used(by: board, at: now) }
        return actions + announce(id, to: board, at: now)
    }

    /// The version that it is to use, to a board that does not.
    private mutating func announce(_ id: SharingGroup, to board: BoardID, at now: Instant) -> [Action] {
        guard let group = groups[id], let member = group.members[board] else { return [] }
        let target = group.target(of: board)
        guard member.version != target else { return [] }
        groups[id]?.members[board]?.announced = now
        let current = group.versions.first { $0.number == target }
        return [announcement(id, current ?? group.start, isCandidate: false, to: board)]
    }

    func announcement(
        _ id: SharingGroup, _ version: HookVersion, isCandidate: Bool, to board: BoardID
    ) -> Action {
        let content = GateOrder.Content.announced(
            version: version.number, isCandidate: isCandidate, sha256: ParameterSum.sha256(version.values),
            gates: isCandidate ? [] : version.provenance.gates)
        return .send(
            .gateOrder(GateOrder(modelSHA256: id.modelSHA256, hookSHA256: id.hookSHA256, content)), board)
    }

    /// One answer a request: a board asks for the next part when it has this one.
    private func wanted(_ number: UInt64, _ part: Int, _ id: SharingGroup, _ board: BoardID) -> [Action] {
        guard let group = groups[id], group.members[board] != nil,
            let version = group.versions.first(where: { $0.number == number })
                ?? (group.candidate?.version.number == number ? group.candidate?.version : nil)
                ?? (number == 0 ? group.start : nil)
        else { return [] }
        let range = SharingLimits.range(of: part, parameters: version.values.count)
        guard !range.isEmpty else { return [] }
        let content = GateOrder.Content.part(version: number, part: part, values: Array(version.values[range]))
        return [
            .send(.gateOrder(GateOrder(modelSHA256: id.modelSHA256, hookSHA256: id.hookSHA256, content)), board)
        ]
    }

    // MARK: Boards go

    /// The board was revoked: what it sent is not merged any more.
    public mutating func boardRevoked(_ board: BoardID) {
        assemblies.removeAll { $0.board == board }
        for id in groups.keys {
            groups[id]?.members[board] = nil
            groups[id]?.watch.forget(board)
            groups[id]?.opinions[board] = nil
            groups[id]?.updates[board] = nil
            groups[id]?.candidate?.open.remove(board)
            groups[id]?.candidate?.scores[board] = nil
        }
    }

    // MARK: Timers

    public mutating func timerFired(at now: Instant, milliseconds: UInt64) -> [Action] {
        groups.keys.sorted().flatMap { id in
            candidateDue(id, at: now, milliseconds) + trialDue(id, at: now)
                + mergeDue(id, at: now, milliseconds) + announcementsDue(id, at: now)
        }
    }

    private mutating func announcementsDue(_ id: SharingGroup, at now: Instant) -> [Action] {
        guard let group = groups[id] else { return [] }
        return group.members.keys.sorted().flatMap { board in
            guard let sent = group.members[board]?.announced, sent.duration(to: now) >= settings.announce else {
                return [Action]()
            }
            return announce(id, to: board, at: now)
        }
    }

    mutating func announceToAll(_ id: SharingGroup, at now: Instant) -> [Action] {
        (groups[id]?.members.keys.sorted() ?? []).flatMap { announce(id, to: $0, at: now) }
    }
}

extension HookSharingStateMachine.Group {
    /// What all boards began with.
    var start: HookVersion {
        HookVersion(
            number: 0, parent: 0, values: [Float](repeating: 0, count: state.parameterCount),
            provenance: .init(shares: [], validators: [], change: 0, gates: [], atMilliseconds: 0))
    }

    /// The version that the board is to use.
    func target(of board: BoardID) -> UInt64 {
        guard let trial = state.trial, trial.before == 0 || versions.contains(where: { $0.number == trial.before })
        else { return state.current }
        return trial.target(of: board)
    }

    func isDistrusted(_ board: BoardID) -> Bool { state.marks.contains { $0.board == board } }

    var current: HookVersion { versions.first { $0.number == state.current } ?? start }

    /// The current version and what it was made from, newest first.
    var lineage: Set<UInt64> {
        var (numbers, next): (Set<UInt64>, HookVersion?) = ([0, state.current], current)
        while let version = next, version.number > 0 {
            numbers.insert(version.parent)
            next = versions.first { $0.number == version.parent && $0.number < version.number }
        }
        return numbers
    }
}
