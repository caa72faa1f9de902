public import FleetModel

/// One rollout of one policy or artefact. Pure: what people ask, what boards do and the time come in, effects leave in
/// the order in which they must be performed once the rollout has been stored.
///
///     awaitingApproval ──approve──▶ running ──last group passed──▶ adopting ──▶ finished
///            │                       │   ▲
///            │                     pause resume
///            │                       ▼   │
///            │                      paused
///            └──abort──┐ abort, error threshold, gate │
///                      ▼                              ▼
///                  returned ◀──every board is back── returning
///
/// Groups come one after the other: a group starts when the one before has passed. In each, the past of its boards is
/// read, then they are told; once enough of them carry the new version, the group is watched for the soak time, and its
/// gates are judged all the while. A gate that is violated, or too many boards that fail, return every board that was
/// touched. Gates that cannot be judged when the soak and the wait are over pause the rollout: a person decides.
///
/// Deviates from hawkBit in that a board that is away for the whole wait counts neither as success nor as error.
///
/// Decisions are taken in `clockRead` and in what people ask; what boards do is only written down before that. Time is
/// counted between readings of the clock, at most `longestStep` for each, so that neither a jump of the clock nor a
/// stop of the coordinator makes a group look watched. An `order` names what a board was told last in this rollout;
/// what it says about an earlier order changes nothing. Told twice, everything changes nothing the second time.
///
/// Bounded by `FleetLimits.boards`.
public struct Rollout: Equatable, Sendable {
    public enum Status: String, Codable, Sendable, CaseIterable {
        case awaitingApproval, running, paused, adopting, finished, returning, returned

        /// Nothing will come of it any more.
        public var isOver: Bool { self == .finished || self == .returned }
    }

    public enum Effect: Equatable, Sendable {
        /// Read what these boards measured before, then call `pastRead` for each.
        case readPast([BoardID])
        /// Give the board the new version; what becomes of it is told with the order.
        case assign(BoardID, order: UInt64)
        /// Give the board back what it had; likewise.
        case takeBack(BoardID, order: UInt64)
        /// Make the new version everybody's, together with `adopted`.
        case adopt
        /// For people.
        case tell(String)
    }

    /// One group's way.
    public struct Group: Equatable, Codable, Sendable {
        public enum Phase: String, Codable, Sendable, CaseIterable { case waiting, measuring, inFlight, passed }

        public var phase = Phase.waiting
        /// Since it was told.
        public var elapsedMilliseconds: UInt64 = 0
        /// Since enough of its boards had the new version.
        public var soakedMilliseconds: UInt64 = 0
        public var verdict = RolloutVerdict()
        /// A person let it pass.
        public var isAccepted = false

        public init() {}
    }

    /// One board's way.
    public struct Board: Equatable, Codable, Sendable {
        public enum State: String, Codable, Sendable, CaseIterable {
            case waiting, assigned, acknowledged, failed, absent, returning, returned, removed
        }

        /// From 0.
        public var group: Int
        public var state = State.waiting
        /// Why it failed.
        public var reason = ""
        /// What it was told last, 0 before the first time.
        public var order: UInt64 = 0
        /// Under which it carries the new version.
        public var generation: UInt64 = 0
        /// That it was there since it was told, and had not done it.
        public var connectedMilliseconds: UInt64 = 0
        public var isConnected = false
        public var past: RolloutMeasures?
        public var present = RolloutMeasures()
        /// The last record that is in `present`.
        public var counted = TelemetryPosition(incarnation: 0, sequence: 0)
        /// Its agent's latest start that was seen.
        public var lastIncarnation: UInt64 = 0

        public init(group: Int) { self.group = group }

        /// Whether the new version is what it should have.
        public var hasNewVersion: Bool {
            switch state {
            case .assigned, .acknowledged, .failed, .absent: true
            case .waiting, .returning, .returned, .removed: false
            }
        }

        /// Whether what it does about its last order is still awaited.
        public var isOpen: Bool { state == .assigned || state == .absent || state == .returning }
    }

    /// Most that one reading of the clock adds to a group's time.
    public static let longestStep: UInt64 = 5_000
    /// Boards whose past is read at once.
    public static let pastsAtOnce = 16

    public let plan: RolloutPlan
    public let content: RolloutContent
    /// Rollouts in the order of their making.
    public let number: UInt64
    /// The name of the token that it was made with.
    public let createdBy: String
    public let createdAtMilliseconds: UInt64
    public internal(set) var status: Status
    /// Why it waits or was returned.
    public internal(set) var reason = ""
    public internal(set) var groups: [Group]
    public internal(set) var boards: [BoardID: Board]
    var lastOrder: UInt64 = 0
    var returningMilliseconds: UInt64 = 0
    /// Paused because a verdict is a person's.
    var waitsForVerdict = false
    /// When the clock was read last; not kept, so that a stop does not count.
    var clock: UInt64?
    /// Boards that are not as they were stored last.
    public internal(set) var changedBoards: Set<BoardID>
    /// Whether more has changed than time and measures.
    public internal(set) var hasMoved = true

    /// - Parameter groups: boards by group, none empty, no board twice.
    public init(
        plan: RolloutPlan, content: RolloutContent, groups: [[BoardID]], number: UInt64, createdBy: String,
        createdAtMilliseconds: UInt64
    ) {
        self.plan = plan
        self.content = content
        self.number = number
        self.createdBy = createdBy
        self.createdAtMilliseconds = createdAtMilliseconds
        status = plan.needsApproval ? .awaitingApproval : .running
        self.groups = groups.map { _ in Group() }
        var members: [BoardID: Board] = [:]
        for (index, ids) in groups.enumerated() {
            for id in ids {
                precondition(members[id] == nil, "\(id) is in two groups")
                members[id] = Board(group: index)
            }
        }
        precondition(!members.isEmpty && members.count <= FleetLimits.boards, "\(members.count) boards")
        boards = members
        changedBoards = Set(members.keys)
    }

    /// Boards that are to have the new version.
    public var boardsOnNewVersion: Set<BoardID> { Set(boards.filter { $0.value.hasNewVersion }.keys) }

    /// `nil` where it brings something else.
    public var policy: Policy? { if case .policy(let policy, _) = content { policy } else { nil } }
    /// As it was written; empty where it brings something else.
    public var policyText: String { if case .policy(_, let text) = content { text } else { "" } }
    /// `nil` where it brings something else.
    public var artefact: ArtefactVersion? { if case .artefact(let artefact) = content { artefact } else { nil } }

    /// The group in work; `nil` when all have passed.
    public var currentGroup: Int? { groups.firstIndex { $0.phase != .passed } }

    /// In short, for the audit log.
    public var summary: String {
        let group = currentGroup.map { "group \($0 + 1) of \(groups.count)" } ?? "all \(groups.count) groups"
        let text = status.isOver || status == .returning ? status.rawValue : "\(status.rawValue), \(group)"
        return reason.isEmpty ? text : "\(text): \(reason)"
    }

    /// What was to be stored is.
    public mutating func stored() {
        changedBoards = []
        hasMoved = false
    }

    mutating func change(_ id: BoardID, _ body: (inout Board) -> Void) {
        guard var board = boards[id] else { return }
        let before = board
        body(&board)
        guard board != before else { return }
        boards[id] = board
        changedBoards.insert(id)
        if board.state != before.state || board.order != before.order { hasMoved = true }
    }
}

/// Clock and marks are the running process's own.
extension Rollout: Codable {
    private enum CodingKeys: String, CodingKey {
        case plan, policy, policyText, artefact, number, createdBy, createdAtMilliseconds, status, reason, groups,
            boards
        case lastOrder, returningMilliseconds, waitsForVerdict
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        plan = try container.decode(RolloutPlan.self, forKey: .plan)
        if let artefact = try container.decodeIfPresent(ArtefactVersion.self, forKey: .artefact) {
            content = .artefact(artefact)
        } else {
            content = .policy(
                try container.decode(Policy.self, forKey: .policy),
                text: try container.decode(String.self, forKey: .policyText))
        }
        number = try container.decode(UInt64.self, forKey: .number)
        createdBy = try container.decode(String.self, forKey: .createdBy)
        createdAtMilliseconds = try container.decode(UInt64.self, forKey: .createdAtMilliseconds)
        status = try container.decode(Status.self, forKey: .status)
        reason = try container.decode(String.self, forKey: .reason)
        groups = try container.decode([Group].self, forKey: .groups)
        boards = try container.decodeIfPresent([BoardID: Board].self, forKey: .boards) ?? [:]
        lastOrder = try container.decode(UInt64.self, forKey: .lastOrder)
        returningMilliseconds = try container.decode(UInt64.self, forKey: .returningMilliseconds)
        waitsForVerdict = try container.decode(Bool.self, forKey: .waitsForVerdict)
        changedBoards = []
        hasMoved = false
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(plan, forKey: .plan)
        switch content {
        case .policy(let policy, let text):
            try container.encode(policy, forKey: .policy)
            try container.encode(text, forKey: .policyText)
        case .artefact(let artefact): try container.encode(artefact, forKey: .artefact)
        }
        try container.encode(number, forKey: .number)
        try container.encode(createdBy, forKey: .createdBy)
        try container.encode(createdAtMilliseconds, forKey: .createdAtMilliseconds)
        try container.encode(status, forKey: .status)
        try container.encode(reason, forKey: .reason)
        try container.encode(groups, forKey: .groups)
        if !boards.isEmpty { try container.encode(boards, forKey: .boards) }
        try container.encode(lastOrder, forKey: .lastOrder)
        try container.encode(returningMilliseconds, forKey: .returningMilliseconds)
        try container.encode(waitsForVerdict, forKey: .waitsForVerdict)
    }

    /// Without its boards, which a store keeps in rows of their own.
    public var header: Rollout {
        var header = self
        header.boards = [:]
        return header
    }

    /// A header and its boards, as they were stored.
    public init(header: Rollout, boards: [BoardID: Board]) {
        self = header
        self.boards = boards
        stored()
    }
}
