import AuditLog
import CoordinatorCore
import FleetModel
import FleetStore
import Logging
import Messaging
import WireProtocol

/// Boards that change their CURVE keys: decisions made durable, then carried out.
extension CoordinatorActor {
    typealias KeyMachine = KeyRotationStateMachine<ContinuousClock.Instant>

    /// Rotations by age that go on at once: each takes a handshake, and nobody waits for them.
    private static let agedAtOnce = 8
    private static let ageInterval: Duration = .seconds(10)

    static func keyMachines(of records: [BoardRecord]) -> [BoardID: KeyMachine] {
        Dictionary(
            uniqueKeysWithValues: records.compactMap { record in
                record.keyRotation.map { (record.id, KeyMachine(key: record.publicKey, rotation: $0)) }
            })
    }

    static func keyAges(of records: [BoardRecord]) -> [BoardID: UInt64] {
        Dictionary(
            uniqueKeysWithValues: records.map { ($0.id, $0.keySinceMilliseconds ?? $0.enrolledAtMilliseconds) })
    }

    // MARK: People and time

    /// - Parameter seconds: how long both keys may speak.
    /// - Returns: the boards that are meant, and those of them whose change is stored; of a dry run, all of them.
    func changeKeys(
        ofBoards isMeant: @Sendable (BoardDescription) -> Bool, seconds: Int, dryRun: Bool, by actor: String
    ) async -> (meant: [BoardID], begun: [BoardID]) {
        await inTurn {
            let boards = self.machine.states.map(\.board).filter(isMeant).map(\.id)
            guard !dryRun else { return (boards, boards) }
            var begun: [BoardID] = []
            for board in boards {
                if await self.beginKeyRotation(of: board, seconds: seconds, by: actor) { begun.append(board) }
            }
            return (boards, begun)
        }
    }

    private func beginKeyRotation(of id: BoardID, seconds: Int, by actor: String) async -> Bool {
        guard let key = try? await store.board(id)?.publicKey else { return false }
        var machine = keyMachines[id] ?? KeyMachine(key: key, rotation: nil)
        let now = Self.wallClock()
        // The clock in milliseconds: no rotation of this board had it, for one goes on at a time.
        let actions = machine.wanted(
            number: max(1, now), untilMilliseconds: now + UInt64(seconds) * 1_000, at: .now)
        let audit = AuditDraft(
            actor: actor, action: .keyRotationBegun, target: "board \(id)", before: "key \(key)",
            after: "a new key within \(seconds) s", atMilliseconds: now)
        return await perform(actions, of: id, deciding: machine, audit: audit)
    }

    func keyTimerFired() async {
        let clock = Self.wallClock()
        for (id, known) in keyMachines {
            var machine = known
            let isConnected = self.machine.state(of: id)?.status == .connected
            let actions = machine.timerFired(atMilliseconds: clock, isConnected: isConnected, at: .now)
            if !actions.isEmpty { await perform(actions, of: id, deciding: machine) }
        }
        await changeOldKeys(at: clock)
    }

    private func changeOldKeys(at clock: UInt64) async {
        guard let limit = longestKeyAge else { return }
        if let last = keyAgesRead, last.duration(to: .now) < Self.ageInterval { return }
        keyAgesRead = .now
        let free = Self.agedAtOnce - keyMachines.count
        guard free > 0 else { return }
        let milliseconds = UInt64(limit.components.seconds) * 1_000
        let old = keyAges.filter { id, since in
            clock >= since && clock - since >= milliseconds && keyMachines[id] == nil
                && machine.state(of: id)?.status == .connected
        }
        for (id, _) in old.sorted(by: { ($0.value, $0.key) < ($1.value, $1.key) }).prefix(free) {
            _ = await beginKeyRotation(of: id, seconds: BoardKeyRotation.usualSeconds, by: Self.rolloutActor)
        }
    }

    // MARK: Boards

    /// - Returns: whether the hello may be answered: not while what it means could not be made durable.
    func keyGreeted(_ id: BoardID, with key: PublicKey) async -> Bool {
        guard var machine = keyMachines[id] else { return true }
        return await perform(machine.boardGreeted(with: key.z85, at: .now), of: id, deciding: machine)
    }

    func keyTold(_ report: KeyReport, by id: BoardID) async {
        guard var machine = keyMachines[id], let key = PublicKey(z85: report.key) else { return }
        let owner = transport.allowList.board(of: key)
        let actions = machine.told(report, isTaken: owner != nil && owner != id, at: .now)
        await perform(actions, of: id, deciding: machine)
    }

    /// The board is no longer of the fleet, or is of it anew.
    func forgetKeys(of id: BoardID) {
        (keyMachines[id], keyAges[id]) = (nil, nil)
    }

    // MARK: Effects

    /// - Returns: `false` where it could not be made durable, so that nothing has happened.
    @discardableResult
    private func perform(
        _ actions: [KeyMachine.Action], of id: BoardID, deciding next: KeyMachine, audit: AuditDraft? = nil
    ) async -> Bool {
        for action in actions {
            switch action {
            case .save(let key, let rotation):
                guard await save(key, rotation, of: id, audit: audit) else { return false }
            case .allow(let key):
                guard let key = PublicKey(z85: key) else { continue }
                if !transport.allowList.allowNext(key, as: id) {
                    logger.error("no room for the next key", metadata: ["board": "\(id)"])
                }
            case .forbid(let key): if let key = PublicKey(z85: key) { transport.allowList.revoke(key) }
            case .send(let order): send(.keyOrder(order), to: id)
            case .record(let kind, let text): await record(kind, id, text)
            }
        }
        keyMachines[id] = next.rotation == nil ? nil : next
        return true
    }

    private func save(_ key: String, _ rotation: BoardKeyRotation?, of id: BoardID, audit: AuditDraft?) async -> Bool {
        let now = Self.wallClock()
        let since = await storing("key") { () -> UInt64 in
            guard var record = try await self.store.board(id), record.revokedAtMilliseconds == nil else {
                throw FleetStoreFailure.unknownBoard(id)
            }
            var draft = audit
            if record.publicKey != key {
                draft = AuditDraft(
                    actor: Self.rolloutActor, action: .keyRotated, target: "board \(id)",
                    before: "key \(record.publicKey)", after: "key \(key)", atMilliseconds: now)
                (record.publicKey, record.keySinceMilliseconds) = (key, now)
            }
            record.keyRotation = rotation
            try await self.store.saveBoard(record, audit: draft)
            return record.keySinceMilliseconds ?? record.enrolledAtMilliseconds
        }
        guard let since else { return false }
        keyAges[id] = since
        return true
    }
}
