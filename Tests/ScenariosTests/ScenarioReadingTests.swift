import Foundation
import SearchSpace
import Testing

@testable import Scenarios

@Suite struct ScenarioReadingTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Cluster/Scenarios").path()

    static func shipped(_ name: String) throws -> Scenario {
        let path = "\(folder)/\(name).toml"
        return try Scenario.parse(String(contentsOfFile: path, encoding: .utf8), file: path)
    }

    private static let text = """
        # A comment.
        name = "small"   # Another.
        seconds = 2.5
        seed = 1_000

        [[model]]
        name = "a \\"quoted\\" one"
        framesPerSecond = 30
        constraintMilliseconds = 33
        arrivals = "poisson"
        points = [
          { accuracy = 0.5, latencyMilliseconds = 1e0 }, # inside
          { accuracy = 0.6, latencyMilliseconds = 2.0 },
        ]

        [[load]]
        startSeconds = 1
        slowdown = 1
        endSlowdown = 4
        """

    @Test func everythingWrittenIsRead() throws {
        let scenario = try Scenario.parse(Self.text, file: "s")
        #expect(scenario.name == "small" && scenario.seconds == 2.5 && scenario.seed == 1_000)
        let model = scenario.models[0]
        #expect(model.name == "a \"quoted\" one" && model.arrivals == .poisson && model.priority == 10)
        #expect(model.percentile == 95 && model.arrivesSeconds == 0 && model.leavesSeconds == 2.5)
        #expect(
            model.points == [
                .init(accuracy: 0.5, latencyMilliseconds: 1), .init(accuracy: 0.6, latencyMilliseconds: 2),
            ])
        #expect(scenario.slowdown(atSeconds: 0.9) == 1 && scenario.slowdown(atSeconds: 1.75) == 2.5)
        #expect(scenario.stepsSeconds == [1])
    }

    @Test(arguments: [
        ("seconds = 2.5", "seconds = 0", 3, "seconds", "outside"),
        ("seed = 1_000", "seed = 1.5", 4, "seed", "a whole number"),
        ("seed = 1_000", "seed = -1", 4, "seed", "outside"),
        ("seed = 1_000", "seed = 1e16", 4, "seed", "outside"),
        ("framesPerSecond = 30", "priority = 9.5\nframesPerSecond = 30", 8, "model[0].priority", "a whole number"),
        ("framesPerSecond = 30", "priority = 101\nframesPerSecond = 30", 8, "model[0].priority", "outside"),
        ("seconds = 2.5", "seconds = nan", 3, "", "expected a value"),
        ("seconds = 2.5", "seconds = 1 2", 3, "", "one entry per line"),
        ("seconds = 2.5", "seconds = 2.5\nseconds = 3", 4, "", "given twice"),
        ("seconds = 2.5\n", "", 1, "seconds", "is missing"),
        ("name = \"small\"", "name = \"\"", 2, "name", "is empty"),
        ("name = \"small\"", "name = ''", 2, "name", "is empty"),
        ("name = \"a \\\"quoted\\\" one\"", "name = \"\"", 7, "model[0].name", "is empty"),
        ("name = \"a \\\"quoted\\\" one\"\n", "", 6, "model[0].name", "is missing"),
        ("name = \"small\"", "name = \"small", 2, "", "closing quote"),
        ("name = \"small\"", "name = \"sm\u{1}all\"", 2, "name", "control characters"),
        ("name = \"small\"", "name = \"sm\u{85}all\"", 2, "name", "control characters"),
        ("name = \"small\"", "name = \"sm\u{FFFF}all\"", 2, "name", "control characters"),
        ("arrivals = \"poisson\"", "mode = \"look\tUp\"", 10, "model[0].mode", "control characters"),
        ("a \\\"quoted\\\" one", "a\u{1B}[31m", 7, "model[0].name", "control characters"),
        ("seconds = 2.5", "seconds = \u{1B}", 3, "", "found a control character"),
        ("seconds = 2.5", "seconds =", 3, "", "found the end of the line"),
        ("seconds = 2.5", "seconds = 0x1F", 3, "", "found '0x1F'"),
        ("seconds = 2.5", "seconds = ?", 3, "", "found '?'"),
        ("name = \"small\"", "name = 'small", 2, "", "closing quote"),
        ("name = \"small\"", "name = \"\"\"small\"\"\"", 2, "", "on one line"),
        ("name = \"small\"", "name = '''small'''", 2, "", "on one line"),
        ("name = \"small\"", "name = \"sm\\nall\"", 2, "", "single quotes"),
        ("seed = 1_000", "model.seed = 1", 4, "", "names with dots"),
        ("seed = 1_000", "\"se\u{1B}[31med\" = 1", 4, "", "control characters"),
        ("seed = 1_000", "\"model.seed\" = 1", 4, "model.seed", "no such field"),
        ("seconds = 2.5\nseed = 1_000", "\"seed\" = 1\nseconds = 2.5\n'seed' = 1_000", 5, "", "given twice"),
        ("[[load]]", "[load]", 16, "", "lists of tables"),
        ("arrivals = \"poisson\"", "arrivals = \"never\"", 10, "model[0].arrivals", "periodic or poisson"),
        ("seconds = 2.5\nseed = 1_000\n\n[[model]]", "[[model]]\nseconds = 2.5", 4, "model[0].seconds", "no such"),
        ("framesPerSecond", "fps", 8, "model[0].fps", "there is no such field"),
        ("framesPerSecond = 30", "framesPerSecond = \"30\"", 8, "model[0].framesPerSecond", "must be a number"),
        (
            "framesPerSecond = 30", "accuracyFloor = 0.61\nframesPerSecond = 30", 8, "model[0].accuracyFloor",
            "no point reaches it; the highest is 0.6"
        ),
        ("accuracy = 0.6", "accuracy = 0.4", 13, "model[0].points[1]", "must rise"),
        ("accuracy = 0.6", "accuracy = 60", 13, "model[0].points[1].accuracy", "outside"),
        ("points = [", "points = [[[[[[[[[", 11, "", "inside each other"),
        ("startSeconds = 1\n", "startSeconds = 3\n", 17, "load[0].startSeconds", "outside"),
        ("slowdown = 1\n", "slowdown = 1\nendSeconds = 1\n", 19, "load[0].endSeconds", "ends before"),
        ("startSeconds = 1\n", "startSeconds = 2.5\n", 17, "load[0].startSeconds", "starts when the scenario ends"),
        (
            "framesPerSecond = 30", "arrivesSeconds = 2\nframesPerSecond = 30\nleavesSeconds = 1", 10,
            "model[0].leavesSeconds", "leaves before"
        ),
        (
            "framesPerSecond = 30", "framesPerSecond = 30\narrivesSeconds = 2.5", 9, "model[0].arrivesSeconds",
            "arrives when the scenario ends"
        ),
        ("slowdown = 1\n", "slowdown = 0.1\n", 18, "load[0].slowdown", "0.1 is outside 1.0...1000.0"),
        ("endSlowdown = 4", "endSlowdown = 0.99", 19, "load[0].endSlowdown", "outside"),
        ("startSeconds = 1\n", "startSeconds = 1\nkind = \"rain\"\n", 18, "load[0].kind", "competition or throttling"),
        ("arrivals = \"poisson\"", "package = \"p\"\noperatingPoints = \"o\"", 12, "model[0].points", "either"),
        ("arrivals = \"poisson\"", "statistics = \"s\"", 10, "model[0].statistics", "without a package"),
    ])
    func refusalsNameLineAndField(old: String, new: String, line: Int, field: String, reason: String) throws {
        let text = Self.text.replacing(old, with: new, maxReplacements: 1)
        let refusal = try #require(throws: ScenarioRefusal.self) { try Scenario.parse(text, file: "s.toml") }
        #expect(refusal.line == line && refusal.field == field && refusal.reason.contains(reason), "\(refusal)")
    }

    @Test func aFloorMayBeTheHighestPoint() throws {
        let text = Self.text.replacing("framesPerSecond = 30", with: "framesPerSecond = 30\naccuracyFloor = 0.6")
        #expect(try Scenario.parse(text, file: "s").models[0].accuracyFloor == 0.6)
    }

    /// As other programs write TOML.
    @Test func namesAndTextsMayStandInEitherQuotes() throws {
        var text = Self.text.replacing("name = \"small\"", with: "\"name\" = 'sm\"a\\ll'")
        text = text.replacing("[[model]]", with: "[[ 'model' ]]").replacing("{ accuracy", with: "{ 'accuracy'")
        text = text.replacing("arrivals = \"poisson\"", with: "'arrivals' = 'poisson'")
        var scenario = try Scenario.parse(text, file: "s")
        #expect(scenario.name == "sm\"a\\ll")
        scenario.name = "small"
        #expect(try scenario == Scenario.parse(Self.text, file: "s"))
    }

    /// Policies would be compared over nothing.
    @Test func aScenarioWithoutFramesIsRefused() throws {
        let short = Self.text.replacing("framesPerSecond = 30", with: "framesPerSecond = 30\nleavesSeconds = 0.001")
        let refusal = try #require(throws: ScenarioRefusal.self) { try Scenario.parse(short, file: "s.toml") }
        #expect(refusal.field == "model" && refusal.reason.contains("no frame arrives"), "\(refusal)")
        // Another model's are something to compare.
        let second = short.replacing(
            "[[load]]",
            with: """
                [[model]]
                name = "b"
                framesPerSecond = 30
                constraintMilliseconds = 33
                points = [{ accuracy = 0.5, latencyMilliseconds = 1 }]
                [[load]]
                """)
        #expect(try Scenario.parse(second, file: "s.toml").models.count == 2)
    }

    /// Every frame takes memory.
    @Test(arguments: [(2_000, true), (2_001, false)]) func framesAreBounded(seconds: Int, isRead: Bool) throws {
        let long = Self.text.replacing("seconds = 2.5", with: "seconds = \(seconds)").replacing(
            "framesPerSecond = 30", with: "framesPerSecond = 1000")
        guard !isRead else { return _ = try Scenario.parse(long, file: "s.toml") }
        let refusal = try #require(throws: ScenarioRefusal.self) { try Scenario.parse(long, file: "s.toml") }
        #expect(refusal.field == "seconds" && refusal.reason.contains("more than \(Scenario.frameLimit)"), "\(refusal)")
    }

    @Test func packagesAndKindsOfLoadAreRead() throws {
        let text = """
            seconds = 2
            [[model]]
            name = "a"
            framesPerSecond = 30
            constraintMilliseconds = 33
            package = "a.shoal"
            operatingPoints = "a.json"
            [[load]]
            kind = "throttling"
            startSeconds = 0
            slowdown = 3
            [[load]]
            startSeconds = 1
            slowdown = 2
            """
        let scenario = try Scenario.parse(text, file: "s")
        #expect(
            scenario.models[0].package == .init(package: "a.shoal", operatingPoints: "a.json", statistics: nil))
        #expect(scenario.models[0].points.isEmpty && scenario.slowdown(atSeconds: 1.5) == 6)
        #expect(scenario.slowdown(by: .throttling, atSeconds: 1.5) == 3)
        #expect(scenario.slowdown(by: .competition, atSeconds: 1.5) == 2)
        #expect(throws: ScenarioRefusal.self) {
            try Scenario.parse(text.replacing("operatingPoints = \"a.json\"\n", with: ""), file: "s")
        }
    }

    @Test(arguments: [UInt64(1), .random(in: 0...UInt64.max)])
    func mutationIsSurvived(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<3_000 {
            var bytes = Array(Self.text.utf8)
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            guard let scenario = try? Scenario.parse(String(decoding: bytes, as: UTF8.self), file: "s") else {
                continue
            }
            #expect(scenario.seconds > 0 && !scenario.models.isEmpty, "seed \(seed)")
        }
    }
}
