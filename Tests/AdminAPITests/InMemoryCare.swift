import AdminAPI

/// One board, `b0`.
struct InMemoryCare: BoardCareAdministration {
    static let drain = BoardDrain(
        board: "b0", isDrained: true, dryRun: true, isUnchanged: false, models: ["m"], generation: 3)
    static let rotation = KeyRotationStart(boards: ["b0"], seconds: 60, dryRun: true)

    func drain(board: String, _ isDrained: Bool, _ change: BoardChange, by actor: String) throws -> BoardDrain {
        guard board == "b0" else { throw AdminFailure(.notFound, board) }
        return Self.drain
    }

    func rotateKeys(_ request: KeyRotationRequest, by actor: String) throws -> KeyRotationStart {
        guard request.board != nil || request.selector != nil else { throw AdminFailure(.invalid, "neither") }
        return Self.rotation
    }
}
