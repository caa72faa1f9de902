import FleetModel
import SearchSpace
import Testing

@testable import AdminAPI

/// Whoever was told all once and every change since knows the fleet as it is.
@Suite struct FleetChangesTests {
    private static func board(_ number: Int, using generator: inout SeededGenerator) -> BoardView {
        BoardView(
            name: "b\(number)", boardClass: "c", status: Bool.random(using: &generator) ? "connected" : "lost",
            labels: [:], cores: 1, memoryBytes: 1, engineVersion: "1",
            lastSeenMilliseconds: .random(in: 0...3, using: &generator), incarnation: 1, desiredGeneration: 1,
            reportedGeneration: .random(in: 0...1, using: &generator),
            telemetryRecords: .random(in: 0...3, using: &generator), telemetryGaps: 0, infeasible: [],
            refusedRecords: 0, models: [],
            quarantine: Bool.random(using: &generator) ? .init(reason: "r", sinceMilliseconds: 1) : nil)
    }

    private static func model(_ number: Int, using generator: inout SeededGenerator) -> ModelView {
        ModelView(
            board: "b\(number / 2)", model: "m\(number % 2)", activePoint: nil, pointCount: 1, subnet: nil,
            constraintMilliseconds: nil, p50Milliseconds: nil, p99Milliseconds: nil, sloAttainment: nil, accuracy: nil,
            switches: 0, frames: .random(in: 0...2, using: &generator), dropped: 0)
    }

    private static func snapshot(
        _ number: UInt64, events: [FleetEvent], using generator: inout SeededGenerator
    ) -> FleetSnapshot {
        var (boards, models) = ([BoardView](), [ModelView]())
        for number in 0..<6 where Int.random(in: 0..<5, using: &generator) > 0 {
            boards.append(board(number, using: &generator))
        }
        for number in 0..<6 where Int.random(in: 0..<5, using: &generator) > 0 {
            models.append(model(number, using: &generator))
        }
        let status = StatusView(
            version: "1", startedAtMilliseconds: 1, fleetEndpoint: "f", enrolmentEndpoint: "e",
            boardsEnrolled: boards.count, boardsConnected: 0, telemetryRecords: Int(number), droppedFrames: [:])
        return FleetSnapshot(
            atMilliseconds: number, status: status, boards: boards, models: models, events: events)
    }

    /// As the page does it.
    private static func applied(_ changes: FleetChanges, to known: FleetSnapshot, limit: Int) -> FleetSnapshot {
        var boards = Dictionary(uniqueKeysWithValues: known.boards.map { ($0.name, $0) })
        for name in changes.boardsGone { boards[name] = nil }
        for figures in changes.figures {
            boards[figures.name]?.lastSeenMilliseconds = figures.lastSeenMilliseconds
            boards[figures.name]?.telemetryRecords = figures.telemetryRecords
        }
        for board in changes.boards { boards[board.name] = board }
        func key(_ board: String, _ model: String) -> String { board + " " + model }
        var models = Dictionary(uniqueKeysWithValues: known.models.map { (key($0.board, $0.model), $0) })
        for place in changes.modelsGone { models[key(place.board, place.model)] = nil }
        for model in changes.models { models[key(model.board, model.model)] = model }
        return FleetSnapshot(
            atMilliseconds: changes.atMilliseconds, status: changes.status,
            boards: boards.values.sorted { $0.name < $1.name },
            models: models.sorted { $0.key < $1.key }.map(\.value),
            events: Array((changes.events + known.events).prefix(limit)))
    }

    @Test func changesLeadFromOneSnapshotToTheNext() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        let limit = 4
        var events: [FleetEvent] = []
        var before = Self.snapshot(0, events: events, using: &generator)
        for number in 1...300 {
            for _ in 0..<Int.random(in: 0...6, using: &generator) {
                // Many are alike.
                let at = UInt64.random(in: 1...2, using: &generator)
                events.insert(
                    FleetEvent(kind: .boardLost, board: nil, message: "m\(number / 3)", atMilliseconds: at), at: 0)
            }
            events = Array(events.prefix(limit))
            let after = Self.snapshot(UInt64(number), events: events, using: &generator)
            let known = Self.applied(FleetChanges(from: before, to: after), to: before, limit: limit)
            #expect(known.boards == after.boards && known.models == after.models, "seed \(seed)")
            #expect(known.status == after.status && known.events == after.events, "seed \(seed)")
            before = after
        }
    }

    @Test func aBoardThatReportedIsTwoFigures() throws {
        var generator = SeededGenerator(seed: 1)
        let old = Self.board(1, using: &generator)
        var new = old
        new.lastSeenMilliseconds += 1
        new.telemetryRecords += 1
        let status = Self.snapshot(0, events: [], using: &generator).status
        func snapshot(_ board: BoardView) -> FleetSnapshot {
            FleetSnapshot(atMilliseconds: 1, status: status, boards: [board], models: [], events: [])
        }
        let changes = FleetChanges(from: snapshot(old), to: snapshot(new))
        #expect(changes.figures.map(\.name) == ["b1"] && changes.boards.isEmpty)
        new.quarantine = .init(reason: "other", sinceMilliseconds: 2)
        #expect(FleetChanges(from: snapshot(old), to: snapshot(new)).boards == [new])
        let nothing = FleetChanges(from: snapshot(new), to: snapshot(new))
        #expect(nothing.figures.isEmpty && nothing.boards.isEmpty && nothing.models.isEmpty)
    }
}

/// What somebody who watches is told; `AdminServerTests` watch the changes come.
@Suite struct LiveFleetTests {
    private static func names(_ bytes: [UInt8]) -> [String] {
        String(decoding: bytes, as: UTF8.self).split(separator: "\n").filter { $0.hasPrefix("event: ") }
            .map { String($0.dropFirst(7)) }
    }

    @Test func whoeverComesIsToldAll() async throws {
        let live = LiveFleet(InMemoryFleet())
        let first = try await live.events(after: nil)
        #expect(Self.names(first.bytes) == ["fleet"])
        #expect(Self.names(try await live.events(after: nil).bytes) == ["fleet"])
        // And who knows a snapshot of which nobody knows any more what followed, all again.
        #expect(Self.names(try await live.events(after: 0).bytes) == ["fleet"])
    }
}
