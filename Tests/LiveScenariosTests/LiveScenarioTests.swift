import Foundation
import ModelImport
import Packages
import Processors
import Scenarios
import SearchSpace
import Shoal
import Supernets
import Synchronization
import Testing

@testable import LiveScenarios

@Suite(.serialized) struct LiveScenarioTests {
    private static func scenario(_ models: String, loads: String = "") throws -> Scenario {
        try Scenario.parse("seconds = 1.2\n" + models + loads, file: "scenario")
    }

    private static let small = """
        [[model]]
        name = "small"
        framesPerSecond = 30
        constraintMilliseconds = 33
        points = [
          { accuracy = 0.5, latencyMilliseconds = 0.3 },
          { accuracy = 0.6, latencyMilliseconds = 1.5 },
        ]

        """

    /// Real inference, a competing program, and a processor that is taken away in parts where the machine allows it.
    @Test func everyFrameIsRunOrCounted() async throws {
        let scenario = try Self.scenario(
            Self.small, loads: "[[load]]\nstartSeconds = 0.5\nslowdown = 2.5\nendSlowdown = 3")
        let (report, plots) = try await LiveScenario.report(
            of: scenario, folder: ".", processor: nil, policies: ["managed", "static-smallest"]
        ) { _ in }
        #expect(report.time == "real" && report.results.map(\.policy) == ["managed", "static-smallest"])
        #expect(plots["managed"]?.hasPrefix("<svg") == true)
        for result in report.results {
            // The first frame comes within a frame's time, the last before the end.
            #expect((35...36).contains(result.frames + result.dropped), "\(result)")
            let decisions = try #require(result.decisionMicroseconds)
            #expect(decisions.mean > 0 && decisions.mean <= decisions.max && decisions.p99 <= decisions.max)
            let times = result.models[0].pointMilliseconds
            #expect(times.count == 2 && times[0] < times[1])
        }
        #expect(report.results[1].accuracy == 0.5)
    }

    @Test func subnetsOfAPackageRun() async throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path()
        let folder = FileManager.default.temporaryDirectory.appending(path: "shoal-live-\(UUID())").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let example = root + "/Examples/fashion-supernet/fashion_supernet"
        let imported = try SupernetImporter.importCheckpoint(path: example + ".pth", configPath: example + ".json")
        try imported.write(to: folder + "/fashion.shoal")
        let space = try LoadedSupernet(PackageFile(folder + "/fashion.shoal")).supernet.space
        struct Table: Encodable {
            struct Point: Encodable {
                var configuration: SubnetConfiguration
                var accuracy: Double
            }
            var points: [Point]
        }
        let table = Table(points: [
            .init(configuration: space.smallest, accuracy: 0.8), .init(configuration: space.largest, accuracy: 0.9),
        ])
        try JSONEncoder().encode(table).write(to: URL(filePath: folder + "/points.json"))
        let scenario = try Self.scenario(
            """
            [[model]]
            name = "fashion"
            framesPerSecond = 20
            constraintMilliseconds = 50
            package = "fashion.shoal"
            operatingPoints = "points.json"
            """)
        let report = try await LiveScenario.report(
            of: scenario, folder: folder, processor: nil, policies: ["static-smallest"]
        ) { _ in }.report
        #expect(report.results[0].accuracy == 0.8 && report.results[0].models[0].pointMilliseconds.count == 2)

        var unreachable = scenario
        unreachable.models[0].accuracyFloor = 0.95
        let failure = await #expect(throws: LiveScenarioFailure.self) {
            try await LiveScenario.report(
                of: unreachable, folder: folder, processor: nil, policies: ["static-smallest"]
            ) { _ in }
        }
        #expect(failure?.description.hasPrefix("fashion: accuracyFloor: no point") == true)
    }

    /// Measured times of neighbouring points differ by less than the noise: no run is refused on account of it, and
    /// what has no use is named.
    @Test func pointsThatNoiseCannotTellApartAreLeftOut() async throws {
        func table(_ points: [(Double, Double)]) -> [Scenario.Point] {
            points.map { .init(accuracy: $0.0, latencyMilliseconds: $0.1) }
        }
        let noisy = table([(0.5, 1), (0.6, 2.01), (0.7, 2), (0.8, 2.5), (0.9, 2.5)])
        let kept = LiveModel.front(of: noisy)
        #expect(kept == [0, 2, 4])
        #expect(
            LiveModel.warning("m", noisy, kept: kept)
                == "m: of 5 points 2 left out, because a more accurate one is as fast here: 1 (2.010 ms), 3 (2.500 ms)")
        #expect(LiveModel.warning("m", Array(noisy[..<2]), kept: [0, 1]) == nil)
        // One that was disturbed goes alone, not those after it.
        #expect(LiveModel.front(of: table([(0.5, 9), (0.6, 2), (0.7, 3)])) == [1, 2])

        // The filler's run times go by whole runs, so that the first two are the same here.
        let scenario = try Self.scenario(
            Self.small.replacingOccurrences(
                of: "points = [",
                with: "points = [{ accuracy = 0.4, latencyMilliseconds = 0.001 }, "
                    + "{ accuracy = 0.45, latencyMilliseconds = 0.002 },"))
        let notes = Mutex<[String]>([])
        let report = try await LiveScenario.report(
            of: scenario, folder: ".", processor: nil, policies: ["static-smallest"],
            isStarting: { _ in }, note: { note in notes.withLock { $0.append(note) } }
        ).report
        #expect(notes.withLock { $0.count } == 1, "\(notes.withLock { $0 })")
        #expect(notes.withLock { $0.first }?.hasPrefix("warning: small: of 4 points ") == true)
        #expect(report.results[0].accuracy >= 0.45 && report.results[0].models[0].pointMilliseconds.count < 4)
    }

    @Test(arguments: [
        (#"{"points":[{"accuracy":0.5},{"accuracy":5}]}"#, "points[1].accuracy: 5.0 is outside 0...1"),
        (#"{"points":[{"accuracy":-0.1},{"accuracy":5}]}"#, "points[0].accuracy: -0.1 is outside 0...1"),
        (#"{"points":[{"accuracy":0.5}]}"#, "has no accuracy for every point"),
        (#"{"points":[{"accuracy":0.5},{}]}"#, "has no accuracy for every point"),
    ])
    func accuraciesThatAreNoneAreRefusedByFileAndField(text: String, reason: String) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "shoal-points-\(UUID()).json").path()
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let failure = #expect(throws: LiveScenarioFailure.self) { try PointAccuracies.read(from: path, count: 2) }
        #expect(failure?.description == "\(path): \(reason)")
    }

    @Test func aFloorThatNoPointOfAPackageReachesIsRefused() throws {
        try PointAccuracies.check([0.8, 0.9], reach: 0.9, of: "m")
        try PointAccuracies.check([0.8, 0.9], reach: nil, of: "m")
        let failure = #expect(throws: LiveScenarioFailure.self) {
            try PointAccuracies.check([0.8, 0.9], reach: 0.91, of: "m")
        }
        #expect(
            failure?.description == "m: accuracyFloor: no point of its package reaches 0.91; the highest is 0.9")
    }

    @Test func whatNoProcessorCanDoIsRefused() async throws {
        var faster = try Self.scenario(Self.small, loads: "[[load]]\nstartSeconds = 0\nslowdown = 1")
        // No file can say it.
        (faster.loads[0].slowdown, faster.loads[0].endSlowdown) = (0.5, 0.5)
        let tooMany = try Self.scenario(Self.small, loads: "[[load]]\nstartSeconds = 0\nslowdown = 100")
        for (scenario, processor, reason) in [
            (faster, nil, "made faster"), (tooMany, nil, "more than 31 programs"),
            (try Self.scenario(Self.small), 1_000, "processor 1000"),
        ] as [(Scenario, Int?, String)] {
            let failure = await #expect(throws: LiveScenarioFailure.self) {
                try await LiveScenario.report(
                    of: scenario, folder: ".", processor: processor, policies: ["managed"]
                ) { _ in }
            }
            #expect(failure?.description.contains(reason) == true, "\(String(describing: failure))")
        }
    }
}

@Suite struct CompetingLoadTests {
    /// Weights add up to what is asked, to within half the lightest thread.
    @Test(arguments: [0, 0.03, 0.1, 0.5, 0.9, 1, 1.4, 2.2, 2.97, 3])
    func weightsAddUp(weight: Double) {
        let (whole, bits) = (3, CompetingLoad.selection(weight: weight, whole: 3))
        let sum = (0..<whole + CompetingLoad.grades.count - 1).reduce(0.0) { sum, slot in
            guard bits & 1 << UInt64(slot) != 0 else { return sum }
            return sum + (slot < whole ? 1 : CompetingLoad.grades[slot - whole + 1].weight)
        }
        #expect(abs(sum - weight) < 0.07, "\(sum)")
    }
}

@Suite struct ProcessorAffinityTests {
    @Test func masksNameProcessors() {
        #expect(ProcessorAffinity(processor: 5).processors == [5])
        let current = ProcessorAffinity.current
        let last = current.processors.last ?? 0
        let rest = current.without(last).processors
        #expect(current.processors.count == 1 ? rest == [last] : !rest.contains(last))
    }
}
