public import FleetModel
import Synchronization

/// The keys that may speak at the fleet endpoint, and the board each one is. Shared by whoever enrols and the
/// threads that own the sockets; every method is one step.
public final class AllowList: Sendable {
    private struct State {
        var boards: [PublicKey: BoardID]
        var revision: UInt64 = 0
    }

    private let state: Mutex<State>

    public init(_ boards: [PublicKey: BoardID] = [:]) {
        state = Mutex(State(boards: boards))
    }

    public var count: Int { state.withLock { $0.boards.count } }
    /// Rises with every change.
    var revision: UInt64 { state.withLock { $0.revision } }
    /// All keys, and the revision that they are of.
    var snapshot: (boards: [PublicKey: BoardID], revision: UInt64) { state.withLock { ($0.boards, $0.revision) } }

    public func board(of key: PublicKey) -> BoardID? { state.withLock { $0.boards[key] } }

    /// `false` when the list is full: two keys for each of `FleetLimits.boards` boards, which the store bounds.
    public func allow(_ key: PublicKey, as board: BoardID) -> Bool {
        state.withLock {
            guard $0.boards[key] != nil || $0.boards.count < 2 * FleetLimits.boards else { return false }
            $0.boards[key] = board
            $0.revision += 1
            return true
        }
    }

    /// The key that a board is about to change to, beside the one that it has.
    /// - Returns: `false` where it is another board's, or there are two keys for each of `FleetLimits.boards` boards.
    public func allowNext(_ key: PublicKey, as board: BoardID) -> Bool {
        state.withLock {
            guard $0.boards[key].map({ $0 == board }) ?? ($0.boards.count < 2 * FleetLimits.boards) else {
                return false
            }
            $0.boards[key] = board
            $0.revision += 1
            return true
        }
    }

    public func revoke(_ key: PublicKey) {
        state.withLock { if $0.boards.removeValue(forKey: key) != nil { $0.revision += 1 } }
    }

    /// Takes every key of the board off the list.
    public func revoke(_ board: BoardID) {
        state.withLock {
            $0.boards = $0.boards.filter { $0.value != board }
            $0.revision += 1
        }
    }

    /// These keys, and no others.
    public func replace(with boards: [PublicKey: BoardID]) {
        state.withLock {
            $0.boards = boards
            $0.revision += 1
        }
    }
}
