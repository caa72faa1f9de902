import Foundation
import Testing

/// What networks may read and write, and what is refused of them.
extension CommandLineTests {
    private static let pictures = root + "/Tests/DatasetsTests/Fixtures/"

    /// A 1x1 convolution of so many channels to two, and unless `isMap` a classifier of its mean over all pixels.
    func writeNetwork(
        _ name: String, channels: Int = 3, _ height: String, _ width: String, isMap: Bool = false
    ) throws {
        var file = ONNXFile()
        file.input("x", ["N", "\(channels)", height, width])
        file.constant("w", [2, channels, 1, 1], (0..<2 * channels).map { Float($0) - 1.5 })
        file.node("Conv", ["w"])
        if !isMap {
            file.node("GlobalAveragePool")
            file.node("Flatten")
            file.constant("classes", [2, 3], [1, -1, 0.5, 0.25, 2, -2])
            file.node("Gemm", ["classes"])
        }
        try file.write(to: folder + "/" + name)
    }

    func importNetwork(_ name: String, config: String? = nil) throws {
        let configuration = config.map { ["--config", $0] } ?? []
        let outcome = try shoal(["import", name, "--output", name + ".shoal"] + configuration)
        #expect(outcome.status == 0, "\(outcome.errors)")
    }

    func refused(_ arguments: [String], _ sentence: String, status: Int32 = 2) throws {
        let outcome = try shoal(arguments)
        #expect(outcome.status == status && outcome.errors.contains(sentence), "\(arguments): \(outcome.errors)")
    }

    @Test func rectanglesRunEverywhere() throws {
        try writeNetwork("n.onnx", "4", "6", isMap: true)
        try importNetwork("n.onnx")
        try writeImages([2, 3, 4, 6])
        let package = "n.onnx.shoal"
        let run = try shoal(["run", package, "--images", "i.npy", "--logits", "o.npy"])
        #expect(run.status == 0, "\(run.errors)")
        let weights: [Float] = [-1.5, -0.5, 0.5, 1.5, 2.5, 3.5]
        let expected = (0..<96).map { place in
            let (image, map, pixel) = (place / 48, place % 48 / 24, place % 24)
            return (0..<3).reduce(Float(0)) { sum, channel in
                sum + weights[map * 3 + channel] * Float((image * 72 + channel * 24 + pixel) % 251) / 255
            }
        }
        let found = try logits("o.npy")
        #expect(found.count == 96 && zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 }, "\(found)")
        // A picture is fitted to the rectangle.
        #expect(try shoal(["run", package, "--images", Self.pictures + "colour.png"]).status == 0)

        let quantized = try shoal(["quantize", package, "--images", "i.npy", "--output", "q.shoal"])
        #expect(quantized.status == 0, "\(quantized.errors)")
        let eight = try shoal(["run", "q.shoal", "--images", "i.npy", "--logits", "q.npy"])
        #expect(eight.status == 0, "\(eight.errors)")
        let rounded = try logits("q.npy")
        #expect(rounded.count == 96 && zip(rounded, expected).allSatisfy { abs($0 - $1) < 0.1 }, "\(rounded)")
        let bench = try shoal(["bench", package, "q.shoal", "--repeat", "2"])
        #expect(bench.status == 0, "\(bench.errors)")
        let tune = try shoal(["tune", package], environment: ["XDG_CACHE_HOME": folder])
        #expect(tune.status == 0, "\(tune.errors)")
    }

    @Test func hooksJoinRectangles() throws {
        for (name, height, width) in [("l.onnx", "8", "12"), ("s.onnx", "4", "6")] {
            try writeNetwork(name, height, width)
            try importNetwork(name)
        }
        let build = try shoal([
            "hooks", "build", "l.onnx.shoal", "--with", "s.onnx.shoal", "--kinds", "model", "--output", "h",
        ])
        #expect(build.status == 0, "\(build.errors)")
        try writeImages([64, 3, 8, 12])
        let train = try shoal(["hooks", "train", "l.onnx.shoal", "h", "--images", "i.npy"])
        #expect(train.status == 0, "\(train.errors)")
    }

    @Test func openSizesAreBound() throws {
        try writeNetwork("n.onnx", "H", "W", isMap: true)
        try importNetwork("n.onnx")
        try writeImages([2, 3, 4, 6])
        let package = "n.onnx.shoal"
        let run = try shoal([
            "run", package, "--images", "i.npy", "--resolution", "4x6", "--logits", "o.npy",
        ])
        #expect(run.status == 0, "\(run.errors)")
        #expect(try shoal(["bench", package, "--repeat", "1", "--resolution", "8"]).status == 0)
        try refused(["run", package, "--images", "i.npy"], "size open; say it with --resolution, or import it with")
        try refused(["bench", package, "--resolution", "0x4"], "--resolution", status: 64)
        let eight = try shoal([
            "run", package, "--images", "i.npy", "--resolution", "4x6", "--precision", "int8", "--calibrate", "i.npy",
        ])
        #expect(eight.status == 0, "\(eight.errors)")
        let quantize = ["quantize", package, "--images", "i.npy", "--resolution", "4x6", "--output", "q.shoal"]
        #expect(try shoal(quantize).status == 0)
        #expect(try shoal(["run", "q.shoal", "--images", "i.npy"]).status == 0)

        try write("c.json", #"{"inputSize": [4, 6]}"#)
        try importNetwork("n.onnx", config: "c.json")
        #expect(try shoal(["run", package, "--images", "i.npy", "--logits", "p.npy"]).status == 0)
        #expect(try logits("p.npy") == logits("o.npy") && logits("p.npy").count == 96)
        #expect(try shoal(["bench", package, "--repeat", "1"]).status == 0)
    }

    @Test func whatNoCommandCouldRunIsRefusedAtImport() throws {
        for (element, shape, sentence) in [
            (.uint8, ["1", "3", "4", "4"], "the network reads x: uint8 [1, 3, 4, 4]; supported is one input"),
            (.float16, ["1", "3", "H", "W"], "x: float16 [1, 3, H, W]"), (.float32, ["1", "8"], "x: float32 [1, 8]"),
            (.float32, ["3", "4", "4"], "x: float32 [3, 4, 4]"),
            (.float32, ["1", "3", "65536", "65536"], "width], from 1 to 65536, up to 67108864 pixels"),
            (.float32, ["2", "3", "4", "4"], "x: float32 [2, 3, 4, 4]"),
        ] as [(ONNXFile.Element, [String], String)] {
            var file = ONNXFile()
            file.input("x", shape, element)
            file.node("Identity")
            try file.write(to: folder + "/n.onnx")
            try refused(["import", "n.onnx", "--output", "n"], sentence)
        }
        var file = ONNXFile()
        file.input("y", ["4"], .int64)
        file.input("x", ["1", "3", "4", "4"])
        file.node("Identity")
        try file.write(to: folder + "/n.onnx")
        try refused(["import", "n.onnx", "--output", "n"], "reads y: int64 [4] and x: float32 [1, 3, 4, 4]; supported")
        #expect(!FileManager.default.fileExists(atPath: folder + "/n"))
    }

    @Test func configurationsThatContradictTheNetworkAreRefused() throws {
        try writeNetwork("n.onnx", "4", "6")
        for (text, sentence) in [
            (#"{"mean": [0.5], "std": [0.5]}"#, "c.json: mean and std are of 1 channels, the network reads 3"),
            (#"{"inputSize": 6}"#, "c.json: inputSize is 6x6, the network reads images of 4x6 pixels"),
            (#"{"inputSize": [6, 4]}"#, "c.json: inputSize is 6x4"),
            (#"{"inputSize": [6, 4, 2]}"#, "inputSize: is of the wrong type"),
            (#"{"inputSize": [6, 0]}"#, "inputSize: is not from 1 to 65536"),
        ] {
            try write("c.json", text)
            try refused(["import", "n.onnx", "--config", "c.json", "--output", "n"], sentence)
        }
    }

    @Test(arguments: [ONNXFile.Element.uint8, .int8, .int64, .bool, .float16, .float64])
    func outputsOfEveryTypeAreWritten(element: ONNXFile.Element) throws {
        var file = ONNXFile()
        file.input("x", ["1", "1", "2", "3"])
        file.constant("w", [1, 1, 1, 1], [255])
        file.node("Conv", ["w"])
        file.node("Cast", attribute: ("to", element.rawValue))
        try file.write(to: folder + "/n.onnx")
        try importNetwork("n.onnx")
        try writeImages([1, 1, 2, 3])
        let run = try shoal(["run", "n.onnx.shoal", "--images", "i.npy", "--logits", "o.npy"])
        #expect(run.status == 0, "\(run.errors)")
        let expected: [Float] = element == .bool ? [0, 1, 1, 1, 1, 1] : [0, 1, 2, 3, 4, 5]
        // The product of 1 / 255 and 255 may lie below a whole number, which integers cut off.
        #expect(try zip(logits("o.npy"), expected).allSatisfy { abs($0 - $1) <= 1 } && logits("o.npy").count == 6)
        if element == .bool { #expect(try logits("o.npy") == expected) }
    }

    @Test func formatsOfOthersAreRefusedByName() throws {
        for (name, sentence) in [
            ("n.tflite", "n.tflite: is a TensorFlow Lite network, which is not read; export it to ONNX"),
            ("n.pb", "a TensorFlow graph"), ("n.xml", "an OpenVINO network"),
            ("n.bin", "of an OpenVINO or ncnn network"),
            ("n.h5", "a Keras network"), ("n.keras", "a Keras network"), ("N.MLMODEL", "a Core ML network"),
            ("n.mlpackage", "a Core ML network"), ("n.caffemodel", "a Caffe network"),
            ("n.prototxt", "a Caffe network"),
            ("n.engine", "a TensorRT engine"), ("n.trt", "a TensorRT engine"), ("n.param", "an ncnn network"),
            ("n.weights", "the weights of a Darknet network; give its .cfg"),
        ] {
            try write(name, "no network")
            try refused(["import", name, "--output", "x"], sentence)
        }
        try refused(["import", "missing.tflite", "--output", "x"], "missing.tflite: cannot be opened")
        try writeNetwork("N.ONNX", "4", "4")
        try importNetwork("N.ONNX")
    }

    @Test(arguments: [1, 3]) func picturesAreReadInGreyAndInColour(channels: Int) throws {
        try writeNetwork("n.onnx", channels: channels, "6", "8", isMap: true)
        try importNetwork("n.onnx")
        for picture in ["grey.png", "grey.jpg", "colour.png", "colour.jpg"] {
            let run = try shoal(["run", "n.onnx.shoal", "--images", Self.pictures + picture, "--logits", "o.npy"])
            #expect(run.status == 0, "\(run.errors)")
            #expect(try logits("o.npy").count == 96)
        }
    }

    @Test(
        arguments: [
            (["run", "p", "--images", "i", "--threads", "-1"], "--threads: give 1 to 64"),
            (["run", "p", "--images", "i", "--limit", "-1"], "--limit: give at least 1"),
            (["bench", "p", "--threads", "-1"], "--threads: give 1 to 64"),
            (["bench", "p", "--repeat", "-1"], "--repeat: give 1 to 10000000"),
            (["bench", "p", "--resolution", "-1"], "give N or HxW, each from 1 to 65536"),
            (["bench", "p", "--seed", "-1"], "'-1' is invalid for '--seed <seed>'"),
            (["tune", "p", "--seconds", "-1"], "--seconds: give 0.01 to 3600"),
            (["bench", "p", "--threads", "--seed", "1"], "'--seed' is invalid for '--threads <threads>'"),
            (
                ["run", "p", "--images", "i", "--calibration-images", "9"],
                "--calibration-images: goes with --calibrate"
            ),
            (
                ["run", "p", "--images", "i", "--calibration-method", "mse"],
                "--calibration-method: goes with --precision int8 and --calibrate"
            ),
            (["run", "p", "--images", "i", "--statistics-name", "a"], "--statistics-name: goes with --statistics"),
            (["import", "n.onnx", "--weights", "w", "--output", "x"], "--weights: goes with a Darknet .cfg"),
        ] as [([String], String)])
    func numbersOutsideTheirRangeAndIdleOptionsAreRefused(arguments: [String], sentence: String) throws {
        try refused(arguments, sentence, status: 64)
    }

    @Test func anEmptyInstructionSetIsNone() throws {
        try writeNetwork("n.onnx", "4", "4")
        try importNetwork("n.onnx")
        let outcome = try shoal(["bench", "n.onnx.shoal", "--repeat", "1"], environment: ["SHOAL_INSTRUCTION_SET": ""])
        #expect(outcome.status == 0, "\(outcome.errors)")
    }
}
