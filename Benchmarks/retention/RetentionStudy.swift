import FleetModel
import FleetStore
import Foundation
import PostgreSQLFleetStore
import PostgreSQLHarness

/// What sums by the hour cost where telemetry is stored, and what removal by age takes.
///
/// Two stores over the same disk or server, one that keeps hours and one that keeps none
/// (`StoreLimits.hoursPerModel` 0), are given the same transactions, one after the other in turns.
/// `retention-study [ROUNDS]`.
@main struct RetentionStudy {
    /// As `Cluster/load` with 1,000 boards that report each 10 s: what comes within 10 ms is a record or two; a hundred
    /// is a fleet of 10,000 whose boards report together.
    static let sizes = [1, 10, 100]
    static let boards = 100

    let rounds: Int
    private let ids: [BoardID]
    private let models: [ModelName]

    init(rounds: Int) {
        self.rounds = rounds
        ids = (0..<Self.boards).compactMap { BoardID("board-\($0)") }
        models = ["classifier", "detector"].compactMap { ModelName($0) }
    }

    /// Each size of transaction has an incarnation of its own, so that no board's records have gaps.
    private func record(_ sequence: UInt64, incarnation: UInt64) -> TelemetryRecord {
        TelemetryRecord(
            incarnation: incarnation, sequence: sequence, startMilliseconds: 1_700_000_000_000 + sequence * 10_000,
            durationMilliseconds: 10_000, generation: 3,
            models: models.map {
                ModelTelemetry(
                    model: $0, frames: 300, dropped: 1, violations: 2, labelled: 50, correct: 45, switches: 3,
                    activePoint: 4, p50Milliseconds: 1.5, p90Milliseconds: 2.5, p99Milliseconds: 4,
                    constraintMilliseconds: 5)
            },
            board: BoardTelemetry(
                memoryBytes: 64 << 20, cpuLoad: 0.25, cpuFrequencyMegahertz: 2_400, temperatureCelsius: 55,
                droppedRecords: 0))
    }

    func enrol(in store: any FleetStore) async throws {
        for id in ids {
            try await store.saveBoard(
                BoardRecord(
                    description: BoardDescription(
                        id: id, boardClass: "x86", labels: [:], cores: 1, memoryBytes: 1 << 30, engineVersion: "1",
                        models: []),
                    publicKey: "key of \(id)", enrolledAtMilliseconds: 1, lastSeenMilliseconds: 1))
        }
    }

    /// Milliseconds of one transaction with a record of each of so many boards.
    private func append(_ sequence: UInt64, boards: Int, to store: any FleetStore) async throws -> Double {
        let batches = ids.prefix(boards).map { ($0, [record(sequence, incarnation: UInt64(boards))]) }
        let start = ContinuousClock.now
        _ = try await store.appendTelemetry(batches, receivedAtMilliseconds: sequence)
        return start.duration(to: .now) / .milliseconds(1)
    }

    /// - Parameter stores: without hours, and with them.
    func appends(_ name: String, _ stores: (without: any FleetStore, with: any FleetStore)) async throws {
        for boards in Self.sizes {
            var (without, with): ([Double], [Double]) = ([], [])
            for round in 0..<rounds {
                let sequence = UInt64(round + 1)
                // Neither is always the one that comes first.
                if round.isMultiple(of: 2) {
                    without.append(try await append(sequence, boards: boards, to: stores.without))
                    with.append(try await append(sequence, boards: boards, to: stores.with))
                } else {
                    with.append(try await append(sequence, boards: boards, to: stores.with))
                    without.append(try await append(sequence, boards: boards, to: stores.without))
                }
            }
            let ratios = zip(with, without).map { $0 / $1 }
            print(
                "\(name): \(boards) boards in a transaction, \(rounds) rounds: p50 \(text(without, 0.5)) ms without, "
                    + "\(text(with, 0.5)) ms with hours; p99 \(text(without, 0.99)) and \(text(with, 0.99)) ms; "
                    + "ratio of a round p50 \(text(ratios, 0.5)), quartiles \(text(ratios, 0.25)) and "
                    + "\(text(ratios, 0.75))")
        }
    }

    /// Removes all that is there, page by page.
    func removal(_ name: String, from store: any FleetStore) async throws {
        var (times, removed, after): ([Double], Int, UInt64?) = ([], 0, 0)
        while let place = after {
            let page = RetentionPage(
                receivedBeforeMilliseconds: 1 << 50, nowMilliseconds: 1 << 51, after: place, limit: 500)
            let start = ContinuousClock.now
            let done = try await store.removeTelemetry(page)
            times.append(start.duration(to: .now) / .milliseconds(1))
            (removed, after) = (removed + done.records, done.next)
        }
        print(
            "\(name): \(removed) records removed on \(times.count) pages of 500: p50 \(text(times, 0.5)) ms, longest "
                + "\(text(times, 1)) ms")
    }

    private func text(_ values: [Double], _ share: Double) -> String {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return "-" }
        return String(format: "%.3f", sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))])
    }

    static func main() async throws {
        let study = RetentionStudy(rounds: CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 300)
        var none = StoreLimits()
        none.hoursPerModel = 0
        try await study.overSQLite(none)
        guard PostgreSQLServer.isInstalled else { return print("PostgreSQL: not installed, not measured") }
        let server = try await PostgreSQLServer.start()
        do { try await study.overPostgreSQL(none, server) } catch {
            await server.end()
            throw error
        }
        await server.end()
    }

    private func overSQLite(_ none: StoreLimits) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "retention-study-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let without = try SQLiteFleetStore(path: folder.path() + "/without.sqlite", limits: none)
        let with = try SQLiteFleetStore(path: folder.path() + "/with.sqlite")
        for store in [without, with] { try await enrol(in: store) }
        try await appends("SQLite", (without, with))
        try await removal("SQLite", from: with)
        for store in [without, with] { try store.close() }
    }

    private func overPostgreSQL(_ none: StoreLimits, _ server: PostgreSQLServer) async throws {
        try await server.withDatabase { one, _ in
            try await server.withDatabase { two, _ in
                guard let one = PostgreSQLAddress(one), let two = PostgreSQLAddress(two) else { return }
                let without = try await PostgreSQLFleetStore.open(one, limits: none)
                let with = try await PostgreSQLFleetStore.open(two)
                for store in [without, with] { try await enrol(in: store) }
                try await appends("PostgreSQL", (without, with))
                try await removal("PostgreSQL", from: with)
                await without.close()
                await with.close()
            }
        }
    }
}
