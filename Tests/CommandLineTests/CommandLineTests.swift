import Foundation
import Testing

/// The program `shoal` as a user runs it: results on standard output, one sentence on standard error, exit codes.
@Suite final class CommandLineTests {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path()
    private static let example = root + "/Examples/fashion-supernet"
    private static let program: String = {
        let beside = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "shoal").path()
        return FileManager.default.isExecutableFile(atPath: beside) ? beside : root + "/.build/release/shoal"
    }()
    let folder = FileManager.default.temporaryDirectory.appending(path: "shoal-cli-\(UUID())").path()

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    struct Outcome {
        let status: Int32
        let output: String
        let errors: String
    }

    /// - Parameter output: where standard output goes, if not to the outcome.
    func shoal(
        _ arguments: [String], environment: [String: String] = [:], output: FileHandle? = nil
    ) throws -> Outcome {
        let process = Process()
        process.executableURL = URL(filePath: Self.program)
        process.arguments = arguments
        process.currentDirectoryURL = URL(filePath: folder)
        var variables = ProcessInfo.processInfo.environment
        variables["SHOAL_STATE"] = nil
        process.environment = variables.merging(environment) { $1 }
        let files = ["out", "err"].map { folder + "/" + $0 }
        for file in files { FileManager.default.createFile(atPath: file, contents: nil) }
        process.standardOutput = output ?? FileHandle(forWritingAtPath: files[0])
        process.standardError = FileHandle(forWritingAtPath: files[1])
        try process.run()
        process.waitUntilExit()
        let texts = files.map { String(decoding: FileManager.default.contents(atPath: $0) ?? Data(), as: UTF8.self) }
        return Outcome(status: process.terminationStatus, output: texts[0], errors: texts[1])
    }

    func write(_ name: String, _ text: String) throws {
        try text.write(toFile: folder + "/" + name, atomically: false, encoding: .utf8)
    }

    /// Images as NumPy bytes: a ramp that begins anew after 251.
    func writeImages(_ shape: [Int] = [2, 28, 28]) throws {
        let dimensions = shape.map(String.init).joined(separator: ", ")
        var header = "{'descr': '|u1', 'fortran_order': False, 'shape': (\(dimensions)), }"
        header += String(repeating: " ", count: 117 - header.utf8.count) + "\n"
        let images =
            [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(header.utf8)
            + (0..<shape.reduce(1, *)).map { UInt8($0 % 251) }
        try Data(images).write(to: URL(filePath: folder + "/i.npy"))
    }

    /// The floats of a file of `--logits`.
    func logits(_ name: String) throws -> [Float] {
        let file = try #require(FileManager.default.contents(atPath: folder + "/" + name))
        let header = 10 + Int(file[8]) + Int(file[9]) << 8
        return file.dropFirst(header).withUnsafeBytes { bytes in
            (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
        }
    }

    /// Disks that are full: what is lost is no success, and not the input's fault.
    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full"), "there is no /dev/full"))
    func resultsThatCannotBeWrittenAreTheEnvironmentsFault() throws {
        try importExample()
        try writeImages()
        let full = try #require(FileHandle(forWritingAtPath: "/dev/full"))
        let lost = try shoal(["run", "f.shoal", "--images", "i.npy", "--format", "json"], output: full)
        #expect(lost.status == 6 && lost.errors.contains("standard output"))
        // The system's own folder takes no file.
        let logits = try shoal(["run", "f.shoal", "--images", "i.npy", "--logits", "/proc/l.npy"])
        #expect(logits.status == 6, "\(logits.errors)")
        let package = try shoal([
            "import", Self.example + "/fashion_supernet.pth", "--config", Self.example + "/fashion_supernet.json",
            "--output", "/proc/f.shoal",
        ])
        #expect(package.status == 6, "\(package.errors)")
    }

    /// `head`, which has seen enough: nothing is wrong, and nothing was lost that somebody wanted.
    @Test func aReaderThatGoesIsToldNothing() throws {
        try importExample()
        try writeImages()
        let pipe = Pipe()
        try pipe.fileHandleForReading.close()
        let outcome = try shoal(
            ["run", "f.shoal", "--images", "i.npy", "--format", "json"], output: pipe.fileHandleForWriting)
        // By the signal, or by the status that shells give to it.
        #expect([SIGPIPE, 128 + SIGPIPE].contains(outcome.status), "\(outcome)")
        #expect(!outcome.errors.contains("standard output"), "\(outcome)")
    }

    func importExample() throws {
        let outcome = try shoal([
            "import", Self.example + "/fashion_supernet.pth", "--config", Self.example + "/fashion_supernet.json",
            "--output", "f.shoal", "--format", "json",
        ])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
        #expect(object?["kind"] as? String == "supernet")
        #expect(object?["parameters"] as? Int == 1_627_754)
        #expect((object?["operators"] as? Int ?? 0) > 100)
    }

    /// A convolution and a mean over one channel of 28x28, for which the definitions of the operators suffice.
    @Test func networksAreImportedAndRun() throws {
        let network = Self.root + "/Tests/ModelImportTests/Fixtures/small.onnx"
        try write("c.json", #"{"mean": [0.5], "std": [0.25], "labels": ["dark", "bright"]}"#)
        let imported = try shoal([
            "import", network, "--config", "c.json", "--output", "n.shoal", "--format", "json",
        ])
        #expect(imported.status == 0, "\(imported.errors)")
        let summary = try JSONSerialization.jsonObject(with: Data(imported.output.utf8)) as? [String: Any]
        #expect(summary?["kind"] as? String == "network")
        #expect(summary?["parameters"] as? Int == 20 && summary?["operators"] as? Int == 3)

        try writeImages()
        try write("l.txt", "0\n1\n")
        let run = try shoal([
            "run", "n.shoal", "--images", "i.npy", "--labels", "l.txt", "--logits", "o.npy", "--format", "json",
        ])
        #expect(run.status == 0, "\(run.errors)")
        let object = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any]
        #expect(object?["images"] as? Int == 2 && object?["top1"] is Double)
        #expect(object?["flops"] as? Int == 2 * 9 * 2 * 26 * 26)
        #expect(FileManager.default.contents(atPath: folder + "/o.npy")?.count == 128 + 2 * 2 * 4)
        #expect(try shoal(["run", "n.shoal", "--images", "i.npy", "--subnet", "{}"]).status == 2)

        try write("t.onnx", "not a model")
        let refused = try shoal(["import", "t.onnx", "--output", "t.shoal"])
        #expect(refused.status == 2 && refused.errors.contains("t.onnx: is not an ONNX model"), "\(refused.errors)")
    }

    @Test func hooksThatCannotBeBuiltAreRefusedByName() throws {
        let network = Self.root + "/Tests/ModelImportTests/Fixtures/small.onnx"
        #expect(try shoal(["import", network, "--output", "n.shoal"]).status == 0)
        for (kinds, reason) in [
            ("point", "has no place for gates of the kind point"),
            ("bits", "--images: the kind bits needs images of the stream, or with --with a package of 8 bits"),
            ("skip,channel", "has no place for gates of the kind skip or channel; skip and point need residual blocks"),
            ("depth", "--kinds depth: is none of model, exit, skip, channel, point, bits"),
            ("model,skip", "model and bits decide between networks and need a hook file of their own"),
            ("model", "--with: the kind model needs a smaller network for the same task"),
        ] {
            let outcome = try shoal(["hooks", "build", "n.shoal", "--kinds", kinds, "--output", "h"])
            #expect(outcome.status == 2 && outcome.errors.contains(reason), "\(outcome.errors)")
        }
        try write("h", "not hooks")
        let trained = try shoal(["hooks", "train", "n.shoal", "h", "--images", "i.npy"])
        #expect(trained.status == 2, "\(trained.errors)")
        #expect(FileManager.default.contents(atPath: folder + "/h") == Data("not hooks".utf8))
    }

    /// Calibrated beforehand or while it runs, a package answers the same in 8 bits, again and again.
    @Test func networksAreQuantised() throws {
        let network = Self.root + "/Tests/ModelImportTests/Fixtures/small.onnx"
        #expect(try shoal(["import", network, "--output", "n.shoal"]).status == 0)
        try writeImages()
        let quantized = try shoal([
            "quantize", "n.shoal", "--images", "i.npy", "--output", "q.shoal", "--format", "json",
        ])
        #expect(quantized.status == 0, "\(quantized.errors)")
        let summary = try JSONSerialization.jsonObject(with: Data(quantized.output.utf8)) as? [String: Any]
        #expect(summary?["images"] as? Int == 2 && summary?["method"] as? String == "percentile:99.99")
        #expect(try shoal(["quantize", "n.shoal", "--images", "i.npy", "--output", "r.shoal"]).status == 0)
        #expect(
            FileManager.default.contents(atPath: folder + "/q.shoal")
                == FileManager.default.contents(atPath: folder + "/r.shoal"))

        let run = try shoal(["run", "q.shoal", "--images", "i.npy", "--logits", "q.npy", "--format", "json"])
        #expect(run.status == 0, "\(run.errors)")
        let object = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any]
        #expect(object?["precision"] as? String == "int8" && object?["instructionSet"] is String)
        let eight = ["run", "n.shoal", "--images", "i.npy", "--precision", "int8"]
        #expect(try shoal(eight + ["--calibrate", "i.npy", "--logits", "c.npy"]).status == 0)
        #expect(
            FileManager.default.contents(atPath: folder + "/q.npy")
                == FileManager.default.contents(atPath: folder + "/c.npy"))

        for (arguments, sentence) in [
            (eight, "n.shoal: is not quantised; give --calibrate IMAGES or a package of shoal quantize"),
            (["quantize", "q.shoal", "--images", "i.npy", "--output", "z.shoal"], "the network is quantised already"),
            (
                ["run", "q.shoal", "--images", "i.npy", "--precision", "int8", "--calibrate", "i.npy"],
                "quantised already"
            ),
            (["quantize", "n.shoal", "--images", "none.npy", "--output", "z.shoal"], "none.npy"),
            (["quantize", "n.shoal", "--images", "i.npy", "--subnet", "{}", "--output", "z.shoal"], "is a network"),
            (["hooks", "build", "q.shoal", "--kinds", "skip", "--output", "h"], "is of 8 bits"),
        ] {
            let refused = try shoal(arguments)
            #expect(refused.status == 2 && refused.errors.contains(sentence), "\(refused.errors)")
        }
        let unknown = try shoal(eight + ["--calibrate", "i.npy", "--calibration-method", "best"])
        #expect(unknown.status == 64 && unknown.errors.contains("best is none of"), "\(unknown.errors)")
        let alone = try shoal(["run", "n.shoal", "--images", "i.npy", "--budget", "0.1"])
        #expect(alone.status == 64 && alone.errors.contains("go with --hooks"), "\(alone.errors)")
    }

    /// YAML and JSON, what fits and what does not; refusals name file, line and field.
    @Test func boardsAreShared() throws {
        try write(
            "b.yaml",
            """
            cores: 1
            models:
              - model: a
                framesPerSecond: 20
                points:
                  - { accuracy: 0.7, latencyMilliseconds: 10, name: small }
                  - { accuracy: 0.9, latencyMilliseconds: 30, threads: 1, precision: int8 }
              - model: b
                framesPerSecond: 20
                points: [{ accuracy: 0.6, latencyMilliseconds: 10 }, { accuracy: 0.9, latencyMilliseconds: 30 }]
            """)
        let policy = """
            {"apiVersion": "shoal/v2", "kind": "Policy", "metadata": {"name": "p"}, "spec": {"models": [
              {"model": "a", "latency": {"milliseconds": 40}},
              {"model": "b", "latency": {"milliseconds": 40}, "priority": 9}]}}
            """
        try write("p.json", policy)
        let outcome = try shoal(["allocate", "--board", "b.yaml", "--policy", "p.json", "--format", "json"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
        let assignments = object?["assignments"] as? [[String: Any]] ?? []
        #expect(assignments.map { $0["point"] as? Int } == [0, 1])
        #expect(abs((object?["objective"] as? Double ?? 0) - 15.1) < 1e-9)
        #expect((object?["infeasible"] as? [Any])?.isEmpty == true && object?["isProvenOptimal"] as? Bool == true)

        let watts = try #require(object?["watts"] as? [String: Any])
        #expect(watts["budget"] is NSNull && watts["used"] as? Double == 0)
        #expect(abs(((object?["cores"] as? [String: Any])?["budget"] as? Double ?? 0) - 1) < 1e-9)

        // By night b may take no time; by day it has the whole board with a.
        let night = policy.replacing(
            "{\"models\"", with: "{\"windows\": [{\"from\": \"22:00\", \"to\": \"06:00\"}], \"models\"")
        try write("w.json", night)
        for (time, count) in [("2026-03-01T23:00:00Z", 2), ("2026-03-01T23:00:00+02:00", 0)] {
            let then = try shoal([
                "allocate", "--board", "b.yaml", "--policy", "w.json", "--at", time, "--format", "json",
            ])
            let object = try JSONSerialization.jsonObject(with: Data(then.output.utf8)) as? [String: Any]
            #expect((object?["assignments"] as? [Any])?.count == count, "\(time): \(then.errors)")
            #expect((object?["outsideWindows"] as? [String]) == (count == 0 ? ["p"] : []))
        }
        #expect(try shoal(["allocate", "--board", "b.yaml", "--policy", "w.json", "--at", "noon"]).status == 64)

        try write("q.json", policy.replacing("\"milliseconds\": 40}, \"priority\": 9", with: "\"milliseconds\": 4}"))
        let short = try shoal(["allocate", "--board", "b.yaml", "--policy", "q.json", "--format", "json"])
        #expect(short.status == 0 && short.output.contains("model b: its fastest point takes 10 ms"))

        for (old, new, sentence) in [
            ("\"b\"", "\"c\"", "r.json:3: spec.models[1].model: model c: no board has it deployed"),
            ("{\"models\"", "{\"selector\": {\"tier\": \"x\"}, \"models\"", "r.json:1: spec.selector: policy p"),
            ("40}}", "40, \"percentile\": 10}}", "r.json:2: spec.models[0].latency.percentile: 10 is outside"),
        ] {
            try write("r.json", policy.replacing(old, with: new))
            let refused = try shoal(["allocate", "--board", "b.yaml", "--policy", "r.json"])
            #expect(refused.status == 2 && refused.errors.contains(sentence), "\(refused.errors)")
        }
        try write("c.yaml", "cores: one")
        let refused = try shoal(["allocate", "--board", "c.yaml", "--policy", "p.json"])
        #expect(refused.status == 2 && refused.errors.contains("c.yaml:1: board: the field 'models' is missing"))
    }

    /// In bfloat16 the logits are the same but for its 8 bits of mantissa, of networks as of subnets.
    @Test(arguments: ["n", "f"]) func bfloat16AnswersNearlyTheSame(package: String) throws {
        let network = Self.root + "/Tests/ModelImportTests/Fixtures/small.onnx"
        #expect(try shoal(["import", network, "--output", "n.shoal"]).status == 0)
        try importExample()
        try writeImages()
        var logits = [[Float]]()
        for precision in ["fp32", "bf16"] {
            let outcome = try shoal([
                "run", package + ".shoal", "--images", "i.npy", "--precision", precision, "--logits", "l.npy",
                "--format", "json",
            ])
            #expect(outcome.status == 0, "\(outcome.errors)")
            let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
            #expect(object?["precision"] as? String == precision)
            logits.append(try self.logits("l.npy"))
        }
        let largest = logits[0].map(abs).max() ?? 0
        let difference = zip(logits[0], logits[1]).map { abs($0 - $1) }.max() ?? .infinity
        #expect(difference > 0 && difference < 0.03 * largest, "\(difference) of \(largest)")
    }

    @Test func subnetsAreQuantised() throws {
        try importExample()
        try writeImages()
        let outcome = try shoal([
            "run", "f.shoal", "--images", "i.npy", "--precision", "int8", "--calibrate", "i.npy", "--format", "json",
        ])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
        #expect(object?["precision"] as? String == "int8" && (object?["flops"] as? Int ?? 0) > 10_000_000)
        let refused = try shoal(["run", "f.shoal", "--images", "i.npy", "--precision", "int8"])
        #expect(refused.status == 2 && refused.errors.contains("is not quantised; give --calibrate"))
    }

    @Test func importThenRunPrintsTheContractsKeys() throws {
        try importExample()
        try writeImages()
        try write("l.txt", "3\n7\n")
        let outcome = try shoal([
            "run", "f.shoal", "--images", "i.npy", "--labels", "l.txt", "--calibrate", "i.npy", "--logits", "o.npy",
            "--format", "json",
        ])

        #expect(outcome.status == 0, "\(outcome.errors)")
        let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
        #expect(object?["images"] as? Int == 2 && object?["top1"] is Double)
        #expect((object?["flops"] as? Int ?? 0) > 10_000_000)
        let latency = object?["latencyMilliseconds"] as? [String: Double]
        #expect(latency?["p50"] != nil && latency?["p90"] != nil && latency?["p99"] != nil)
        #expect(FileManager.default.contents(atPath: folder + "/o.npy")?.count == 128 + 2 * 10 * 4)
    }

    @Test func benchPrintsTheContractsKeys() throws {
        try importExample()
        let outcome = try shoal(["bench", "f.shoal", "f.shoal", "--threads", "2", "--repeat", "5", "--format", "json"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
        let models = try #require(object?["models"] as? [[String: Any]])
        #expect(models.count == 2)
        for key in ["p50Milliseconds", "p90Milliseconds", "minMilliseconds", "flops"] {
            #expect(models.allSatisfy { $0[key] is NSNumber }, "\(key)")
        }
        let profile = try shoal(["bench", "f.shoal", "--profile", "--repeat", "2", "--trace", "t.json"])
        #expect(profile.status == 0 && profile.output.contains("blocks.1.depthwise"), "\(profile.errors)")
        #expect(FileManager.default.contents(atPath: folder + "/t.json") != nil)
        let halves = try shoal([
            "bench", "f.shoal", "--profile", "--repeat", "2", "--precision", "bf16", "--format", "json",
        ])
        #expect(halves.status == 0, "\(halves.errors)")
        let rows = try JSONSerialization.jsonObject(with: Data(halves.output.utf8)) as? [String: Any]
        let profiles = rows?["profiles"] as? [[String: Any]] ?? rows.map { [$0] } ?? []
        let peaks = profiles.first?["peaks"] as? [String: Double]
        // What is stored in halves is held against the instructions for halves, the first layer against floats.
        #expect((peaks?["bf16"] ?? 0) > 0 && (peaks?["fp32"] ?? 0) > 0 && peaks?["int8"] == nil, "\(halves.output)")
    }

    @Test func switchesAllocateNothingAndAnswerRightly() throws {
        try importExample()
        let subnets = [(20, 2, 3, 3), (28, 4, 7, 6), (24, 3, 5, 4)].map { side, depth, kernel, expand in
            """
            {"resolution":\(side),"depths":\([Int](repeating: depth, count: 5)),\
            "kernelSizes":\([Int](repeating: kernel, count: 20)),"expandRatios":\([Int](repeating: expand, count: 20))}
            """
        }
        try write("s.json", "[\(subnets.joined(separator: ","))]")
        let outcome = try shoal([
            "bench", "--switch", "f.shoal", "--subnets", "s.json", "--repeat", "300", "--format", "json",
        ])

        #expect(outcome.status == 0, "\(outcome.errors)")
        let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
        #expect(object?["allocations"] as? Int == 0 && object?["wrongOutputs"] as? Int == 0)
        let times = object?["switchMicroseconds"] as? [String: Any]
        for key in ["p50", "p99", "max"] { #expect(times?[key] is NSNumber) }
    }

    @Test(
        arguments: [
            (["import", "/dev/null", "-o", "x"], 2, "/dev/null"),
            (["import", "text", "-o", "x"], 2, "text"),
            (["import", "missing", "-o", "x"], 2, "missing"),
            (["run", "text", "--images", "text"], 2, "text: is not a Shoal package"),
            (["run", "text", "--images", "text", "--precision", "fp64"], 64, "fp64"),
            (["bench", "text"], 2, "text: is not a Shoal package"), (["bench", "text", "--switch"], 64, "--subnets"),
            (["bench", "text", "--threads", "0"], 64, "--threads"),
            (
                [
                    "search", "--space", "nowhere", "--accuracy-predictor", "a", "--latency-table", "b", "--latency",
                    "1",
                ], 3, "nowhere"
            ),
            (
                [
                    "search", "--space", "ofa-mbv3", "--accuracy-predictor", "text", "--latency-table", "b",
                    "--latency", "1",
                ], 2, "text"
            ),
            (
                [
                    "search", "--space", "ofa-mbv3", "--accuracy-predictor", "a", "--latency-table", "b", "--latency",
                    "-1",
                ], 64, "latency"
            ),
            (["predict", "--target", "missing"], 2, "missing"), (["predict", "--target", "text"], 2, "text: line 1"),
            (["predict", "--target", "text", "--samples", "1"], 64, "--samples"),
            (["apply", "-f", "text"], 2, "text"), (["apply", "-f", "missing"], 2, "missing"),
            (["apply", "-f", "search"], 2, "search:5: spec.constraints[0].flops"),
            (["cancel", "search", "x/y", "--state", "missing"], 3, "x/y"),
            (["describe", "search", "x", "--state", "missing"], 4, "missing"),
            (["describe", "predictor", "x", "--state", "missing"], 4, "missing"),
            (["get", "boards"], 64, "--state"), (["get", "boards", "--state", "missing"], 4, "missing"),
            (["describe", "board", "x", "--state", "missing"], 4, "missing"), (["get", "nonsense"], 64, "nonsense"),
            (["nonsense"], 64, "nonsense"),
        ] as [([String], Int32, String)])
    func whatCannotBeUsedIsRefusedInOneSentence(arguments: [String], status: Int32, names: String) throws {
        try write("text", "just some text\n")
        try write(
            "search",
            """
            apiVersion: shoal/v1
            kind: Search
            metadata: { name: a }
            spec: { model: m, boardClass: c, processor: cpu, space: ofa-mbv3, accuracyPredictor: /a, latencyTable: /t,
              constraints: [{ flops: 0 }] }
            """)
        let outcome = try shoal(arguments)

        #expect(outcome.status == status, "\(outcome.errors)")
        #expect(outcome.errors.contains(names), "\(outcome.errors)")
        #expect(outcome.output.isEmpty)
        if status != 64 { #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)") }
    }

    @Test func predictPrintsTheContractsKeys() throws {
        let cells = (0..<60).map { index in
            (0..<6).map { "\((index * ($0 * 2 + 3) + index / 7 * $0) % 5)" }.joined()
        }
        var rows: [String] = []
        for cell in Set(cells).sorted() {
            let work = cell.reduce(0) { $0 + ($1.wholeNumberValue ?? 0) }
            rows.append("\(cell),\(3 + work),\(5 + 2 * work),\(work == 9 ? "" : "\(1 + work)")")
        }
        try write("s.csv", "architecture,a,b,c\n" + rows.joined(separator: "\n") + "\n")
        let arguments = ["predict", "--sources", "s.csv", "--target", "s.csv", "--seed", "3", "--repeats", "2"]
        let outcome = try shoal(arguments + ["--samples", "6", "--format", "json"])

        #expect(outcome.status == 0, "\(outcome.errors)")
        let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
        let boards = try #require(object?["boards"] as? [[String: Any]])
        #expect(boards.map { $0["board"] as? String } == ["a", "b", "c"])
        for key in ["spearman", "medianRelativeError", "coverage"] {
            #expect(boards.allSatisfy { $0[key] is NSNumber } && object?[key] is NSNumber, "\(key)")
        }
        #expect((object?["leftOut"] as? [Any])?.isEmpty == true)
        try write("s.csv", "architecture,a,b,c\n" + (rows + ["resnet-50,3,4,5"]).joined(separator: "\n") + "\n")
        let strange = try shoal(arguments + ["--samples", "6", "--format", "json"])
        #expect(
            strange.status == 0 && strange.errors.contains("line \(rows.count + 2): resnet-50"), "\(strange.errors)")
        #expect(strange.output.contains("\"architecture\" : \"resnet-50\""))
        let tooMany = try shoal(arguments + ["--samples", "100"])
        #expect(tooMany.status == 2 && tooMany.errors.contains("s.csv: board a"), "\(tooMany.errors)")
    }

    @Test func aWrongSubnetIsRefusedByItsField() throws {
        try importExample()
        let subnet = #"{"resolution":27,"depths":[2,2,2,2,2],"kernelSizes":[],"expandRatios":[]}"#
        let outcome = try shoal(["run", "f.shoal", "--images", "x", "--subnet", subnet])
        #expect(outcome.status == 2 && outcome.errors.contains("kernelSizes: expected 20 values, found 0"))
    }

    @Test func anUnknownInstructionSetIsRefused() throws {
        try importExample()
        let outcome = try shoal(
            ["run", "f.shoal", "--images", "x"], environment: ["SHOAL_INSTRUCTION_SET": "sse9"])
        #expect(outcome.status == 2 && outcome.errors.contains("SHOAL_INSTRUCTION_SET=sse9"))
    }

    @Test func anInputIsNeverOverwritten() throws {
        let checkpoint = folder + "/own.pth"
        try FileManager.default.copyItem(atPath: Self.example + "/fashion_supernet.pth", toPath: checkpoint)
        let before = FileManager.default.contents(atPath: checkpoint)
        let outcome = try shoal([
            "import", checkpoint, "--config", Self.example + "/fashion_supernet.json", "--output", "./own.pth",
        ])
        #expect(outcome.status == 2 && outcome.errors.contains("would be overwritten"))
        #expect(FileManager.default.contents(atPath: checkpoint) == before)
    }

    @Test func aTableOfImpossibleLatenciesIsRefused() throws {
        try importExample()
        let rows = #"{"Conv-input:28x28x1-output:28x28x16":{"mean":1e308}}"#
        try write("t.json", #"{"boardClass":"b","processor":"cpu","unit":"ms","resolutions":{"28":\#(rows)}}"#)
        let outcome = try shoal([
            "search", "--space", "f.shoal", "--accuracy-predictor", Self.example + "/accuracy_samples.json",
            "--latency-table", "t.json", "--latency", "1",
        ])
        #expect(outcome.status == 2 && outcome.errors.contains("t.json"))
    }

    /// A table of another processor is not compared with what this machine's measures.
    @Test(arguments: ["gpu", "unknown"]) func verifyingATableOfAnotherProcessorIsRefused(processor: String) throws {
        try importExample()
        let rows = #"{"Conv-input:28x28x1-output:28x28x16":{"mean":1}}"#
        try write(
            "t.json", #"{"boardClass":"b","processor":"\#(processor)","unit":"ms","resolutions":{"28":\#(rows)}}"#)
        let outcome = try shoal([
            "search", "--space", "f.shoal", "--accuracy-predictor", Self.example + "/accuracy_samples.json",
            "--latency-table", "t.json", "--latency", "1", "--verify",
        ])
        #expect(outcome.status == 2 && outcome.errors.contains(processor == "gpu" ? "b/gpu" : "--processor cpu"))
    }

    @Test func checkLooksAtTheMachine() throws {
        let outcome = try shoal(["check", "--format", "json"])
        #expect(outcome.status == 0 && outcome.output.contains("\"kernels\""))
    }
}
