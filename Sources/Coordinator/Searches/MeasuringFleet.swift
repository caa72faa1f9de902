import FleetModel
import WireProtocol

/// The boards that searches have measure, as the desk of searches sees them.
struct MeasuringFleet: Sendable {
    /// Those that are connected.
    var boards: @Sendable () async -> [BoardDescription]
    var send: @Sendable (Message, BoardID) async -> Void

    static let empty = MeasuringFleet(boards: { [] }, send: { _, _ in })

    init(
        boards: @escaping @Sendable () async -> [BoardDescription],
        send: @escaping @Sendable (Message, BoardID) async -> Void
    ) {
        self.boards = boards
        self.send = send
    }

    init(_ actor: CoordinatorActor) {
        boards = { await actor.states.filter { $0.status == .connected }.map(\.board) }
        send = { message, board in await actor.send(message, to: board) }
    }
}
