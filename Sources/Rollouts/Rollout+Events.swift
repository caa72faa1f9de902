public import FleetModel

/// Why a person's wish cannot be met, in one sentence.
public struct RolloutRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String
    /// What was named does not exist.
    public let isUnknown: Bool

    public init(_ description: String, isUnknown: Bool = false) {
        (self.description, self.isUnknown) = (description, isUnknown)
    }
}

extension Rollout {
    // MARK: People

    public mutating func approved() throws(RolloutRefusal) -> [Effect] {
        guard status == .awaitingApproval else { throw refusal("approved") }
        return move(to: .running, "")
    }

    public mutating func paused(_ why: String) throws(RolloutRefusal) -> [Effect] {
        guard status == .running else { throw refusal("paused") }
        return pause(why, forVerdict: false)
    }

    /// Goes on; a group that waits for a verdict passes by that.
    public mutating func resumed() throws(RolloutRefusal) -> [Effect] {
        guard status == .paused else { throw refusal("resumed") }
        if waitsForVerdict, let group = currentGroup { groups[group].isAccepted = true }
        waitsForVerdict = false
        return move(to: .running, "")
    }

    public mutating func aborted(_ why: String) throws(RolloutRefusal) -> [Effect] {
        guard [.awaitingApproval, .running, .paused].contains(status) else { throw refusal("aborted") }
        return takeBack(why)
    }

    private func refusal(_ wish: String) -> RolloutRefusal {
        RolloutRefusal("rollout \(plan.name) is \(status.rawValue) and cannot be \(wish)")
    }

    /// The new version is everybody's; to be stored together with that.
    public mutating func adopted() {
        guard status == .adopting else { return }
        status = .finished
        hasMoved = true
    }

    // MARK: Boards

    public mutating func pastRead(_ measures: RolloutMeasures, of id: BoardID) {
        change(id) { board in
            if board.past == nil, board.order == 0 { board.past = measures }
        }
    }

    /// How the board is now; of each that is touched, before each reading of the clock.
    public mutating func boardSeen(_ id: BoardID, isConnected: Bool, incarnation: UInt64) {
        change(id) { board in
            board.isConnected = isConnected
            guard incarnation > board.lastIncarnation else { return }
            if board.state == .acknowledged || board.state == .assigned, board.lastIncarnation > 0 {
                board.present.restarts += incarnation - board.lastIncarnation
            }
            board.lastIncarnation = incarnation
        }
    }

    /// The board carries out its last order, since that generation.
    /// - Parameter position: of the last record from before; `nil` where generations tell records apart.
    public mutating func boardAcknowledged(
        _ id: BoardID, order: UInt64, generation: UInt64, after position: TelemetryPosition? = nil
    ) {
        change(id) { board in
            guard board.order == order else { return }
            switch board.state {
            case .assigned, .absent:
                board.state = .acknowledged
                board.generation = generation
                if let position { board.counted = max(board.counted, position) }
            case .returning: board.state = .returned
            case .waiting, .acknowledged, .failed, .returned, .removed: break
            }
        }
    }

    /// The board cannot carry out its last order.
    public mutating func boardFailed(_ id: BoardID, order: UInt64, reason: String) {
        change(id) { board in
            guard board.order == order, board.hasNewVersion, board.state != .failed else { return }
            board.state = .failed
            board.reason = reason
        }
    }

    /// The board is no longer of the fleet.
    public mutating func boardRemoved(_ id: BoardID) {
        change(id) { $0.state = .removed }
    }

    /// - Parameter description: of the board, as it describes itself.
    public mutating func telemetryReceived(_ record: TelemetryRecord, from description: BoardDescription) {
        guard status == .running || status == .paused, let known = boards[description.id],
            known.state == .acknowledged, record.generation >= known.generation, record.position > known.counted,
            groups[known.group].phase == .inFlight
        else { return }
        change(description.id) { board in
            board.counted = record.position
            board.present.add(record, of: description)
        }
    }

    // MARK: Time

    /// It is so late; decides what is due. Call it about once a second.
    public mutating func clockRead(milliseconds now: UInt64) -> [Effect] {
        let step = clock.map { now > $0 ? min(now - $0, Self.longestStep) : 0 } ?? 0
        clock = now
        switch status {
        case .awaitingApproval, .paused, .finished, .returned: return []
        case .running: return advance(by: step, at: now)
        case .adopting: return [.adopt]
        case .returning: return finishReturn(by: step)
        }
    }

    private mutating func advance(by step: UInt64, at now: UInt64) -> [Effect] {
        guard let group = currentGroup else {
            return move(to: .adopting, "") + [.adopt]
        }
        let members = boards.filter { $0.value.group == group && $0.value.state != .removed }
        guard !members.isEmpty else {
            groups[group].phase = .passed
            hasMoved = true
            return [.tell("group \(group + 1) has no boards any more")]
        }
        switch groups[group].phase {
        case .waiting, .measuring: return start(group, members, at: now)
        case .inFlight: return watch(group, members, by: step)
        case .passed: return []
        }
    }

    private mutating func start(_ group: Int, _ members: [BoardID: Board], at now: UInt64) -> [Effect] {
        guard plan.isOpen(atMilliseconds: now) else { return [] }
        if groups[group].phase == .waiting {
            groups[group].phase = .measuring
            hasMoved = true
        }
        let unread = plan.gates.isEmpty ? [] : members.filter { $0.value.past == nil }.keys.sorted()
        guard unread.isEmpty else { return [.readPast(Array(unread.prefix(Self.pastsAtOnce)))] }
        groups[group].phase = .inFlight
        hasMoved = true
        let told = members.keys.sorted().map { id -> Effect in
            let order = nextOrder()
            change(id) { board in
                board.state = .assigned
                board.order = order
            }
            return Effect.assign(id, order: order)
        }
        return [.tell("group \(group + 1) of \(groups.count) starts with \(told.count) boards")] + told
    }

    private mutating func watch(_ group: Int, _ members: [BoardID: Board], by step: UInt64) -> [Effect] {
        groups[group].elapsedMilliseconds += step
        age(members, by: step, in: group)
        let states = boards.values.lazy.filter { $0.group == group }.map(\.state)
        let acknowledged = states.count { $0 == .acknowledged }
        let (failed, absent) = (states.count { $0 == .failed }, states.count { $0 == .absent })
        if failed > 0, Double(failed) >= plan.errorThreshold * Double(members.count) {
            return takeBack("\(failed) of \(members.count) boards of group \(group + 1) failed\(firstFailure(group))")
        }
        let verdict = verdict(of: group)
        groups[group].verdict = verdict
        if !verdict.violations.isEmpty, !groups[group].isAccepted {
            let broken = verdict.violations.map(\.description).joined(separator: "; ")
            return takeBack("group \(group + 1) is worse than before: \(broken)")
        }
        let isSuccess =
            acknowledged > 0 && Double(acknowledged) >= plan.successThreshold * Double(members.count - absent)
        if isSuccess || groups[group].isAccepted { return soak(group, by: step, verdict) }
        guard acknowledged + failed + absent == members.count else { return [] }
        return pause(
            "group \(group + 1) cannot reach its success threshold: \(acknowledged) of \(members.count) boards did it, "
                + "\(failed) failed, \(absent) are away", forVerdict: true)
    }

    private mutating func soak(_ group: Int, by step: UInt64, _ verdict: RolloutVerdict) -> [Effect] {
        groups[group].soakedMilliseconds += step
        let soak = UInt64(max(0, plan.soakSeconds)) * 1_000
        guard groups[group].soakedMilliseconds >= soak || groups[group].isAccepted else { return [] }
        if !verdict.missing.isEmpty, !groups[group].isAccepted {
            guard groups[group].soakedMilliseconds >= soak + wait else { return [] }
            let missing = verdict.missing.joined(separator: "; ")
            return pause("group \(group + 1) cannot be judged: \(missing)", forVerdict: true)
        }
        groups[group].phase = .passed
        hasMoved = true
        return [.tell("group \(group + 1) of \(groups.count) has passed")]
    }

    private var wait: UInt64 { UInt64(max(0, plan.waitSeconds)) * 1_000 }

    /// Boards that were told and have not done it: those that were there for the whole wait have failed, those that
    /// are not there when it is over are absent.
    private mutating func age(_ members: [BoardID: Board], by step: UInt64, in group: Int) {
        let (wait, seconds) = (wait, plan.waitSeconds)
        let isLate = groups[group].elapsedMilliseconds >= wait
        for (id, board) in members where board.state == .assigned {
            change(id) { board in
                if board.isConnected { board.connectedMilliseconds += step }
                if board.connectedMilliseconds >= wait, board.isConnected {
                    board.state = .failed
                    board.reason = "did not carry it out within \(seconds) s"
                } else if isLate, !board.isConnected {
                    board.state = .absent
                }
            }
        }
    }

    private func firstFailure(_ group: Int) -> String {
        let failed = boards.filter { $0.value.group == group && $0.value.state == .failed }
        return failed.min { $0.key < $1.key }.map { ": \($0.key): \($0.value.reason)" } ?? ""
    }

    private func verdict(of group: Int) -> RolloutVerdict {
        plan.gates.verdict(
            of: boards.values.filter { $0.group == group && $0.state == .acknowledged }.map {
                ($0.past ?? RolloutMeasures(), $0.present)
            })
    }

    private mutating func finishReturn(by step: UInt64) -> [Effect] {
        returningMilliseconds += step
        let open = boards.values.filter { $0.state == .returning }
        guard open.isEmpty || (returningMilliseconds >= wait && open.allSatisfy { !$0.isConnected }) else { return [] }
        status = .returned
        hasMoved = true
        return [.tell(open.isEmpty ? "every board is back" : "\(open.count) boards are away and return when they come")]
    }

    // MARK: Moves

    private mutating func nextOrder() -> UInt64 {
        lastOrder += 1
        return lastOrder
    }

    private mutating func move(to next: Status, _ why: String) -> [Effect] {
        (status, reason) = (next, why)
        hasMoved = true
        return [.tell(summary)]
    }

    private mutating func pause(_ why: String, forVerdict: Bool) -> [Effect] {
        waitsForVerdict = forVerdict
        return move(to: .paused, why)
    }

    /// Returns every board that was touched.
    private mutating func takeBack(_ why: String) -> [Effect] {
        let touched = boards.filter { $0.value.hasNewVersion }.keys.sorted()
        let told = move(to: touched.isEmpty ? .returned : .returning, why)
        return told
            + touched.map { id -> Effect in
                let order = nextOrder()
                change(id) { board in
                    board.state = .returning
                    board.order = order
                }
                return .takeBack(id, order: order)
            }
    }
}
