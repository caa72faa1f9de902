import Foundation
import Testing

/// Hooks beside what they are compared with, and what their gates read besides the network.
extension CommandLineTests {
    private func buildHooks(inputs: [String] = []) throws {
        for (name, height, width) in [("l.onnx", "8", "12"), ("s.onnx", "4", "6")] {
            try writeNetwork(name, height, width)
            try importNetwork(name)
        }
        let build = try shoal(
            ["hooks", "build", "l.onnx.shoal", "--with", "s.onnx.shoal", "--kinds", "model", "--output", "h"] + inputs)
        #expect(build.status == 0, "\(build.errors)")
        try writeImages([64, 3, 8, 12])
    }

    private struct Curve: Decodable {
        struct Point: Decodable {
            var flopsRatio: Double
            var skipRatio: Double
            var skipRatioByHook: [Double]
        }
        var curve: [Point]
    }

    @Test func policiesDecideInPlaceOfGates() throws {
        try buildHooks()
        let train = try shoal(["hooks", "train", "l.onnx.shoal", "h", "--images", "i.npy"])
        #expect(train.status == 0, "\(train.errors)")
        let evaluate = ["hooks", "evaluate", "l.onnx.shoal", "h", "--images", "i.npy", "--budget", "0", "--policy"]
        func point(_ policy: String) throws -> Curve.Point {
            let outcome = try shoal(evaluate + [policy, "--repeat", "1", "--format", "json"])
            #expect(outcome.status == 0, "\(outcome.errors)")
            return try #require(try JSONDecoder().decode(Curve.self, from: Data(outcome.output.utf8)).curve.first)
        }

        let fixed = try point("fixed:0")
        #expect(fixed.skipRatio == 1 && fixed.skipRatioByHook == [1] && fixed.flopsRatio < 0.5, "\(fixed)")
        let never = try point("random:0")
        #expect(never.skipRatio == 0 && never.flopsRatio > 1, "\(never)")
        let half = try point("random:0.5")
        #expect(half.skipRatio > 0.2 && half.skipRatio < 0.8, "\(half)")
        #expect(half.flopsRatio > fixed.flopsRatio && half.flopsRatio < never.flopsRatio)

        let bars = try shoal(evaluate + ["gates", "--repeat", "1", "--bars", "b.svg"])
        #expect(bars.status == 0, "\(bars.errors)")
        let picture = try String(contentsOfFile: folder + "/b.svg", encoding: .utf8)
        #expect(picture.contains(">s.onnx.shoal</text>"), "the smaller network by its name: \(picture)")

        let run = ["run", "l.onnx.shoal", "--hooks", "h", "--images", "i.npy", "--budget"]
        for budget in ["-1", "off"] {
            let outcome = try shoal(run + [budget])
            #expect(outcome.status == 0, "\(budget): \(outcome.errors)")
        }
        #expect(try shoal(run + ["0", "--resolution", "8"]).status == 2)
        // Of two blocks each first second does not count: nothing would be left.
        let stream = ["hooks", "stream", "l.onnx.shoal", "h", "--images", "i.npy", "--budget", "0.1", "--block", "1.5"]
        #expect(try shoal(stream + ["--rate", "1", "--seconds", "5"]).status == 64)

        for (policy, reason) in [
            ("fixed:1", "there is no hook 1; they are 0 to 0"), ("fixed:-1", "there is no hook -1"),
            ("fixed:", "is none of gates, random:P, fixed:A,B"), ("random:2", "is none of gates, random:P, fixed:A,B"),
            ("oracle", "is none of gates, random:P, fixed:A,B"),
        ] {
            try refused(evaluate + [policy], "--policy \(policy): \(reason)")
        }
    }

    private struct Trained: Decodable {
        struct Together: Decodable {
            struct Rung: Decodable {
                var budget: Double
                var damage: Double
                var heldBudget: Double
            }
            var kinds: [String]
            var images: Int
            var ladder: [Rung]
        }
        var frames: Int
        var framesUsed: Int
        var framesReserved: Int
        var together: [Together]
    }

    private struct Held: Decodable {
        struct Point: Decodable {
            var budget: Double
            var heldBudget: Double
            var damage: Double
            var damageError: Double
            var moved: Double
        }
        var curve: [Point]
    }

    /// A fifth of the images is kept to measure what gates do together; the file says what budgets are held to, and
    /// evaluation shows it. More frames than images are named, not passed over.
    @Test func budgetsAreHeldByWhatWasMeasured() throws {
        try buildHooks()
        try writeImages([700, 3, 8, 12])
        let train = ["hooks", "train", "l.onnx.shoal", "h", "--images", "i.npy", "--format", "json"]
        let few = try shoal(train + ["--frames", "600"])
        #expect(few.status == 0 && few.errors.contains("too few images to measure"), "\(few.errors)")
        let unheld = try JSONDecoder().decode(Trained.self, from: Data(few.output.utf8))
        #expect(unheld.framesUsed == 600 && unheld.framesReserved == 0 && unheld.together.isEmpty)

        try buildHooks()
        try writeImages([700, 3, 8, 12])
        let all = try shoal(train + ["--frames", "9000"])
        #expect(all.status == 0 && all.errors.contains("--frames 9000: there are 700 images; all are used"))
        let trained = try JSONDecoder().decode(Trained.self, from: Data(all.output.utf8))
        #expect(trained.framesUsed == 700 && trained.framesReserved == 140 && trained.frames == 560)
        let together = try #require(trained.together.first)
        #expect(trained.together.count == 1 && together.kinds == ["model"] && together.images == 140)
        #expect(together.ladder.allSatisfy { $0.heldBudget <= $0.budget })

        let evaluated = try shoal([
            "hooks", "evaluate", "l.onnx.shoal", "h", "--images", "i.npy", "--repeat", "1", "--format", "json",
            "--budget", "off", "0.02", "0.5",
        ])
        let curve = try JSONDecoder().decode(Held.self, from: Data(evaluated.output.utf8)).curve
        #expect(curve[0].heldBudget == -1 && curve[0].damage == 0 && curve[0].moved == 0)
        for point in curve.dropFirst() {
            let rung = try #require(together.ladder.first { abs($0.budget - point.budget) < 1e-6 })
            #expect(abs(rung.heldBudget - point.heldBudget) < 1e-6 && point.damageError >= 0)
        }
    }

    /// Networks are tried in the order of their work, and a larger one is no smaller one.
    @Test func smallerNetworksAreThoseOfLessWork() throws {
        for (name, height, width) in [("l.onnx", "8", "12"), ("m.onnx", "6", "8"), ("s.onnx", "4", "6")] {
            try writeNetwork(name, height, width)
            try importNetwork(name)
        }
        let build = ["hooks", "build", "--kinds", "model", "--output", "h", "--format", "json"]
        try refused(
            build + ["s.onnx.shoal", "--with", "l.onnx.shoal"], "--with l.onnx.shoal: takes more FLOPs")
        #expect(!FileManager.default.fileExists(atPath: folder + "/h"))
        let outcome = try shoal(build + ["l.onnx.shoal", "--with", "m.onnx.shoal", "--with", "s.onnx.shoal"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("order of their FLOPs: s.onnx.shoal, m.onnx.shoal"), "\(outcome.errors)")
        let sorted = try shoal(build + ["l.onnx.shoal", "--with", "s.onnx.shoal", "--with", "m.onnx.shoal"])
        #expect(sorted.status == 0 && !sorted.errors.contains("order of their FLOPs"), "\(sorted.errors)")
    }

    /// What a refusal advises can be done, and helps.
    @Test func aNetworkOfOpenSizeIsImportedWithOne() throws {
        try writeNetwork("o.onnx", "H", "W")
        try writeNetwork("s.onnx", "4", "6")
        for name in ["o.onnx", "s.onnx"] { try importNetwork(name) }
        let build = ["hooks", "build", "o.onnx.shoal", "--with", "s.onnx.shoal", "--kinds", "model", "--output", "h"]
        let outcome = try shoal(build)
        #expect(outcome.status != 0 && outcome.errors.contains("import it with inputSize in --config"))
        #expect(!outcome.errors.contains("--resolution"), "\(outcome.errors)")
        try write("c.json", #"{"inputSize":[8,12]}"#)
        try importNetwork("o.onnx", config: "c.json")
        let followed = try shoal(build)
        #expect(followed.status == 0, "\(followed.errors)")
    }

    @Test func sensorsAreGivenByName() throws {
        try buildHooks(inputs: ["--inputs", "sensor:lux,sensor:heat"])
        let (both, images) = (["--sensor", "lux=120", "--sensor", "heat=-3.5"], ["--images", "i.npy"])
        let train = ["hooks", "train", "l.onnx.shoal", "h"] + images
        let before = FileManager.default.contents(atPath: folder + "/h")
        for (sensors, reason) in [
            ([], "--sensor lux=VALUE: the gates read the sensor lux, whose value is not given"),
            (["--sensor", "lux=1"], "the gates read the sensor heat, whose value is not given"),
            (both + ["--sensor", "dust=1"], "--sensor dust: the gates of these hooks read no sensor of this name"),
            (both + ["--sensor", "lux=2"], "--sensor lux=2: give a name and a number, NAME=VALUE, each name once"),
            (["--sensor", "lux=warm"], "--sensor lux=warm: give a name and a number"),
            (["--sensor", "lux=nan"], "--sensor lux=nan: give a name and a number"),
            (both + ["--sensors", "v.csv"], "--sensor, --sensors: give one of them"),
        ] {
            try refused(train + sensors, reason)
        }
        #expect(FileManager.default.contents(atPath: folder + "/h") == before, "what is refused changes no file")
        let trained = try shoal(train + both)
        #expect(trained.status == 0, "\(trained.errors)")

        let run = ["run", "l.onnx.shoal", "--hooks", "h", "--budget", "0.1"] + images
        #expect(try shoal(run + both).status == 0)
        try refused(run, "whose value is not given")
        try refused(
            ["run", "l.onnx.shoal"] + images + both, "--with, --budget, --sensor, --sensors: go with --hooks",
            status: 64)
        let evaluate = ["hooks", "evaluate", "l.onnx.shoal", "h", "--budget", "0.1", "--repeat", "1"] + images
        #expect(try shoal(evaluate + both).status == 0)
        try write("v.csv", (0..<64).map { "\($0),\(-$0)" }.joined(separator: "\n"))
        let rows = try shoal(evaluate + ["--sensors", "v.csv"])
        #expect(rows.status == 0, "\(rows.errors)")
        try write("v.csv", "1,2\n")
        #expect(try shoal(evaluate + ["--sensors", "v.csv"]).status == 2)
    }
}
