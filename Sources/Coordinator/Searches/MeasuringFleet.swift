import FleetModel
import WireProtocol

/// The boards that searches have measure, as the desk of searches sees them.
struct MeasuringFleet: Sendable {
    /// Those that are connected, and not to be left alone.
    var boards: @Sendable () async -> [BoardDescription]
    /// Those from which nothing is learned.
    var quarantined: @Sendable () async -> Set<BoardID> = { [] }
    var send: @Sendable (Message, BoardID) async -> Void
    /// The board measured what it cannot have measured.
    var doubt: @Sendable (BoardID, String) async -> Void = { _, _ in }
    /// Keeps a sentence as an event of the fleet.
    var note: @Sendable (FleetEvent.Kind, BoardID?, String) async -> Void = { _, _, _ in }

    static let empty = MeasuringFleet(boards: { [] }, send: { _, _ in })

    init(
        boards: @escaping @Sendable () async -> [BoardDescription],
        send: @escaping @Sendable (Message, BoardID) async -> Void
    ) {
        self.boards = boards
        self.send = send
    }

    init(_ actor: CoordinatorActor) {
        boards = { await actor.states.filter { $0.status == .connected && !$0.isDrained }.map(\.board) }
        quarantined = { await actor.quarantined }
        doubt = { board, reason in await actor.impossible(reason, of: board) }
        send = { message, board in await actor.send(message, to: board) }
        note = { kind, board, text in await actor.record(kind, board, text) }
    }
}
