import CoordinatorCore
import FleetModel
import SearchSpace
import Testing

@Suite struct LatencyDriftTests {
    private let subnet = SearchSpace.ofaMobileNetV3.smallest

    /// What the windows of `boards` boards lead to, each window of board `b` at step `s` having the ratio given.
    private func run(
        boards: Int, steps: Int, _ ratio: (_ board: Int, _ step: Int) -> Double
    ) throws -> [(step: Int, ratio: Double)] {
        var drift = LatencyDrift()
        var found: [(Int, Double)] = []
        for step in 0..<steps {
            for board in 0..<boards {
                let id = try #require(BoardID("edge-\(board)"))
                if let drifted = drift.observed(10 * ratio(board, step), predicted: 10, of: subnet, on: id, search: "a")
                {
                    found.append((step, drifted.ratio))
                }
            }
        }
        return found
    }

    @Test func aSteadyRatioWithinTheBandIsNoDrift() throws {
        for ratio in [0.86, 1, 1.14] { #expect(try run(boards: 3, steps: 500) { _, _ in ratio }.isEmpty) }
    }

    @Test(arguments: [0.5, 0.8, 1.2, 3])
    func aLastingChangeIsFoundOnceItIsSure(ratio: Double) throws {
        let found = try run(boards: 3, steps: 300) { _, step in step < 100 ? 1 : ratio }
        let first = try #require(found.first)
        #expect(first.step >= 130, "half of the newest windows have to show it")
        #expect(abs(first.ratio - ratio) < 1e-9)
    }

    @Test func aBusyMinuteIsNoDrift() throws {
        #expect(try run(boards: 3, steps: 600) { _, step in (200..<225).contains(step) ? 9 : 1 }.isEmpty)
    }

    /// Fewer than half of the boards do not speak for their class.
    @Test func aFewThrottledBoardsAreNoDrift() throws {
        #expect(try run(boards: 7, steps: 500) { board, _ in board < 3 ? 5 : 1 }.isEmpty)
        #expect(try !run(boards: 7, steps: 500) { board, _ in board < 4 ? 5 : 1 }.isEmpty)
    }

    @Test func aRatioAtTheBandsEndDoesNotAlternate() throws {
        var generator = SeededGenerator(seed: 3)
        let found = try run(boards: 4, steps: 3_000) { _, _ in 1.1 + Double.random(in: -0.1...0.1, using: &generator) }
        #expect(found.isEmpty, "the median is 1.1, within the band")
    }

    @Test func impossibleFiguresAreNotHeard() throws {
        var drift = LatencyDrift()
        let board = try #require(BoardID("edge"))
        for _ in 0..<500 {
            for (measured, predicted) in [(Double.nan, 1.0), (1, 0), (0, 1), (-1, 1), (.infinity, 1)]
                as [(Double, Double)]
            {
                #expect(drift.observed(measured, predicted: predicted, of: subnet, on: board, search: "a") == nil)
            }
        }
    }

    @Test func moreBoardsThanTheLimitAreNotHeard() throws {
        var settings = LatencyDrift.Settings()
        settings.boardsPerClass = 2
        var drift = LatencyDrift(settings: settings)
        for step in 0..<200 {
            for board in 0..<6 {
                let id = try #require(BoardID("edge-\(board)"))
                let ratio = board < 2 ? 1.0 : 9
                #expect(drift.observed(ratio, predicted: 1, of: subnet, on: id, search: "a") == nil, "step \(step)")
            }
        }
    }
}

@Suite struct SearchRecordDriftTests {
    private let space = SearchSpace.ofaMobileNetV3

    private func record() -> SearchRecord {
        var record = SearchRecord(
            job: SearchJob(
                name: "a", model: "classifier", boardClass: "class", processor: "cpu", space: "ofa-mbv3",
                accuracyPredictor: "/a", latencyTable: "/t",
                constraints: [.init(latencyMilliseconds: 10), .init(flops: 1e9)]), text: "", number: 1,
            submittedAtMilliseconds: 1)
        record.state = .done
        record.points = [(0, space.smallest, 9.0), (1, space.largest, 50)].map { place, subnet, latency in
            SearchPoint(
                constraint: place, configuration: subnet, predictedAccuracy: 0.7, predictedLatencyMilliseconds: latency,
                flops: 1, memoryBytes: 1, relaxedTo: nil, generations: 1, evaluated: 1, candidates: [])
        }
        return record
    }

    private func board(_ boardClass: String) throws -> BoardDescription {
        let points = [space.largest, space.smallest].map {
            OperatingPoint(configuration: $0, accuracy: 0.7, latencyMilliseconds: 1, flops: 1)
        }
        return BoardDescription(
            id: try #require(BoardID("edge")), boardClass: boardClass, labels: [:], cores: 1, memoryBytes: 1,
            engineVersion: "1",
            models: [DeployedModel(name: try #require(ModelName("classifier")), framesPerSecond: 1, points: points)])
    }

    private func telemetry(point: UInt32, frames: UInt32 = 5) throws -> TelemetryRecord {
        TelemetryRecord(
            incarnation: 1, sequence: 1, startMilliseconds: 1, durationMilliseconds: 1, generation: 1,
            models: [
                ModelTelemetry(
                    model: try #require(ModelName("classifier")), frames: frames, dropped: 0, violations: 0,
                    labelled: 0, correct: 0, switches: 0, activePoint: point, p50Milliseconds: 12, p90Milliseconds: 13,
                    p99Milliseconds: 14, constraintMilliseconds: 20)
            ],
            board: BoardTelemetry(
                memoryBytes: 1, cpuLoad: nil, cpuFrequencyMegahertz: nil, temperatureCelsius: nil, droppedRecords: 0))
    }

    @Test func windowsAreThoseOfTheSearchsOwnSubnets() throws {
        let windows = record().windows(
            of: [try telemetry(point: 1), try telemetry(point: 0), try telemetry(point: 7)], from: try board("class"))
        #expect(windows.map(\.measured) == [12, 12])
        #expect(windows.map(\.predicted) == [9, 50])
        #expect(record().windows(of: [try telemetry(point: 1)], from: try board("other")).isEmpty)
        #expect(record().windows(of: [try telemetry(point: 1, frames: 0)], from: try board("class")).isEmpty)
    }

    private func latencies(_ record: SearchRecord, times ratio: Double) -> [Int: Double] {
        Dictionary(uniqueKeysWithValues: record.points.map { ($0.constraint, $0.predictedLatencyMilliseconds * ratio) })
    }

    @Test func onlyABrokenConstraintOrRoomOutdatesASearch() {
        #expect(!record().isOutdated(by: latencies(record(), times: 1.1)))
        #expect(record().isOutdated(by: latencies(record(), times: 1.2)))
        #expect(record().isOutdated(by: latencies(record(), times: 0.8)))
        var free = record()
        free.points.removeFirst()
        #expect(!free.isOutdated(by: latencies(free, times: 5)), "no latency is limited there")
        #expect(!free.isOutdated(by: latencies(free, times: 0.5)))
    }

    /// Operators that slow down unequally may change which of two points is the faster.
    @Test func anotherOrderOfPointsOutdatesASearch() {
        var two = record()
        two.job.constraints = [.init(latencyMilliseconds: 20), .init(latencyMilliseconds: 20)]
        two.points[1].predictedLatencyMilliseconds = 12
        #expect(!two.isOutdated(by: [0: 9.5, 1: 12]))
        #expect(!two.isOutdated(by: [0: 11, 1: 11.5]))
        #expect(two.isOutdated(by: [0: 12.5, 1: 12]))
    }

    /// What was measured before it was published is what telemetry is compared with.
    @Test func verifiedPointsAreComparedWithWhatWasMeasured() throws {
        var verified = record()
        verified.state = .verified
        verified.verification = SearchVerification(against: SearchVerification.boards)
        verified.verification?.points = [
            .init(
                constraint: 0, configuration: space.smallest, predictedAccuracy: 0.7, predictedLatencyMilliseconds: 9,
                measuredLatencyMilliseconds: 11, flops: 1, measurements: 1)
        ]
        let windows = verified.windows(
            of: [try telemetry(point: 1), try telemetry(point: 0)], from: try board("class"))
        #expect(windows.map(\.predicted) == [11, 50])
    }
}
