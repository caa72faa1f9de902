import AdminAPI
import FleetModel
import Foundation
import HookSharing
import Messaging
import Synchronization
import Testing
import WireProtocol

/// A real coordinator process, killed with SIGKILL while boards learn together: updates that it acknowledged are merged
/// all the same, and a version is the same before and after, as people see it over HTTP and boards over the wire.
@Suite(.serialized) struct SharingKillTests {
    private let programs: RealPrograms

    init() throws { programs = try RealPrograms() }

    @Test(.byItself, .timeLimit(.minutes(5)))
    func neitherUpdatesNorVersionsAreLostWhenItIsKilled() async throws {
        defer { programs.remove() }
        var process = try programs.coordinator(more: ["--hook-watch", "0"])
        defer { process.terminate() }
        let ports = try await programs.boardPorts() + [0]
        func restart() throws {
            process.killed()
            process = try programs.coordinator(ports, more: ["--hook-watch", "0"])
        }
        let token: TokenView = try await programs.client().post("v1/tokens", TokenRequest(uses: 4, validSeconds: 600))
        var boards: [LearningBoard] = []
        for number in 1...4 { boards.append(try await LearningBoard(number, token)) }
        for board in boards { board.start() }

        // Three updates are too few to merge: they wait, also over a kill.
        for board in boards.dropLast() { board.update(number: 1, delta: [0.5, -0.25, 1, 0]) }
        try await programs.wait { boards.dropLast().allSatisfy { $0.acknowledged == 1 } }
        try restart()
        let waiting = try await programs.group { _ in true }
        #expect(waiting.waiting == ["board-1", "board-2", "board-3"])

        // The fourth makes a version of them.
        boards[3].update(number: 1, delta: [0.5, -0.25, 1, 0])
        let made = try await programs.group { $0.currentVersion == 1 }
        #expect(made.versions.map(\.number) == [1] && made.waiting.isEmpty)
        #expect(made.versions.first?.boards.map(\.board.rawValue).sorted() == boards.map(\.name))
        try await programs.wait { boards.allSatisfy { $0.values != nil } }
        let values = try #require(boards[0].values)
        #expect(zip(values, [0.5, -0.25, 1, 0]).allSatisfy { abs($0 - $1) < 1e-6 })

        try restart()
        for board in boards { board.forget() }
        let after = try await programs.group { $0.boards.count == 4 && $0.boards.values.allSatisfy { $0 == 1 } }
        #expect(after.versions == made.versions && after.currentVersion == 1)
        try await programs.wait { boards.allSatisfy { $0.values != nil } }
        for board in boards { #expect(board.values == values, "\(board.name)") }

        // An acknowledgement that was lost is said again, and nothing is merged twice.
        boards[0].update(number: 1, delta: [9, 9, 9, 9])
        try await programs.wait { boards[0].acknowledged == 1 }
        #expect(try await programs.group { _ in true }.waiting.isEmpty)

        // Taking back is as durable.
        let trial: HooksView = try await programs.client().post(
            "v1/hooks/rollback", HooksRollback(name: after.name, version: nil, dryRun: true))
        #expect(trial.currentVersion == 0 && trial.dryRun == true)
        #expect(try await programs.group { _ in true }.currentVersion == 1)
        let rollback = HooksRollback(name: after.name, version: nil)
        let back: HooksView = try await programs.client().post("v1/hooks/rollback", rollback)
        #expect(back.currentVersion == 0)
        try restart()
        let last = try await programs.group { _ in true }
        #expect(last.currentVersion == 0 && last.versions.map(\.isTakenBack) == [true])
        for board in boards { await board.stop() }
    }
}
