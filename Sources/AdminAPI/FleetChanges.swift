public import FleetModel

/// What has changed from one snapshot of the fleet to the next: a board that reports changes a few figures, and most
/// boards say nothing in a second.
public struct FleetChanges: Codable, Equatable, Sendable {
    /// Of a board that has changed in nothing else.
    public struct BoardFigures: Codable, Equatable, Sendable {
        public var name: String
        public var lastSeenMilliseconds: UInt64
        public var telemetryRecords: Int

        public init(name: String, lastSeenMilliseconds: UInt64, telemetryRecords: Int) {
            self.name = name
            self.lastSeenMilliseconds = lastSeenMilliseconds
            self.telemetryRecords = telemetryRecords
        }
    }

    public struct ModelPlace: Codable, Equatable, Hashable, Sendable {
        public var board: String
        public var model: String

        public init(board: String, model: String) { (self.board, self.model) = (board, model) }
    }

    public var atMilliseconds: UInt64
    public var status: StatusView
    public var figures: [BoardFigures]
    /// New, or changed in more than figures: whole.
    public var boards: [BoardView]
    public var boardsGone: [String]
    /// New or changed, whole.
    public var models: [ModelView]
    public var modelsGone: [ModelPlace]
    /// Those that came since, newest first.
    public var events: [FleetEvent]

    public init(from before: FleetSnapshot, to after: FleetSnapshot) {
        (atMilliseconds, status) = (after.atMilliseconds, after.status)
        (figures, boards, models) = ([], [], [])
        var oldBoards = Dictionary(before.boards.map { ($0.name, $0) }) { first, _ in first }
        for board in after.boards {
            guard let old = oldBoards.removeValue(forKey: board.name) else {
                boards.append(board)
                continue
            }
            guard old != board else { continue }
            if old.with(figuresOf: board) == board {
                figures.append(
                    BoardFigures(
                        name: board.name, lastSeenMilliseconds: board.lastSeenMilliseconds,
                        telemetryRecords: board.telemetryRecords))
            } else {
                boards.append(board)
            }
        }
        boardsGone = oldBoards.keys.sorted()
        var oldModels = Dictionary(before.models.map { ($0.place, $0) }) { first, _ in first }
        for model in after.models where oldModels.removeValue(forKey: model.place) != model { models.append(model) }
        modelsGone = oldModels.keys.sorted { ($0.board, $0.model) < ($1.board, $1.model) }
        events = Self.newer(before.events, after.events)
    }

    /// The newest of `before` is found again in `after`, unless so many came that all of them are new.
    private static func newer(_ before: [FleetEvent], _ after: [FleetEvent]) -> [FleetEvent] {
        guard let last = before.first else { return after }
        // Of events that are alike, as many as there were are old.
        var place = after.count
        for index in after.indices
        where after[index] == last
            && after[index...].elementsEqual(
                before.prefix(after.count - index))
        {
            place = index
            break
        }
        return Array(after[..<place])
    }
}

extension BoardView {
    fileprivate func with(figuresOf other: BoardView) -> BoardView {
        var board = self
        board.lastSeenMilliseconds = other.lastSeenMilliseconds
        board.telemetryRecords = other.telemetryRecords
        return board
    }
}

extension ModelView {
    fileprivate var place: FleetChanges.ModelPlace { .init(board: board, model: model) }
}
