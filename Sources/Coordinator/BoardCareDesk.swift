import AdminAPI
import FleetModel
import FleetStore

/// Answers what people ask of boards.
struct BoardCareDesk: BoardCareAdministration {
    let actor: CoordinatorActor
    /// What waits to be sent to a board that is left alone is given up.
    var forgetArtefacts: @Sendable () async -> Void = {}

    private static let reasonBytes = 120

    func drain(
        board: String, _ isDrained: Bool, _ change: BoardChange, by actor: String
    ) async throws -> BoardDrain {
        let dryRun = change.dryRun ?? false
        guard change.reason?.utf8.count ?? 0 <= Self.reasonBytes else {
            throw AdminFailure(.invalid, "reason: is longer than \(Self.reasonBytes) bytes")
        }
        guard let id = BoardID(board),
            let effect = try await stored({
                try await self.actor.drain(id, isDrained, dryRun: dryRun, reason: change.reason, by: actor)
            })
        else { throw Self.unknown(board) }
        if isDrained, !dryRun { await forgetArtefacts() }
        return BoardDrain(
            board: board, isDrained: isDrained, dryRun: dryRun, isUnchanged: effect.isUnchanged,
            models: effect.models, generation: effect.generation)
    }

    func rotateKeys(_ request: KeyRotationRequest, by actor: String) async throws -> KeyRotationStart {
        let (seconds, dryRun) = (request.seconds ?? BoardKeyRotation.usualSeconds, request.dryRun ?? false)
        guard BoardKeyRotation.secondsRange.contains(seconds) else {
            throw AdminFailure(.invalid, "seconds: \(seconds) is outside \(BoardKeyRotation.secondsRange)")
        }
        let isMeant: @Sendable (BoardDescription) -> Bool
        switch (request.board, request.selector) {
        case (let name?, nil): isMeant = { $0.id.rawValue == name }
        case (nil, let labels?): isMeant = { board in labels.allSatisfy { board.labels[$0.key] == $0.value } }
        default: throw AdminFailure(.invalid, "give either board or selector")
        }
        let boards = await self.actor.changeKeys(ofBoards: isMeant, seconds: seconds, dryRun: dryRun, by: actor)
        guard !boards.meant.isEmpty else {
            if let name = request.board { throw Self.unknown(name) }
            throw AdminFailure(.notFound, "no board carries these labels")
        }
        let missing = boards.meant.count - boards.begun.count
        guard missing == 0 else {
            throw AdminFailure(.unavailable, "of \(missing) boards the change could not be stored; try again")
        }
        return KeyRotationStart(boards: boards.begun.map(\.rawValue), seconds: seconds, dryRun: dryRun)
    }

    private static func unknown(_ board: String) -> AdminFailure {
        AdminFailure(.notFound, "no board that may speak is named \(board.prefix(64))")
    }

    private func stored<Result>(_ body: () async throws -> Result) async throws -> Result {
        do { return try await body() } catch let failure as FleetStoreFailure {
            throw AdminFailure(.unavailable, failure.description)
        }
    }
}
