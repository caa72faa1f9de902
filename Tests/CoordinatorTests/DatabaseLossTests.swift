import AdminAPI
import FleetStore
import Foundation
import Messaging
import Testing

/// A real coordinator whose database was lost, and one whose first start was killed.
@Suite struct DatabaseLossTests {
    private let programs: RealPrograms

    init() throws { programs = try RealPrograms() }

    private var database: String { programs.state + "/fleet.sqlite" }

    enum Loss: CaseIterable {
        case removed, emptied
        /// The file was kept without its log.
        case logRemoved
    }

    private func lose(_ loss: Loss) throws {
        for suffix in ["-wal", "-shm"] + (loss == .logRemoved ? [] : [""]) {
            try FileManager.default.removeItem(atPath: database + suffix)
        }
        if loss == .emptied { try Data().write(to: URL(filePath: database)) }
    }

    @Test(.timeLimit(.minutes(2)), arguments: Loss.allCases)
    func aLostDatabaseIsNoNewFleetUnlessSaidSo(loss: Loss) async throws {
        defer { programs.remove() }
        let first = try programs.coordinator()
        defer { first.terminate() }
        let board = try await TalkingBoard.enrolled(by: try await programs.client())
        await board.transport.stop()
        first.killed()
        try lose(loss)

        let second = try programs.coordinator()
        try await second.ended()
        #expect(second.terminationStatus == 2)
        let log = try String(contentsOfFile: programs.folder + "/shoal-coordinator.log", encoding: .utf8)
        #expect(log.contains("fleet.sqlite is missing or empty") && log.contains("--new-database"))
        // Nothing was made in its place.
        #expect(SQLiteFleetStore.isEmpty(database))

        try FileManager.default.removeItem(atPath: programs.state + "/admin.json")
        let third = try programs.coordinator(more: ["--new-database"])
        defer { third.terminate() }
        let status: StatusView = try await programs.client().get("v1/status")
        #expect(status.boardsEnrolled == 0)
        third.killed()
    }

    /// Whatever was there when it was killed, the next start makes the rest.
    @Test(.timeLimit(.minutes(3)))
    func aFirstStartThatWasKilledIsGoneOnWith() async throws {
        defer { programs.remove() }
        for milliseconds in [5, 15, 30, 60, 120] {
            try? FileManager.default.removeItem(atPath: programs.state)
            let first = try programs.coordinator()
            try await Task.sleep(for: .milliseconds(milliseconds))
            first.killed()
            try? FileManager.default.removeItem(atPath: programs.state + "/admin.json")
            let second = try programs.coordinator()
            defer { second.terminate() }
            let status: StatusView = try await programs.client().get("v1/status")
            #expect(status.boardsEnrolled == 0)
            second.killed()
        }
    }
}
