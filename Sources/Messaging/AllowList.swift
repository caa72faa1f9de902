public import FleetModel
import Synchronization

/// The keys that may speak at the fleet endpoint, and the board each one is. Shared by whoever enrols and the
/// thread that owns the sockets; every method is one step.
public final class AllowList: Sendable {
    private let boards: Mutex<[PublicKey: BoardID]>

    public init(_ boards: [PublicKey: BoardID] = [:]) {
        self.boards = Mutex(boards)
    }

    public var count: Int { boards.withLock { $0.count } }

    public func board(of key: PublicKey) -> BoardID? { boards.withLock { $0[key] } }

    /// `false` when the list is full (`FleetLimits.boards` keys).
    public func allow(_ key: PublicKey, as board: BoardID) -> Bool {
        boards.withLock {
            guard $0[key] != nil || $0.count < FleetLimits.boards else { return false }
            $0[key] = board
            return true
        }
    }

    /// The key that a board is about to change to, beside the one that it has.
    /// - Returns: `false` where it is another board's, or there are two keys for each of `FleetLimits.boards` boards.
    public func allowNext(_ key: PublicKey, as board: BoardID) -> Bool {
        boards.withLock {
            guard $0[key].map({ $0 == board }) ?? ($0.count < 2 * FleetLimits.boards) else { return false }
            $0[key] = board
            return true
        }
    }

    public func revoke(_ key: PublicKey) {
        _ = boards.withLock { $0.removeValue(forKey: key) }
    }

    /// Takes every key of the board off the list.
    public func revoke(_ board: BoardID) {
        boards.withLock { $0 = $0.filter { $0.value != board } }
    }
}
