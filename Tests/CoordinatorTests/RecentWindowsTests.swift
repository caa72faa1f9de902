import AdminAPI
import FleetModel
import SearchSpace
import Testing

@testable import Coordinator

/// Sums of the newest windows tell what the windows themselves would.
@Suite struct RecentWindowsTests {
    private static func window(using generator: inout SeededGenerator) throws -> ModelTelemetry {
        let frames = UInt32.random(in: 0...40, using: &generator)
        let labelled = UInt32.random(in: 0...frames, using: &generator)
        return ModelTelemetry(
            model: try #require(ModelName("m")), frames: frames, dropped: .random(in: 0...3, using: &generator),
            violations: .random(in: 0...50, using: &generator), labelled: labelled,
            correct: .random(in: 0...labelled, using: &generator), switches: .random(in: 0...2, using: &generator),
            activePoint: .random(in: 0...3, using: &generator), p50Milliseconds: 1, p90Milliseconds: 2,
            p99Milliseconds: .random(in: 2...9, using: &generator), constraintMilliseconds: 5,
            hooks: Bool.random(using: &generator)
                ? HookTelemetry(
                    state: .deciding,
                    kinds: ["skip", "exit"].map {
                        .init(name: $0, taken: .random(in: 0...5, using: &generator), possible: 9)
                    }, reason: "r", zeros: [.init(step: "s", share: 0.5)]) : nil)
    }

    private static func board() throws -> (BoardState, DeployedModel) {
        // The last of the points that windows tell of is in no table.
        let points = [0.61, 0.722, 0.8333].map { accuracy in
            OperatingPoint(
                configuration: SubnetConfiguration(resolution: 28, depths: [], kernelSizes: [], expandRatios: []),
                accuracy: accuracy, latencyMilliseconds: accuracy, flops: 1)
        }
        let model = DeployedModel(name: try #require(ModelName("m")), framesPerSecond: 1, points: points)
        let board = BoardDescription(
            id: try #require(BoardID("b")), boardClass: "c", labels: [:], cores: 1, memoryBytes: 1, engineVersion: "1",
            models: [model])
        return (
            BoardState(
                board: board, status: .connected, incarnation: 1, desired: Assignment(generation: 0, models: []),
                reportedGeneration: 0, infeasible: [], refusedRecords: 0), model
        )
    }

    @Test func theyTellWhatTheWindowsTell() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        let (state, model) = try Self.board()
        var windows: [ModelTelemetry] = []
        var recent: RecentWindows?
        for sequence in 1...UInt64(RecentWindows.windowsOfSum * RecentWindows.sums) {
            let window = try Self.window(using: &generator)
            let position = TelemetryPosition(incarnation: 1, sequence: sequence)
            windows.append(window)
            let accuracy = window.pointAccuracy(in: model.points)
            if recent?.add(window, at: position, pointAccuracy: accuracy) == nil {
                recent = RecentWindows(window, at: position, pointAccuracy: accuracy)
            }
            guard sequence % 71 == 0 else { continue }
            let summed = recent?.summary.view(board: state, model: model)
            let whole = ModelSummary(windows, points: model.points).view(board: state, model: model)
            #expect(summed == whole && whole.attainedAccuracy != nil, "seed \(seed)")
        }
    }

    @Test func oldOnesGo() throws {
        var generator = SeededGenerator(seed: 1)
        let (state, model) = try Self.board()
        var window = try Self.window(using: &generator)
        (window.frames, window.hooks) = (1, nil)
        var recent = RecentWindows(window, at: TelemetryPosition(incarnation: 1, sequence: 1), pointAccuracy: nil)
        for sequence in 2...UInt64(RecentWindows.windowsOfSum * RecentWindows.sums + 1) {
            recent.add(window, at: TelemetryPosition(incarnation: 1, sequence: sequence), pointAccuracy: nil)
        }
        let kept = RecentWindows.windowsOfSum * (RecentWindows.sums - 1) + 1
        #expect(recent.summary.view(board: state, model: model).frames == kept)
    }

    @Test func whatComesLateIsAddedAndNotShownAsTheNewest() throws {
        var generator = SeededGenerator(seed: 1)
        let (state, model) = try Self.board()
        var (new, late) = (try Self.window(using: &generator), try Self.window(using: &generator))
        (new.frames, new.activePoint, late.frames, late.activePoint) = (10, 3, 5, 1)
        var recent = RecentWindows(new, at: TelemetryPosition(incarnation: 2, sequence: 1), pointAccuracy: 0.5)
        recent.add(late, at: TelemetryPosition(incarnation: 1, sequence: 9), pointAccuracy: 0.8)
        let view = recent.summary.view(board: state, model: model)
        #expect(view.activePoint == 3 && view.frames == 15)
        #expect(view.expectedAccuracy == 0.6, "10 frames at 0.5 and 5 at 0.8")
    }
}
