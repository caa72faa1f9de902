import AdminAPI
import CoordinatorCore
import FleetModel
import FleetStore

/// The fleet as the page shows it, put together each second while somebody watches: from memory, but for what the store
/// counts of each board.
extension CoordinatorAdministration {
    func snapshot(eventLimit: Int) async throws -> FleetSnapshot {
        let counts = try await store.telemetryCounts()
        let fleet = await actor.watched
        var boardsOfClass: [String: Int] = [:]
        let boards = views(of: fleet, counts) { board in
            boardsOfClass[board.boardClass, default: 0] += 1
            return boardsOfClass[board.boardClass, default: 0] <= Self.boardsWithPoints
        }
        let models = fleet.states.flatMap { state in
            state.board.models.map { model in
                (fleet.recents[state.board.id]?[model.name]?.summary ?? ModelSummary([], points: []))
                    .view(board: state, model: model)
            }
        }
        return FleetSnapshot(
            atMilliseconds: CoordinatorActor.wallClock(),
            status: status(fleet.states, records: counts.reduce(0) { $0 + $1.rows }), boards: boards, models: models,
            events: try await store.events(limit: eventLimit))
    }

    /// - Parameter hasPoints: whether operating points come with it.
    func views(
        of fleet: CoordinatorActor.Watched, _ counts: [TelemetryCount], hasPoints: (BoardDescription) -> Bool
    ) -> [BoardView] {
        let counts = Dictionary(uniqueKeysWithValues: counts.map { ($0.board, $0) })
        return fleet.states.map { state in
            let (id, count) = (state.board.id, counts[state.board.id])
            let withPoints = hasPoints(state.board)
            let newest = fleet.newest[id]?.board
            return BoardView(
                name: id.rawValue, boardClass: state.board.boardClass, status: state.status.rawValue,
                labels: state.board.labels, cores: state.board.cores, memoryBytes: state.board.memoryBytes,
                engineVersion: state.board.engineVersion, lastSeenMilliseconds: fleet.heardMilliseconds[id] ?? 0,
                incarnation: state.incarnation, desiredGeneration: state.desired.generation,
                reportedGeneration: state.reportedGeneration, telemetryRecords: count?.rows ?? 0,
                telemetryGaps: count?.incarnations.reduce(0) { $0 + Int($1.gaps) } ?? 0,
                infeasible: state.infeasible, refusedRecords: state.refusedRecords,
                models: state.board.models.map { Self.view($0, withPoints: withPoints) },
                interference: state.board.interference?.factors,
                quarantine: fleet.quarantined[id].map {
                    .init(reason: $0.reason, sinceMilliseconds: $0.sinceMilliseconds)
                },
                watts: state.board.watts, shares: newest?.shares, clockShare: newest?.clockShare,
                isDrained: state.isDrained, keySinceMilliseconds: fleet.keyAges[id],
                keyChange: fleet.keyChanges[id].map {
                    .init(hasNextKey: $0.nextKey != nil, untilMilliseconds: $0.untilMilliseconds)
                })
        }
    }

    private static func view(_ model: DeployedModel, withPoints: Bool) -> BoardView.Model {
        BoardView.Model(
            name: model.name.rawValue, framesPerSecond: model.framesPerSecond,
            points: withPoints
                ? model.points.map { PointView($0) } : [])
    }
}

extension CoordinatorActor {
    /// All that is shown of boards, at one moment.
    struct Watched: Sendable {
        /// In the order of the boards' names.
        var states: [BoardState]
        var heardMilliseconds: [BoardID: UInt64]
        var newest: [BoardID: (position: TelemetryPosition, board: BoardTelemetry)]
        var quarantined: [BoardID: QuarantinedBoard]
        var recents: [BoardID: [ModelName: RecentWindows]]
        /// Since when boards have their keys, in milliseconds since 1970.
        var keyAges: [BoardID: UInt64]
        /// Changes of keys that go on.
        var keyChanges: [BoardID: BoardKeyRotation]
    }

    var watched: Watched {
        Watched(
            states: machine.states, heardMilliseconds: heardMilliseconds, newest: newestOfBoards,
            quarantined: machine.quarantined, recents: recentWindows,
            keyAges: keyAges, keyChanges: keyMachines.compactMapValues(\.rotation))
    }

    /// Adds up what models did; of models that a board has no more, nothing is kept where there is no room.
    func noteRecent(_ records: [TelemetryRecord], of board: BoardDescription) {
        for record in records {
            for window in record.models {
                let (position, model) = (record.position, board.models.first { $0.name == window.model })
                let accuracy = model.flatMap { window.pointAccuracy(in: $0.points) }
                if recentWindows[board.id]?[window.model]?.add(window, at: position, pointAccuracy: accuracy) != nil {
                    continue
                }
                if recentWindows[board.id]?.count ?? 0 >= FleetLimits.modelsPerBoard {
                    let names = Set(board.models.map(\.name))
                    recentWindows[board.id] = recentWindows[board.id]?.filter { names.contains($0.key) }
                }
                recentWindows[board.id, default: [:]][window.model] = RecentWindows(
                    window, at: position, pointAccuracy: accuracy)
            }
        }
    }
}
