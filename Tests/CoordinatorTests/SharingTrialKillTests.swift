import AdminAPI
import FleetModel
import Foundation
import HookSharing
import Testing

/// A real coordinator process stages versions of shared gates among four boards, which speak with it over sockets: to
/// one of them, another for each version, then to a second, then to all, each group watched against its own past.
/// Killed with SIGKILL in the middle it goes on where it was, and knows what boards measured before.
@Suite(.serialized) struct SharingTrialKillTests {
    private let programs: RealPrograms
    private let told = ToldVersions()

    init() throws { programs = try RealPrograms() }

    /// Ten times as long where there is nothing to judge a version by.
    private static let watch = ["--hook-watch", "3"]

    private func boards() async throws -> [LearningBoard] {
        let token: TokenView = try await programs.client().post("v1/tokens", TokenRequest(uses: 4, validSeconds: 600))
        var boards: [LearningBoard] = []
        for number in 1...4 { boards.append(try await LearningBoard(number, token, told)) }
        for board in boards {
            board.tells(true)
            board.start()
        }
        // A past to be held against.
        try await programs.wait { boards.allSatisfy { $0.storedWindows >= 10 } }
        return boards
    }

    @Test(.byItself, .timeLimit(.minutes(10)))
    func versionsAreStagedBadOnesAreTakenBackAndAKillChangesNeither() async throws {
        defer { programs.remove() }
        var process = try programs.coordinator(more: Self.watch)
        defer { process.terminate() }
        let ports = try await programs.boardPorts() + [0]
        func restart() throws {
            process.killed()
            process = try programs.coordinator(ports, more: Self.watch)
        }
        let boards = try await boards()
        let names = boards.map(\.name)
        func update(_ number: UInt64, base: UInt64) {
            for board in boards { board.update(number: number, base: base, delta: [0.5, -0.25, 1, 0]) }
        }

        // A good version reaches one board, then a second, then the others.
        update(1, base: 0)
        let first = try await programs.group {
            $0.currentVersion == 1 && $0.trial == nil && $0.boards.values.allSatisfy { $0 == 1 }
        }
        #expect(first.boards.count == 4)
        #expect(told.boards(of: 1).prefix(2) == names.prefix(2) && Set(told.boards(of: 1)) == Set(names))

        // With a bad one its first board, another now, does worse than before: the others never hear of it.
        for board in boards { board.doesWorse(with: [2, 3]) }
        update(2, base: 1)
        let second = try await programs.group { view in
            view.currentVersion == 1 && view.versions.contains { $0.number == 2 && $0.isTakenBack }
        }
        #expect(second.trial == nil && told.boards(of: 2) == ["board-2"])
        try await programs.wait { boards[1].version == 1 }
        try await programs.waitForTakingBack("version 2 is taken back, 1 is in force: accuracyDrop")

        // The next bad one is on trial, and nothing was measured with it yet, when the coordinator is killed.
        for board in boards { board.tells(false) }
        update(3, base: 1)
        let third = try await programs.group { view in
            view.trial?.version == 3 && view.trial?.watched.allSatisfy { view.boards[$0.rawValue] == 3 } == true
        }
        #expect(third.trial?.current == 0 && third.trial?.watched.map(\.rawValue) == ["board-3"])
        try restart()
        let after = try await programs.group { _ in true }
        #expect(after.trial == third.trial && after.currentVersion == 3)
        for board in boards { board.tells(true) }
        _ = try await programs.group { $0.currentVersion == 1 && $0.trial == nil }
        #expect(told.boards(of: 3) == ["board-3"], "what it measured before the kill is known after it")
        try await programs.wait { boards.allSatisfy { $0.version == 1 } }

        // A good one is on its way to the second board when it is killed. It stays there for as long as that board
        // tells nothing to judge it by: however busy the machine is, it is seen there.
        boards[0].tells(false)
        update(4, base: 1)
        let fourth = try await programs.group { $0.trial?.version == 4 && $0.trial?.current == 1 }
        #expect(Set(told.boards(of: 4)).isSubset(of: ["board-4", "board-1"]))
        try restart()
        let kept = try await programs.group { _ in true }
        #expect(kept.trial.map { $0.version == 4 && $0.current >= 1 && $0.groups == fourth.trial?.groups } == true)
        boards[0].tells(true)
        _ = try await programs.group {
            $0.trial == nil && $0.boards.count == 4 && $0.boards.values.allSatisfy { $0 == 4 }
        }
        #expect(told.boards(of: 4).prefix(2) == ["board-4", "board-1"] && Set(told.boards(of: 4)) == Set(names))
        try await programs.wait { boards.allSatisfy { $0.values == [1, -0.5, 2, 0] } }
        for board in boards { await board.stop() }
    }

    /// Frames without labels say nothing of accuracy. What boards held back does.
    @Test(.byItself, .timeLimit(.minutes(10)))
    func aVersionThatABoardFindsWorseOnceItUsesItIsTakenBack() async throws {
        defer { programs.remove() }
        let process = try programs.coordinator(more: Self.watch)
        defer { process.terminate() }
        let boards = try await boards()
        boards[0].dislikes([1])
        for board in boards { board.update(number: 1, delta: [0.5, -0.25, 1, 0]) }
        let view = try await programs.group { view in
            view.currentVersion == 0 && view.versions.contains { $0.number == 1 && $0.isTakenBack }
        }
        #expect(view.trial == nil && told.boards(of: 1) == ["board-1"])
        try await programs.waitForTakingBack("held back it is worse")
        for board in boards { await board.stop() }
    }
}
