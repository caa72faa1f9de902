import AgentCore
import CoordinatorCore
public import FleetModel
import SearchSpace
import WireProtocol

/// A coordinator and its boards on virtual time, over a lossy network, with disks that survive restarts.
///
/// The same seed gives the same run. Every instant lasts `tick`: messages arrive, timers fire, and once a second each
/// board makes a telemetry record. `violations` checks what must hold at every instant, `unsettled` what must hold
/// once faults have ceased for a while.
public struct FleetSimulation {
    public static let tick: Duration = .milliseconds(50)

    public private(set) var now = VirtualInstant()
    private var network: LossyNetwork
    private var coordinator: SimulatedCoordinator
    private var boards: [SimulatedBoard]
    private var generator: SeededGenerator
    private var ticks = 0

    /// - Precondition: no two boards have one name.
    public init(boards: [BoardDescription], faults: LossyNetwork.Faults, seed: UInt64) {
        precondition(Set(boards.map(\.id)).count == boards.count, "every board has its own name")
        network = LossyNetwork(faults: faults)
        generator = SeededGenerator(seed: seed)
        coordinator = SimulatedCoordinator(boards: boards, at: now)
        self.boards = boards.map { SimulatedBoard($0, at: VirtualInstant()) }
    }

    public var faults: LossyNetwork.Faults {
        get { network.faults }
        set { network.faults = newValue }
    }

    public mutating func apply(_ policy: Policy) { post(coordinator.apply(policy, at: now)) }
    public mutating func restartCoordinator() { coordinator.restart(at: now) }
    /// - Precondition: there is such a board.
    public mutating func restartBoard(at index: Int) { boards[index].start(at: now) }

    public mutating func setCoordinatorDisk(full: Bool) { coordinator.isDiskFull = full }
    /// - Precondition: there is such a board.
    public mutating func setBoardDisk(full: Bool, at index: Int) { boards[index].isDiskFull = full }

    public mutating func run(for duration: Duration) {
        let end = now.advanced(by: duration)
        while now < end { step() }
    }

    private mutating func step() {
        now = now.advanced(by: Self.tick)
        ticks += 1
        for parcel in network.deliver(at: now) {
            switch parcel.direction {
            case .toCoordinator: post(coordinator.received(parcel.message, from: parcel.board, at: now))
            case .toBoard:
                guard let index = boards.firstIndex(where: { $0.description.id == parcel.board }) else { continue }
                let messages = boards[index].received(parcel.message, at: now)
                for message in messages { send(message, .toCoordinator, parcel.board) }
            }
        }
        post(coordinator.timerFired(at: now))
        for index in boards.indices {
            if ticks.isMultiple(of: 20) { boards[index].measured() }
            let messages = boards[index].timerFired(at: now, using: &generator)
            for message in messages { send(message, .toCoordinator, boards[index].description.id) }
        }
    }

    private mutating func post(_ messages: [(BoardID, Message)]) {
        for (board, message) in messages { send(message, .toBoard, board) }
    }

    private mutating func send(_ message: Message, _ direction: LossyNetwork.Direction, _ board: BoardID) {
        network.send(message, direction, board, at: now, using: &generator)
    }

    // MARK: Checkers

    /// What was broken so far of the laws that hold at every instant; empty when none was.
    public var violations: [String] {
        var violations = coordinator.unbacked
        for board in boards {
            let id = board.description.id
            if zip(board.applied, board.applied.dropFirst()).contains(where: { $0 >= $1 }) {
                violations.append("\(id) applied generations \(board.applied)")
            }
            let acknowledged = board.spool.acknowledged
            if coordinator.contiguous(id, incarnation: board.incarnation) < acknowledged {
                violations.append("\(id) forgot records up to \(acknowledged), which are not stored")
            }
            if board.droppedRecords > 0 { violations.append("\(id) dropped \(board.droppedRecords) records") }
        }
        return violations
    }

    /// What has not yet settled; empty once every board carries out what is desired and its telemetry is stored, but
    /// for the latest records that are still on their way.
    public var unsettled: [String] {
        boards.flatMap { board -> [String] in
            let id = board.description.id
            guard let state = coordinator.machine.state(of: id) else { return ["\(id) is unknown"] }
            var reasons: [String] = []
            if state.status != .connected { reasons.append("\(id) is \(state.status)") }
            if !state.isConverged {
                reasons.append("\(id) reports \(state.reportedGeneration), desired is \(state.desired.generation)")
            }
            if board.assignment != state.desired { reasons.append("\(id) carries out something else") }
            if state.incarnation != board.incarnation { reasons.append("\(id) has another incarnation") }
            let stored = coordinator.contiguous(id, incarnation: board.incarnation)
            if stored + 2 < board.recorded { reasons.append("\(id) has \(stored) of \(board.recorded) records stored") }
            if board.spool.count > 2 { reasons.append("\(id) keeps \(board.spool.count) records") }
            return reasons
        }
    }

    /// In the order of names.
    public var states: [BoardState] { coordinator.machine.states }
}
