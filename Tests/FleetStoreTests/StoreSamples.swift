import FleetModel
import FleetStore
import Foundation
import PostgreSQLFleetStore
import PostgreSQLHarness
import Testing

/// One suite, every store: a conformance is a row here.
struct StoreMaker: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Runs the body over an empty store of its own.
    private let run: @Sendable (StoreLimits, (any FleetStore) async throws -> Void) async throws -> Void

    static let memory = StoreMaker(testDescription: "memory") { try await $1(InMemoryFleetStore(limits: $0)) }

    static let sqlite = StoreMaker(testDescription: "SQLite") { limits, body in
        try await withFolder { folder in
            let store = try SQLiteFleetStore(path: folder + "/fleet.sqlite", limits: limits)
            try await body(store)
            try store.close()
        }
    }

    static let postgreSQL = StoreMaker(testDescription: "PostgreSQL") { limits, body in
        try await PostgreSQLServer.shared.value.withDatabase { address, _ in
            let store = try await PostgreSQLFleetStore.open(try #require(PostgreSQLAddress(address)), limits: limits)
            do { try await body(store) } catch {
                await store.close()
                throw error
            }
            await store.close()
        }
    }

    /// Those with a disk. `PostgreSQLSuites` tells where one is left out.
    static let durable = [sqlite] + (PostgreSQLServer.isInstalled ? [postgreSQL] : [])
    static let all = [memory] + durable

    /// Runs the body over an empty store.
    func with(_ limits: StoreLimits = StoreLimits(), _ body: (any FleetStore) async throws -> Void) async throws {
        try await run(limits, body)
    }
}

@Suite struct PostgreSQLSuites {
    /// Named in the summary of a run in which the suites went over the other stores alone.
    @Test(.enabled(if: PostgreSQLServer.isInstalled, "needs PostgreSQL (apt: postgresql)"))
    func theSuitesGoOverPostgreSQLToo() {
        #expect(StoreMaker.all.map(\.testDescription) == ["memory", "SQLite", "PostgreSQL"])
    }
}

func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "fleet-store-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try await body(folder.path)
}

enum Samples {
    static func id(_ name: String) throws -> BoardID { try #require(BoardID(name)) }

    static func board(_ name: String, key: String? = nil) throws -> BoardRecord {
        BoardRecord(
            description: BoardDescription(
                id: try id(name), boardClass: "x86", labels: ["site": "küche"], cores: 0.5, memoryBytes: 1 << 30,
                engineVersion: "1",
                models: [DeployedModel(name: try #require(ModelName("fashion")), framesPerSecond: 10, points: [])]),
            publicKey: key ?? "key of \(name)", enrolledAtMilliseconds: 1_000, lastSeenMilliseconds: 2_000,
            reportedGeneration: 3, incarnation: 4)
    }

    static func record(
        _ sequence: UInt64, incarnation: UInt64 = 1, dropped: UInt64 = 0, at start: UInt64? = nil
    ) throws -> TelemetryRecord {
        TelemetryRecord(
            incarnation: incarnation, sequence: sequence, startMilliseconds: start ?? sequence * 1_000,
            durationMilliseconds: 1_000, generation: 2, models: [try model("fashion"), try model("digits")],
            board: BoardTelemetry(
                memoryBytes: 64 << 20, cpuLoad: 0.25, cpuFrequencyMegahertz: nil, temperatureCelsius: -5.5,
                droppedRecords: dropped))
    }

    static func model(_ name: String) throws -> ModelTelemetry {
        ModelTelemetry(
            model: try #require(ModelName(name)), frames: 100, dropped: 1, violations: 2, labelled: 50, correct: 45,
            switches: 3, activePoint: 4, p50Milliseconds: 1.5, p90Milliseconds: 2.5, p99Milliseconds: 4,
            constraintMilliseconds: 5,
            hooks: name == "fashion"
                ? HookTelemetry(
                    state: .learning, budget: 0.1, kinds: [.init(name: "model", taken: 3, possible: 9)], samples: 5)
                : nil)
    }

    static func token(_ byte: UInt8, uses: UInt32 = 1, expires: UInt64 = 5_000) -> EnrolmentToken {
        EnrolmentToken(
            hash: [UInt8](repeating: byte, count: 32), expiresAtMilliseconds: expires, remainingUses: uses)
    }

    static func policy(_ name: String, priority: Int = 1) -> Policy {
        Policy(
            name: name, selector: ["site": "küche"],
            models: [
                ModelPolicy(
                    model: "fashion", latency: LatencyConstraint(milliseconds: 5, percentile: 90),
                    accuracyFloor: 0.8, priority: priority)
            ])
    }

    static func assignment(_ generation: UInt64) -> Assignment {
        Assignment(
            generation: generation,
            models: [
                ModelAssignment(
                    model: "fashion", latency: LatencyConstraint(milliseconds: 5, percentile: 90), lowestPoint: 0,
                    highestPoint: 4, preferredPoint: 2, priority: 10)
            ])
    }

    static func event(_ number: UInt64) throws -> FleetEvent {
        FleetEvent(
            kind: .boardLost, board: number.isMultiple(of: 2) ? nil : try id("board-1"), message: "event \(number)",
            atMilliseconds: number)
    }
}
