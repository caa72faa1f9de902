import AuditLog
import CoordinatorCore
import Crypto
import FleetModel
import FleetStore
import Logging
import Messaging
import WireProtocol

/// Boards that come: what their hellos and enrolments change waits a few milliseconds to become durable together, so
/// that ten thousand boards that come back cost dozens of transactions and not thousands. None is answered before.
///
/// A board or key waits once. What it says next, and whatever else is decided about the fleet, comes after what waits.
struct GatheredArrivals {
    /// More do not wait.
    static let most = 256

    /// - `following`: what the hello also brings about, once the board is stored.
    typealias Greeting = (board: BoardID, following: [CoordinatorActor.Machine.Action])
    typealias Enrolment = (board: BoardDescription, tokenHash: [UInt8], stranger: Stranger)

    private(set) var greetings: [Greeting] = []
    private(set) var enrolments: [Enrolment] = []
    private var boards: Set<BoardID> = []
    private var keys: Set<PublicKey> = []

    var isEmpty: Bool { greetings.isEmpty && enrolments.isEmpty }
    var isFull: Bool { greetings.count + enrolments.count >= Self.most }

    func contains(_ board: BoardID) -> Bool { boards.contains(board) }
    func contains(_ key: PublicKey) -> Bool { keys.contains(key) }

    mutating func add(_ greeting: Greeting) {
        boards.insert(greeting.board)
        greetings.append(greeting)
    }

    mutating func add(_ enrolment: Enrolment) {
        boards.insert(enrolment.board.id)
        keys.insert(enrolment.stranger.publicKey)
        enrolments.append(enrolment)
    }

    mutating func taken() -> GatheredArrivals {
        defer { self = GatheredArrivals() }
        return self
    }
}

extension CoordinatorActor {
    /// Refused enrolments are told as one event in this time: anybody may ask, and must not crowd out what matters.
    private static let refusalInterval: Duration = .seconds(10)

    func gather(_ greeting: GatheredArrivals.Greeting) async {
        arrivals.add(greeting)
        if !awaitsCompany(arrivals.isFull) { await storeArrivals() }
    }

    func storeArrivals() async {
        guard !arrivals.isEmpty else { return }
        let taken = arrivals.taken()
        await store(taken.enrolments)
        await store(taken.greetings)
    }

    /// What is not durable is not spoken of; the board asks again.
    private func store(_ greetings: [GatheredArrivals.Greeting]) async {
        guard !greetings.isEmpty else { return }
        let now = Self.wallClock()
        let rows = greetings.compactMap { greeting in
            machine.state(of: greeting.board).map {
                BoardGreeting(
                    description: $0.board, incarnation: $0.incarnation, reportedGeneration: $0.reportedGeneration,
                    lastSeenMilliseconds: now, hasLeft: machine.hasLeft(greeting.board))
            }
        }
        let saved = await storingTogether("board", rows) { rows in
            try await self.store.saveGreetings(rows)
            return rows.map(\.id)
        }
        let stored = Set(saved.compactMap(\.self))
        for board in stored { machine.boardPersisted(board) }
        await perform(
            greetings.flatMap { greeting in
                if stored.contains(greeting.board) { return greeting.following }
                return greeting.following.filter { if case .record = $0 { true } else { false } }
            })
    }

    // MARK: Enrolment

    func enrol(_ told: BoardDescription, token: String, _ stranger: Stranger) async {
        if arrivals.contains(told.id) || arrivals.contains(stranger.publicKey) { await storeArrivals() }
        let board = machine.storable(told)
        if machine.state(of: board.id) != nil {
            // Of this key: the answer to an earlier enrolment was lost, and the token is not used again.
            let isKnown = transport.allowList.board(of: stranger.publicKey) == board.id
            return await answer(
                isKnown
                    ? .enrolled(board: board.id)
                    : .refused(reason: "The name \(board.id) is taken by a board with another key."),
                board.id, stranger)
        }
        arrivals.add((board, Array(SHA256.hash(data: Array(token.utf8))), stranger))
        if !awaitsCompany(arrivals.isFull) { await storeArrivals() }
    }

    private func store(_ enrolments: [GatheredArrivals.Enrolment]) async {
        guard !enrolments.isEmpty else { return }
        for enrolment in enrolments.dropFirst(machine.room) {
            let reason = "The fleet has \(FleetLimits.boards) boards already."
            await answer(.refused(reason: reason), enrolment.board.id, enrolment.stranger)
        }
        let admitted = Array(enrolments.prefix(machine.room))
        let now = Self.wallClock()
        let requests = admitted.map { enrolment in
            EnrolmentRequest(
                board: BoardRecord(
                    description: enrolment.board, publicKey: enrolment.stranger.publicKey.z85,
                    enrolledAtMilliseconds: now, lastSeenMilliseconds: now), tokenHash: enrolment.tokenHash,
                audit: Self.audit(of: enrolment, atMilliseconds: now))
        }
        // A name that was revoked and enrols again goes on counting generations where it was.
        let known = await storing("enrolment") {
            try await self.store.assignments(of: requests.map(\.board.id))
        }
        let outcomes =
            known == nil
            ? requests.map { _ in nil }
            : await storingTogether("enrolment", requests) { try await self.store.enrol($0, atMilliseconds: now) }
        for (enrolment, outcome) in zip(admitted, outcomes) {
            let message = await enrolled(enrolment, outcome, known?[enrolment.board.id])
            await answer(message, enrolment.board.id, enrolment.stranger)
        }
    }

    private static func audit(of enrolment: GatheredArrivals.Enrolment, atMilliseconds now: UInt64) -> AuditDraft {
        let board = enrolment.board
        let labels = board.labels.isEmpty ? "no labels" : "labels \(board.labels.labelText)"
        return AuditDraft(
            actor: EnrolmentToken.name(ofHash: enrolment.tokenHash), action: .boardEnrolled,
            target: "board \(board.id)",
            after: "key \(enrolment.stranger.publicKey.z85), class \(board.boardClass), \(labels)",
            atMilliseconds: now)
    }

    /// - Parameter outcome: as the store said; `nil` where it could not.
    private func enrolled(
        _ enrolment: GatheredArrivals.Enrolment, _ outcome: EnrolmentOutcome?, _ assignment: Assignment?
    ) async -> Message {
        let (board, key) = (enrolment.board, enrolment.stranger.publicKey)
        switch outcome {
        case .enrolled: break
        case .tokenRefused: return .refused(reason: "The token is unknown, expired or used up.")
        case .labelsMissing(let labels): return .refused(reason: Self.refusal(of: labels))
        case nil: return .refused(reason: "The coordinator cannot store the enrolment now; try again.")
        }
        guard transport.allowList.allow(key, as: board.id) else {
            return .refused(reason: "The allow-list is full.")
        }
        let now = Self.wallClock()
        heardMilliseconds[board.id] = now
        forgetKeys(of: board.id)
        keyAges[board.id] = now
        await perform(
            machine.boardEnrolled(
                EnrolledBoard(
                    board: board, publicKey: key.z85,
                    assignment: assignment ?? Assignment(generation: 0, models: [])), at: .now))
        return .enrolled(board: board.id)
    }

    /// Within what a refusal may hold: labels that would make it too long are counted.
    private static func refusal(of labels: [String: String]) -> String {
        var (named, others): ([String], Int) = ([], 0)
        for (key, value) in labels.sorted(by: { $0.key < $1.key }) {
            let text = "\(key)=\(value)"
            let bytes = named.reduce(text.utf8.count) { $0 + $1.utf8.count + 2 }
            if bytes <= FleetLimits.textBytes - reasonBytes { named.append(text) } else { others += 1 }
        }
        if others > 0 { named.append("\(others) more") }
        return "The token is for boards with other labels; this one does not carry \(named.joined(separator: ", "))."
    }

    /// Of a refusal for missing labels, without the labels.
    private static let reasonBytes = 100

    private func answer(_ message: Message, _ board: BoardID, _ stranger: Stranger) async {
        if case .refused(let reason) = message { await enrolmentRefused(reason, as: board) }
        do { try transport.reply(message, to: stranger) } catch {
            logger.warning("enrolment not answered", metadata: ["board": "\(board)", "error": "\(error)"])
        }
    }

    /// Not under the board's name, which a stranger only claims.
    private func enrolmentRefused(_ reason: String, as name: BoardID) async {
        refusals.count += 1
        if let told = refusals.told, told.duration(to: .now) < Self.refusalInterval { return }
        let others = refusals.count > 1 ? " and \(refusals.count - 1) others before it" : ""
        refusals = (0, .now)
        await record(.enrolmentRefused, nil, "a board that calls itself \(name)\(others): \(reason)")
    }

    // MARK: Together

    /// Stores rows in one transaction. Where the store refuses it for the sake of one of them, each has its own: what
    /// one board sends must not keep the others' from the store.
    /// - Returns: of each row what `body` did; `nil` where it is not on the disk.
    func storingTogether<Row: Sendable, Value: Sendable>(
        _ what: String, _ rows: [Row], _ body: ([Row]) async throws -> [Value]
    ) async -> [Value?] {
        let together = await storing(what) { () async throws -> [Value]? in
            do { return try await body(rows) } catch let failure as FleetStoreFailure
                where rows.count > 1 && failure.concernsOneRow
            { return nil }
        }
        guard let together else { return rows.map { _ in nil } }
        if let together { return together }
        var values: [Value?] = []
        for row in rows { values.append(await storing(what, attempts: 1) { try await body([row]) }?.first) }
        return values
    }
}

extension FleetStoreFailure {
    /// Whether a transaction without the row would have been carried out.
    fileprivate var concernsOneRow: Bool {
        switch self {
        case .unknownBoard, .outOfRange, .keyInUse, .limitReached, .staleGeneration: true
        default: false
        }
    }
}
