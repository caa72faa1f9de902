public import FleetModel

/// Why nothing is learned from a board, as the coordinator keeps it.
public struct QuarantineRecord: Equatable, Codable, Sendable {
    public var reason: String
    /// When it began, in milliseconds since 1970.
    public var sinceMilliseconds: UInt64

    public init(reason: String, sinceMilliseconds: UInt64) {
        (self.reason, self.sinceMilliseconds) = (reason, sinceMilliseconds)
    }
}

/// Boards from which nothing is learned; part of `FleetStore`.
public protocol QuarantineStore: Sendable {
    /// Adds or replaces what is kept of the board, which must be known; `nil` forgets it.
    func saveQuarantine(_ entry: QuarantineRecord?, of board: BoardID) async throws
    func quarantines() async throws -> [BoardID: QuarantineRecord]
}

extension InMemoryFleetStore {
    public func saveQuarantine(_ entry: QuarantineRecord?, of board: BoardID) throws {
        guard entry == nil || self.board(board) != nil else { throw FleetStoreFailure.unknownBoard(board) }
        storedQuarantines[board] = entry
    }

    public func quarantines() -> [BoardID: QuarantineRecord] { storedQuarantines }
}
