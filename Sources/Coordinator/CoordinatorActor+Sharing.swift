import AuditLog
import CoordinatorCore
import FleetModel
import FleetStore
import HookSharing
import WireProtocol

/// Gates that boards learn together: the state machine's decisions, made durable and spoken.
extension CoordinatorActor {
    typealias SharingMachine = HookSharingStateMachine<ContinuousClock.Instant>

    /// Windows of a board's past that are recalled.
    private static let recalledWindows = 900

    /// - Parameter telemetry: what boards had told before a version that is on trial, by which it is judged, is there.
    static func sharing(
        from store: any SharingStore, telemetry: any FleetStore, settings: SharingMachine.Settings
    ) async throws -> SharingMachine {
        let stored = try await store.sharing().map {
            SharingMachine.Stored(state: $0.state, versions: $0.versions, updates: $0.updates, numbers: $0.numbers)
        }
        var machine = SharingMachine(settings: settings, stored: stored, at: .now)
        for trial in machine.trials {
            for board in trial.boards {
                let windows = try await telemetry.telemetry(
                    board: board, sinceMilliseconds: 0, limit: recalledWindows)
                let before = windows.filter { $0.receivedAtMilliseconds <= trial.madeAtMilliseconds }
                machine.pastRecalled(before.map(\.record), of: board, in: trial.group)
            }
        }
        return machine
    }

    /// - Parameter board: greeted, so that its class is known.
    func gateReportReceived(_ report: GateReport, from board: BoardDescription) async {
        guard sharingStore != nil else { return }
        await perform(
            sharing.reportReceived(
                report, from: board.id, of: board.boardClass, at: .now, milliseconds: Self.wallClock()))
    }

    func sharingTimerFired() async {
        guard sharingStore != nil else { return }
        await perform(sharing.timerFired(at: .now, milliseconds: Self.wallClock()))
    }

    /// - Parameter dryRun: whether it is only told what would be then.
    /// - Returns: the group as it is then.
    /// - Throws: `FleetStoreFailure`, or why there is nothing to go back to; nothing has changed then.
    func rollBack(
        _ group: SharingGroup, to version: UInt64?, dryRun: Bool, by actor: String
    ) async throws -> SharingMachine.View? {
        try await inTurn {
            guard let store = self.sharingStore else { throw FleetStoreFailure.unknownGroup("\(group)") }
            var machine = self.sharing
            let actions = try machine.rolledBack(group, to: version, at: .now)
            if dryRun { return machine.views.first { $0.state.group == group } }
            let before = self.sharing.views.first { $0.state.group == group }?.state.current
            for case .dropUpdates(let merged, let state) in actions {
                try await store.dropUpdates(
                    merged, state,
                    audit: AuditDraft(
                        actor: actor, action: .hooksRolledBack, target: "hooks \(group)",
                        before: before.map { "version \($0)" }, after: "version \(state.current)",
                        atMilliseconds: Self.wallClock()))
            }
            self.sharing = machine
            await self.perform(
                actions.filter {
                    if case .dropUpdates = $0 { false } else { true }
                })
            return self.sharing.views.first { $0.state.group == group }
        }
    }

    private func perform(_ actions: [SharingMachine.Action]) async {
        guard let store = sharingStore else { return }
        for action in actions {
            switch action {
            case .saveState(let state): await storing("hook group") { try await store.saveSharing(state) }
            case .saveUpdate(let update, let group):
                let saved: Void? = await storing("gate update", attempts: 1) {
                    try await store.saveUpdate(update, in: group)
                }
                // What could not be stored is not acknowledged; the board sends it again.
                guard saved != nil else { continue }
                await perform(sharing.updatePersisted(update, group, at: .now, milliseconds: Self.wallClock()))
            case .saveVersion(let version, let state, let merged):
                let saved: Void? = await storing("hook version") {
                    try await store.saveVersion(version, state, merged: merged)
                }
                guard saved != nil else { continue }
                await perform(sharing.versionPersisted(version, state, at: .now))
            case .dropUpdates(let merged, let state):
                await storing("hook group") { try await store.dropUpdates(merged, state) }
            case .send(let message, let board): send(message, to: board)
            case .record(let kind, let board, let message): await record(kind, board, message)
            }
        }
    }
}
