import AdminAPI
import CoordinatorCore
import FleetModel
import FleetStore
import Foundation
import LatencyPrediction
import Logging
import SearchSpace
import Testing

@testable import Coordinator

/// Searches on real threads, over a real database.
@Suite(.serialized) struct SearchDeskTests {
    private let fixture: SearchFixture
    private let store: SQLiteFleetStore

    init() throws {
        fixture = try SearchFixture()
        store = try SQLiteFleetStore(path: fixture.folder + "/fleet.sqlite")
    }

    private func makeDesk(_ store: any FleetStore) async throws -> SearchDesk {
        try await SearchDesk(store: store, logger: Logger(label: "test")) { _ in }
    }

    /// Waits for what the condition asks of the search of that name.
    private func wait(
        for name: String, at desk: SearchDesk, _ condition: (SearchRecord) -> Bool
    ) async throws -> SearchRecord {
        while true {
            if let record = await desk.records.first(where: { $0.name == name }), condition(record) { return record }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    private func bytes(_ record: SearchRecord) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return try encoder.encode(try #require(record.outcome))
    }

    @Test(.timeLimit(.minutes(5)))
    func theSameJobGivesTheSameBitsAgain() async throws {
        defer { fixture.remove() }
        let desk = try await makeDesk(store)
        for (name, seed) in [("first", 1), ("again", 1), ("other", 2)] {
            _ = try await desk.submit(try fixture.job(name, seed: UInt64(seed)), text: "", by: "test")
        }
        let first = try await wait(for: "first", at: desk, \.state.isOver)
        let again = try await wait(for: "again", at: desk, \.state.isOver)
        let other = try await wait(for: "other", at: desk, \.state.isOver)

        #expect(first.state == .done && first.failure == nil)
        #expect(try bytes(first) == bytes(again))
        #expect(try bytes(first) != bytes(other))
        let outcome = try #require(first.outcome)
        #expect(outcome.engineVersion == "e1" && outcome.seed == 1)
        #expect(outcome.inputs.map(\.path) == [first.job.accuracyPredictor, first.job.latencyTable])
        #expect(outcome.inputs.allSatisfy { $0.sha256.count == 64 })
        for (point, constraint) in zip(outcome.points, first.job.constraints) {
            #expect(point.relaxedTo == nil)
            #expect(point.predictedLatencyMilliseconds <= constraint.latencyMilliseconds ?? 0)
            #expect((1...FleetLimits.candidatesPerPoint).contains(point.candidates.count))
            #expect(point.candidates.first == point.configuration)
        }
        while try await !store.searches().allSatisfy(\.state.isOver) { try await Task.sleep(for: .milliseconds(5)) }
        #expect(try await store.searches() == desk.records)
    }

    @Test(.timeLimit(.minutes(5)))
    func aRestartEndsInTheResultOfAnUninterruptedRun() async throws {
        defer { fixture.remove() }
        let whole = try await makeDesk(InMemoryFleetStore())
        _ = try await whole.submit(try fixture.job("a", constraints: 12), text: "", by: "test")
        let expected = try await wait(for: "a", at: whole, \.state.isOver)

        let first = try await makeDesk(store)
        _ = try await first.submit(try fixture.job("a", constraints: 12), text: "", by: "test")
        _ = try await wait(for: "a", at: first) { !$0.points.isEmpty }
        await first.stop()
        #expect(try await store.searches().map(\.state) == [.running])

        let second = try await makeDesk(store)
        await second.start()
        let finished = try await wait(for: "a", at: second, \.state.isOver)
        #expect(try bytes(finished) == bytes(expected))
    }

    @Test(.timeLimit(.minutes(5)))
    func aCancelledSearchEndsAndTheNextRuns() async throws {
        defer { fixture.remove() }
        let desk = try await makeDesk(store)
        _ = try await desk.submit(try fixture.job("long", constraints: 64), text: "", by: "test")
        _ = try await desk.submit(try fixture.job("short", constraints: 1), text: "", by: "test")
        let cancelled = try #require(try await desk.cancel("long", by: "test"))
        #expect(cancelled.state == .cancelled)
        let next = try await wait(for: "short", at: desk, \.state.isOver)
        #expect(next.state == .done)
        #expect(await desk.records.map(\.state) == [.cancelled, .done])
    }

    @Test(.timeLimit(.minutes(5)))
    func whatCannotBeReadFailsWithItsReason() async throws {
        defer { fixture.remove() }
        let desk = try await makeDesk(store)
        let job = try SearchFile.parse(fixture.text("a", accuracy: "absent.json"), file: "job")
        _ = try await desk.submit(job, text: "", by: "test")
        let record = try await wait(for: "a", at: desk, \.state.isOver)
        #expect(record.state == .failed)
        #expect(record.failure?.contains("absent.json") == true)
    }

    @Test(.timeLimit(.minutes(5)))
    func aConstraintThatNoSubnetKeepsLeavesTheOthers() async throws {
        defer { fixture.remove() }
        let desk = try await makeDesk(store)
        var job = try fixture.job("mixed", constraints: 3)
        job.constraints[1].flops = 1
        _ = try await desk.submit(job, text: "", by: "test")
        let record = try await wait(for: "mixed", at: desk, \.state.isOver)
        #expect(record.state == .done && record.points.map(\.constraint) == [0, 2])
        let unmet = try #require(record.outcome?.unmet)
        #expect(unmet.map(\.constraint) == [1] && unmet[0].reason.contains("at most 1.0 FLOPs"))

        job.constraints = [job.constraints[1]]
        job.name = "none"
        _ = try await desk.submit(job, text: "", by: "test")
        let none = try await wait(for: "none", at: desk, \.state.isOver)
        #expect(none.state == .failed && none.failure?.contains("at most 1.0 FLOPs") == true)
    }

    /// A space that no board runs is verified against the table that the job names, or plainly not at all.
    @Test(.timeLimit(.minutes(5)))
    func aHeldBackTableVerifiesWhatNoBoardRuns() async throws {
        defer { fixture.remove() }
        let desk = try await makeDesk(store)
        _ = try await desk.submit(try fixture.job("plain"), text: "", by: "test")
        let plain = try await wait(for: "plain", at: desk, \.state.isOver)
        #expect(plain.state == .done && plain.verification?.verified == false)
        #expect(
            plain.verification?.refusal
                == "no board runs the space ofa-mbv3, and the job names no verificationTable")
        #expect(plain.table == nil)

        var job = try fixture.job("held", constraints: 4)
        job.verificationTable = fixture.folder + "/held.json"
        _ = try await desk.submit(job, text: "", by: "test")
        let held = try await wait(for: "held", at: desk, \.state.isOver)
        let verification = try #require(held.verification)
        #expect(held.state == .verified && verification.against == job.verificationTable)
        #expect(held.outcome?.inputs.map(\.path).contains(fixture.folder + "/held.json") == true)
        #expect(verification.points.count + verification.leftOut.count == 4)
        for point in verification.points {
            let limit = try #require(job.constraints[point.constraint].latencyMilliseconds)
            #expect(point.measuredLatencyMilliseconds < limit)
            #expect(abs(point.measuredLatencyMilliseconds / point.predictedLatencyMilliseconds - 17.0 / 16) < 1e-9)
            #expect(point.flops > 0 && point.measurements <= 2, "one factor is wrong, and known after one measurement")
        }
        #expect(try #require(held.table).points.count >= 1)
    }

    @Test func aTableOfAnotherBoardClassIsRefusedInASentence() throws {
        defer { fixture.remove() }
        let job = try SearchFile.parse(fixture.text("a", boardClass: "other board"), file: "job")
        #expect {
            try SearchInputFiles.table(of: job)
        } throws: {
            let refusal = "\($0)"
            return refusal.hasPrefix(
                "\(fixture.folder)/table.json was measured on test board/cpu, engine e1, search a is for "
                    + "other board/cpu: give the job")
        }
    }

    /// A published folder does not say what it was measured on, whatever it is called: the job does.
    @Test func aFolderThatSaysNothingIsOfTheJobsBoardClassAndProcessor() throws {
        defer { fixture.remove() }
        let folder = fixture.folder + "/latency_table_other_gpu"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(#"{"Conv":{"mean":1.5}}"#.utf8).write(to: URL(filePath: folder + "/160_lookup_table.json"))
        var job = try fixture.job("a")
        job.latencyTable = folder
        #expect(try SearchInputFiles.table(of: job).source == .init(boardClass: "test board", processor: "cpu"))

        try Data(#"{"boardClass":"other","processor":"gpu"}"#.utf8).write(to: URL(filePath: folder + "/source.json"))
        #expect {
            try SearchInputFiles.table(of: job)
        } throws: {
            "\($0)".contains("was measured on other/gpu") && "\($0)".contains("source.json")
        }
    }

    /// Telemetry that says twice the table's milliseconds, window after window.
    @Test(.timeLimit(.minutes(5)))
    func driftingTelemetrySearchesAgain() async throws {
        defer { fixture.remove() }
        let desk = try await makeDesk(store)
        _ = try await desk.submit(try fixture.job("a"), text: "", by: "test")
        let first = try await wait(for: "a", at: desk, \.state.isOver)
        let point = try #require(first.points.last)
        let name = try #require(ModelName("classifier"))
        let board = BoardDescription(
            id: try #require(BoardID("edge-1")), boardClass: "test board", labels: [:], cores: 1, memoryBytes: 1,
            engineVersion: "1",
            models: [
                DeployedModel(
                    name: name, framesPerSecond: 1,
                    points: [
                        OperatingPoint(
                            configuration: point.configuration, accuracy: 0.7,
                            latencyMilliseconds: point.predictedLatencyMilliseconds, flops: 1)
                    ])
            ])
        for sequence in 1...120 {
            let record = TelemetryRecord(
                incarnation: 1, sequence: UInt64(sequence), startMilliseconds: 1, durationMilliseconds: 1,
                generation: 1,
                models: [
                    ModelTelemetry(
                        model: name, frames: 5, dropped: 0, violations: 0, labelled: 0, correct: 0, switches: 0,
                        activePoint: 0, p50Milliseconds: 2 * point.predictedLatencyMilliseconds, p90Milliseconds: 99,
                        p99Milliseconds: 99, constraintMilliseconds: 99)
                ],
                board: BoardTelemetry(
                    memoryBytes: 1, cpuLoad: nil, cpuFrequencyMegahertz: nil, temperatureCelsius: nil,
                    droppedRecords: 0))
            await desk.observed([record], from: board)
        }
        let second = try await wait(for: "a", at: desk) { $0.number > first.number && $0.state.isOver }
        #expect(second.state == .done && second.job.latencyScale.map { abs($0 - 2) < 1e-9 } == true)
        let (before, after) = (try #require(first.points.last), try #require(second.points.last))
        #expect(after.flops < before.flops, "half of what fitted before fits now")
        #expect(after.predictedLatencyMilliseconds <= (second.job.constraints[1].latencyMilliseconds ?? 0))
    }

    @Test(.timeLimit(.minutes(5)))
    func aWishThatCannotBeStoredChangesNothing() async throws {
        defer { fixture.remove() }
        let failing = FailingStore()
        let desk = try await makeDesk(failing)
        await failing.set(isFull: true)
        await #expect(throws: FleetStoreFailure.self) {
            try await desk.submit(try fixture.job("a"), text: "", by: "test")
        }
        #expect(await desk.records.isEmpty)
        await failing.set(isFull: false)
        _ = try await desk.submit(try fixture.job("a"), text: "", by: "test")
        #expect(try await wait(for: "a", at: desk, \.state.isOver).state == .done)
    }
}

@Suite struct LatencyPredictorSourcesTests {
    private func sources(boards: Int, noise: Double, seed: UInt64) throws -> LatencyPredictorSources {
        var generator = SeededGenerator(seed: seed)
        var sources = LatencyPredictorSources(boardClass: "class", model: try #require(ModelName("classifier")))
        for board in 0..<boards {
            let points = (1...8).map { place in
                let factor = 1 + Double.random(in: -noise...noise, using: &generator)
                return OperatingPoint(
                    configuration: SubnetConfiguration(
                        resolution: 20 + place, depths: [2], kernelSizes: [3, 3], expandRatios: [3, 3]),
                    accuracy: 0.5, latencyMilliseconds: (1 + 2 * Double(place)) * factor, flops: place * 1_000_000)
            }
            let name = try #require(ModelName("classifier"))
            sources.add(
                BoardDescription(
                    id: try #require(BoardID("edge-\(board)")), boardClass: "class", labels: [:], cores: 1,
                    memoryBytes: 1, engineVersion: "e\(board % 2)",
                    models: [DeployedModel(name: name, framesPerSecond: 1, points: points)]),
                DeployedModel(name: name, framesPerSecond: 1, points: points))
        }
        return sources
    }

    @Test func aClassOfLikeBoardsIsPredictedWithItsMargin() throws {
        let view = try sources(boards: 12, noise: 0.05, seed: 5).view(named: "class/classifier", searches: [])
        #expect(view.basis == "FLOPs" && view.refusal == nil)
        #expect(view.boards.count == 12 && view.engineVersions == ["e0", "e1"])
        #expect(view.samples.count == 96)
        #expect(abs(try #require(view.slope) - 2e-6) < 0.2e-6)
        #expect(try #require(view.relativeMargin) < 0.08)
        #expect(try (0.8...1).contains(#require(view.coverage)))
        #expect(try #require(view.medianRelativeError) < 0.05)
    }

    @Test func oneBoardIsPredictedByItsOtherPoints() throws {
        let view = try sources(boards: 1, noise: 0, seed: 5).view(named: "class/classifier", searches: [])
        #expect(view.samples.count == 8)
        #expect(try #require(view.medianRelativeError) < 1e-9)
    }
}
