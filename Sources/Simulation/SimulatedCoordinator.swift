import CoordinatorCore
import FleetModel
import WireProtocol

/// The coordinator's shell around its machine, with a disk that survives its restarts.
struct SimulatedCoordinator {
    typealias Machine = FleetStateMachine<VirtualInstant>

    private(set) var machine: Machine
    /// On disk, as is everything below.
    private(set) var boards: [BoardID: EnrolledBoard] = [:]
    private(set) var telemetry: [BoardID: Set<TelemetryPosition>] = [:]
    private(set) var policies: [Policy] = []
    /// Messages that were spoken of something that is not on the disk.
    private(set) var unbacked: [String] = []
    /// Nothing can be stored while it is.
    var isDiskFull = false

    init(boards: [BoardDescription], at now: VirtualInstant) {
        for board in boards { self.boards[board.id] = EnrolledBoard(board: board, publicKey: "key of \(board.id)") }
        machine = Machine(settings: .init(), boards: Array(self.boards.values), policies: [], at: now)
    }

    mutating func restart(at now: VirtualInstant) {
        machine = Machine(settings: .init(), boards: Array(boards.values), policies: policies, at: now)
    }

    mutating func received(_ message: Message, from board: BoardID, at now: VirtualInstant) -> [(BoardID, Message)] {
        perform(machine.messageReceived(message, from: board, at: now), at: now)
    }

    mutating func timerFired(at now: VirtualInstant) -> [(BoardID, Message)] {
        perform(machine.timerFired(at: now), at: now)
    }

    mutating func apply(_ policy: Policy, at now: VirtualInstant) -> [(BoardID, Message)] {
        guard !isDiskFull else { return [] }
        policies = policies.filter { $0.name != policy.name } + [policy]
        return perform(machine.policiesChanged(policies, at: now), at: now)
    }

    private mutating func perform(_ actions: [Machine.Action], at now: VirtualInstant) -> [(BoardID, Message)] {
        var messages: [(BoardID, Message)] = []
        var unsaved: Set<BoardID> = []
        for action in actions {
            switch action {
            case .saveBoard(let id):
                guard !isDiskFull, let state = machine.state(of: id) else {
                    unsaved.insert(id)
                    continue
                }
                boards[id]?.board = state.board
                boards[id]?.incarnation = state.incarnation
                boards[id]?.hasLeft = machine.hasLeft(id)
                machine.boardPersisted(id)
            case .saveAssignment(let assignment, let id):
                guard !isDiskFull else { continue }
                boards[id]?.assignment = assignment
                messages += perform(
                    machine.assignmentPersisted(id, generation: assignment.generation, at: now), at: now)
            case .persistTelemetry(let records, let id):
                guard !isDiskFull else { continue }
                telemetry[id, default: []].formUnion(records.map(\.position))
                for incarnation in Set(records.map(\.incarnation)).sorted() {
                    messages += perform(
                        machine.telemetryPersisted(
                            id, incarnation: incarnation, through: contiguous(id, incarnation: incarnation)), at: now)
                }
            case .send(let message, let id):
                guard !unsaved.contains(id) else { continue }
                check(message, to: id)
                messages.append((id, message))
            case .record, .saveQuarantine: break
            }
        }
        return messages
    }

    /// The highest sequence up to which everything is on the disk.
    func contiguous(_ board: BoardID, incarnation: UInt64) -> UInt64 {
        let stored = telemetry[board] ?? []
        var sequence: UInt64 = 0
        while stored.contains(TelemetryPosition(incarnation: incarnation, sequence: sequence + 1)) { sequence += 1 }
        return sequence
    }

    private mutating func check(_ message: Message, to id: BoardID) {
        switch message {
        case .assign(let assignment) where boards[id]?.assignment != assignment:
            unbacked.append("\(id) was sent generation \(assignment.generation), which is not stored")
        case .telemetryAcknowledged(let incarnation, let sequence)
        where contiguous(id, incarnation: incarnation) < sequence:
            unbacked.append("\(id) was acknowledged \(incarnation)/\(sequence), which is not stored")
        default: break
        }
    }
}
