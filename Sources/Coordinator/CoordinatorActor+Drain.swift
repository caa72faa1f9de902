import AuditLog
import CoordinatorCore
import FleetModel
import FleetStore

/// Boards that are left alone.
extension CoordinatorActor {
    /// What draining the board, or taking it back, does.
    struct DrainEffect: Sendable {
        /// Whether that was how it is already.
        var isUnchanged: Bool
        /// Models whose assignment is withdrawn or given.
        var models: [String]
        /// Of the assignment that says so; the present one of a dry run.
        var generation: UInt64
    }

    /// - Returns: `nil` when no such board may speak.
    func drain(
        _ id: BoardID, _ isDrained: Bool, dryRun: Bool, reason: String?, by actor: String
    ) async throws -> DrainEffect? {
        try await inTurn { () async throws -> DrainEffect? in
            guard var record = try await self.store.board(id), record.revokedAtMilliseconds == nil,
                let state = self.machine.state(of: id)
            else { return nil }
            guard state.isDrained != isDrained else {
                return DrainEffect(isUnchanged: true, models: [], generation: state.desired.generation)
            }
            // A value: what would be is tried on a copy.
            var preview = self.machine
            _ = preview.boardDrained(id, isDrained, at: .now)
            let after = preview.state(of: id)?.desired ?? state.desired
            let models = (isDrained ? state.desired : after).models.map(\.model)
            guard !dryRun else {
                return DrainEffect(isUnchanged: false, models: models, generation: state.desired.generation)
            }
            let now = Self.wallClock()
            record.drainedAtMilliseconds = isDrained ? now : nil
            try await self.store.saveBoard(
                record,
                audit: AuditDraft(
                    actor: actor, action: isDrained ? .boardDrained : .boardUndrained, target: "board \(id)",
                    before: isDrained ? "takes part" : "drained",
                    after: (isDrained ? "drained" : "takes part") + (reason.map { ": \($0)" } ?? ""),
                    atMilliseconds: now))
            await self.perform(self.machine.boardDrained(id, isDrained, at: .now))
            let desired = self.machine.state(of: id)?.desired ?? after
            return DrainEffect(isUnchanged: false, models: models, generation: desired.generation)
        }
    }

    /// That are not left alone.
    var activeBoards: [BoardID] { machine.activeStates.map(\.board.id) }

    func isDrained(_ id: BoardID) -> Bool { machine.state(of: id)?.isDrained ?? false }
}
