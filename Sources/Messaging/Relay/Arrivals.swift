import FleetModel
import Synchronization
import WireProtocol

/// Where frames go that passed a coordinator's own sockets: to those who decide here, or to the coordinator that leads.
final class Arrivals: Sendable {
    private enum Destination {
        case inbox
        /// A front that has no way to anybody.
        case nobody
        /// `false` when it has no room.
        case leader(@Sendable (RelayMessage) -> DropReason?)
    }

    let inbox: Inbox<Incoming>
    let carriers: Carriers
    private let destination: Mutex<Destination>
    private let counters: SharedCounters

    init(_ inbox: Inbox<Incoming>, carriers: Carriers, counters: SharedCounters, isFront: Bool) {
        self.inbox = inbox
        self.carriers = carriers
        self.counters = counters
        destination = Mutex(isFront ? .nobody : .inbox)
    }

    /// - Parameter relay: gives the reason why it drops a message, or `nil`.
    func carry(by relay: @escaping @Sendable (RelayMessage) -> DropReason?) {
        destination.withLock { $0 = .leader(relay) }
    }

    /// From now on decisions are made here.
    func keep() { destination.withLock { $0 = .inbox } }

    /// - Parameter parts: header and payload, as they came.
    func deliver(_ incoming: Incoming, parts: ArraySlice<[UInt8]>) {
        switch destination.withLock({ $0 }) {
        case .inbox:
            if case .board(let board) = incoming.source { carriers.heardHere(board) }
            inbox.deliver(incoming)
        case .nobody: counters.countDropped(.unreachable)
        case .leader(let relay):
            guard let header = parts.first, let payload = parts.last else { return }
            let frame = Frame(header: header, payload: payload)
            let message: RelayMessage =
                switch incoming.source {
                case .board: .board(key: incoming.publicKey, frame)
                case .stranger(let stranger):
                    .stranger(key: incoming.publicKey, routing: stranger.routing, frame)
                }
            if let reason = relay(message) { counters.countDropped(reason) } else { counters.countDelivery { true } }
        }
    }
}

/// The front that each board spoke through last; boards that speak to this coordinator itself are not in it.
final class Carriers: Sendable {
    private let fronts = Mutex<[BoardID: [UInt8]]>([:])

    func front(of board: BoardID) -> [UInt8]? { fronts.withLock { $0[board] } }
    func heard(_ board: BoardID, over front: [UInt8]) { fronts.withLock { $0[board] = front } }
    func heardHere(_ board: BoardID) { fronts.withLock { if !$0.isEmpty { $0[board] = nil } } }
    func count(of front: [UInt8]) -> Int { fronts.withLock { $0.values.count { $0 == front } } }
    /// Boards of a front that is gone, and boards that may not speak any more.
    func forget(where isGone: (BoardID, [UInt8]) -> Bool) {
        fronts.withLock { $0 = $0.filter { !isGone($0.key, $0.value) } }
    }
}
