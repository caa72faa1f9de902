public import FleetModel

public enum FleetStoreFailure: Error, Equatable, Sendable, CustomStringConvertible {
    case unknownBoard(BoardID)
    case keyInUse(by: BoardID)
    case nameInUse(AccessName)
    case limitReached(what: String, limit: Int)
    /// The assignment is not newer than the one that is kept.
    case staleGeneration(BoardID, kept: UInt64, offered: UInt64)
    /// No boards learn together under this name.
    case unknownGroup(String)
    case rolloutNameInUse(String)
    case unknownRollout(String)
    /// Numbers up to 2^63 - 1 can be kept.
    case outOfRange(field: String)
    /// The file is no database, or a damaged one. It was left as it is.
    case corrupt(path: String, detail: String)
    /// The file was written by a later version of this program.
    case newerSchema(path: String)
    /// The database or the disk beneath it refused.
    case unavailable(path: String, detail: String)
    /// Another coordinator leads the fleet now; this one may write no more.
    case leaseLost(path: String)

    public var description: String {
        switch self {
        case .unknownBoard(let board): "The board \(board) is not enrolled."
        case .keyInUse(let board): "The public key belongs to the board \(board) already."
        case .nameInUse(let name): "A token is named \(name.rawValue) already."
        case .limitReached(let what, let limit): "The store keeps no more than \(limit) \(what)."
        case .staleGeneration(let board, let kept, let offered):
            "The assignment of generation \(offered) for \(board) is not newer than generation \(kept)."
        case .unknownGroup(let group): "No boards learn together as \(group)."
        case .unknownRollout(let name): "No rollout is named \(name)."
        case .rolloutNameInUse(let name): "A rollout is named \(name) already."
        case .outOfRange(let field): "The value of \(field) is too large to be kept."
        case .corrupt(let path, let detail): "The database \(path) is damaged (\(detail)); restore it from a backup."
        case .newerSchema(let path): "The database \(path) was written by a later version of this program."
        case .leaseLost(let path): "Another coordinator has taken over the fleet of \(path)."
        case .unavailable(let path, let detail): "The database \(path) cannot be used: \(detail)."
        }
    }
}

/// All stores keep what a signed 64-bit column can.
package func signed(_ value: UInt64, _ field: String) throws(FleetStoreFailure) -> Int64 {
    guard let value = Int64(exactly: value) else { throw .outOfRange(field: field) }
    return value
}
