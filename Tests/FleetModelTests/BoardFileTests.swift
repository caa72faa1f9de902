import FleetModel
import SearchSpace
import Testing

@Suite struct BoardFileTests {
    private static let text = """
        name: kitchen
        labels: { tier: edge }
        cores: 4
        memoryBytes: 1000000
        watts: 5
        reserve: { cpu: 0.1 }
        interference:
          a: { b: 1.25 }
        models:
          - model: a
            framesPerSecond: 30
            memoryBytes: 1000
            points:
              - { accuracy: 0.9, latencyMilliseconds: 7.5, p95Milliseconds: 9, name: s, precision: int8, threads: 2 }
              - accuracy: 0.95
                latencyMilliseconds: 12
                subnet: { resolution: 28, depths: [1], kernelSizes: [3], expandRatios: [4] }
                hookBudget: 0.02
                memoryBytes: 50
                energyMillijoules: 30
          - name: b
            framesPerSecond: 10
            points: [{ accuracy: 0.5, latencyMilliseconds: 1, resolution: 64, cpuMilliseconds: 3 }]
        """

    @Test func everythingWrittenIsRead() throws {
        let board = try BoardFile.parse(Self.text, file: "b")
        #expect(board.name == "kitchen" && board.cores == 4 && board.memoryBytes == 1_000_000 && board.watts == 5)
        #expect(board.reserve.cpu == 0.1 && board.labels == ["tier": "edge"])
        #expect(board.interference.slowdown(of: "a", beside: ["a", "b"]) == 1.25)
        #expect(board.interference.slowdown(of: "b", beside: ["a", "b"]) == 1)
        let (first, second) = (board.models[0], board.models[1])
        #expect(first.memoryBytes == 1_000 && first.pointNames == ["s", nil])
        #expect(first.points[0].cpuMilliseconds == 15 && second.points[0].cpuMilliseconds == 3)
        #expect(first.points[0].demand?.precision == "int8")
        #expect(first.points[0].latencyMilliseconds(atPercentile: 95) == 9)
        #expect(first.points[0].latencyMilliseconds(atPercentile: 50) == 9)
        #expect(first.points[0].latencyMilliseconds(atPercentile: 99) == 9)
        #expect(first.points[1].configuration.expandRatios == [4])
        #expect(first.points[1].demand?.energyMillijoules == 30 && first.points[1].demand?.hookBudget == 0.02)
        #expect(second.name.rawValue == "b" && second.points[0].configuration.resolution == 64)
        try board.description.validate()
        // A board's points are told with what their model keeps in memory at each of them.
        #expect(board.report.models[0].points.map { $0.demand?.memoryBytes } == [1_000, 1_050])
        #expect(board.report.models[1].points == second.points)
    }

    @Test func littleIsRequiredAndJSONIsRead() throws {
        let board = try BoardFile.parse(
            #"{"cores":1,"models":[{"model":"a","framesPerSecond":1,"#
                + #""points":[{"accuracy":1,"latencyMilliseconds":1}]}]}"#,
            file: "b.json")
        #expect(board.memoryBytes == nil && board.watts == nil && board.name == "board")
        #expect(board.interference == Interference())
    }

    @Test func slowDownsOfSeveralNeighboursAreMultiplied() {
        let interference = Interference(factors: ["a": ["b": 2, "c": 1.5]])
        #expect(interference.slowdown(of: "a", beside: ["a", "b", "c", "d"]) == 3)
    }

    @Test(arguments: [
        ("cores: 4", "cores: 0", 3, "cores", "greater than 0"),
        ("cores: 4", "coers: 4", 3, "board", "has no field 'coers'"),
        ("cpu: 0.1", "cpu: 1", 6, "reserve.cpu", "below 1"),
        ("a: { b: 1.25 }", "a: { c: 1.25 }", 8, "interference.a", "has no field 'c'"),
        ("a: { b: 1.25 }", "a: { b: 0 }", 8, "interference.a.b", "outside"),
        ("framesPerSecond: 30", "framesPerSecond: 0", 11, "models[0].framesPerSecond", "greater than 0"),
        ("framesPerSecond: 30", "framesPerSecond: .nan", 11, "models[0].framesPerSecond", "must be a number"),
        ("accuracy: 0.95", "accuracy: 95", 15, "models[0].points[1].accuracy", "outside 0...1"),
        ("p95Milliseconds: 9", "p95Milliseconds: 9, p99Milliseconds: 8", 14, "models[0].points[0]", "below that"),
        ("int8", "int4", 14, "models[0].points[0].precision", "none of fp32, bf16, int8"),
        ("threads: 2", "threads: 1.5", 14, "models[0].points[0].threads", "whole number"),
        ("name: b", "name: a", 21, "models[1].model", "named twice"),
        ("- name: b", "- priority: 1", 21, "models[1]", "has no field 'priority'"),
        ("- name: b", "- model: c\n    name: b", 22, "models[1].name", "'c'; give one"),
        ("cpu: 0.1", "memoryBytes: 1000000", 6, "reserve.memoryBytes", "none of the 1000000"),
        ("cpu: 0.1", "watts: 5.5", 6, "reserve.watts", "5.5 leaves the models none of the 5"),
        ("p95Milliseconds: 9", "p50Milliseconds: 7", 14, "models[0].points[0].p50Milliseconds", "7 is below"),
        ("p95Milliseconds: 9", "p95Milliseconds: 7.4999", 14, "models[0].points[0].p95Milliseconds", "7.4999 is below"),
        ("hookBudget: 0.02", "resolution: 64", 18, "models[0].points[1].resolution", "64 contradicts"),
        ("resolution: 64", "configuration: {}, subnet: {}", 23, "models[1].points[0].configuration", "give either"),
    ])
    func refusalsNameLineAndField(old: String, new: String, line: Int, field: String, reason: String) throws {
        let text = Self.text.replacing(old, with: new)
        let refusal = try #require(throws: PolicyRefusal.self) { try BoardFile.parse(text, file: "b.yaml") }
        #expect(refusal.line == line && refusal.field == field && refusal.reason.contains(reason), "\(refusal)")
    }

    @Test(arguments: [UInt64(1), .random(in: 0...UInt64.max)])
    func mutationIsSurvived(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<1_000 {
            var bytes = Array(Self.text.utf8)
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            guard let board = try? BoardFile.parse(String(decoding: bytes, as: UTF8.self), file: "b") else { continue }
            #expect(board.cores > 0 && board.models.allSatisfy { !$0.points.isEmpty }, "seed \(seed)")
        }
    }
}
