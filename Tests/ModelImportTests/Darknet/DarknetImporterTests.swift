import Engine
import Graphs
import Packages
import Testing

@testable import ModelImport

@Suite struct DarknetImporterTests {
    /// Two convolutions with a shortcut, pooling, a route over halves, upsampling and one detection layer.
    private static let configuration = """
        [net]
        width=4
        height = 4   
        channels=1
        # a comment
        [convolutional]
        batch_normalize=1
        filters=2
        size=3
        pad=1
        activation=leaky
        [convolutional]
        filters=2
        activation=linear
        [shortcut]
        from=-2
        [maxpool]
        size=2
        stride=2
        [upsample]
        stride=2
        [route]
        layers=-1,2
        [route]
        layers=-1
        groups=2
        group_id=1
        [convolutional]
        filters=6
        activation=linear
        [yolo]
        classes=1
        """

    private static func weights(_ count: Int, seen: Int = 8) -> [UInt8] {
        var bytes: [UInt8] = []
        for number in [0, 2, 5] { bytes.append(littleEndian: Int32(number)) }
        bytes += [UInt8](repeating: 0, count: seen)
        bytes.append(floats: (0..<count).map { Float($0 % 7) / 8 + 0.25 })
        return bytes
    }

    private static func read(_ text: String, _ weights: [UInt8]) throws(ReadingFailure) -> Graph {
        try DarknetImporter.graph(try DarknetConfiguration(Array(text.utf8)), try DarknetWeights(weights))
    }

    /// Without the line, which `refusalsTellTheLineOfTheSection` looks at.
    private static func refusal(_ text: String, _ weights: [UInt8]) -> String {
        wholeRefusal(text, weights).replacing(#/ \(line [0-9]+\)/#, with: "")
    }

    private static func wholeRefusal(_ text: String, _ weights: [UInt8]) -> String {
        do {
            _ = try read(text, weights)
            return "none"
        } catch {
            return [error.subject, error.reason].compactMap { $0 }.joined(separator: ": ")
        }
    }

    /// Biases, scales, means, variances (2 each), 18 weights; 2 + 4; 6 + 12.
    private static let count = 8 + 18 + 6 + 18

    @Test func linesMayEndAsOnWindows() throws {
        let text = Self.configuration.replacing("\n", with: "\r\n")
        let weights = Self.weights(Self.count)
        #expect(try Self.read(text, weights) == Self.read(Self.configuration, weights))
    }

    @Test func layersBecomeOperators() throws {
        let graph = try Self.read(Self.configuration, Self.weights(Self.count))
        let bound = try BoundGraph(graph)
        #expect(graph.outputs.count == 1)
        #expect(bound.types[graph.outputs[0]] == ValueType(.float32, [1, 6, 4, 4]))
        let image = TensorValue(shape: [1, 1, 4, 4], .float32((0..<16).map { Float($0) / 16 }))
        let output = try #require(GraphEvaluator(bound).run(["image": image])[graph.outputs[0]]?.tensor)
        // Everything but a box's size went through the logistic function.
        for channel in [0, 1, 4, 5] {
            #expect(output.values[channel * 16..<channel * 16 + 16].allSatisfy { $0 > 0 && $0 < 1 })
        }
    }

    /// Bias, then the kernel, in the file's order; padding as Darknet has it.
    @Test func convolutionsReadTheirWeightsInOrder() throws {
        let text = "[net]\nwidth=2\nheight=2\nchannels=1\n[convolutional]\nsize=1\nactivation=linear\n"
        var bytes = Self.weights(0)
        bytes.append(floats: [3, 2])
        let graph = try Self.read(text, bytes)
        let image = TensorValue(shape: [1, 1, 2, 2], .float32([0, 1, 2, 3]))
        let outputs = try GraphEvaluator(try BoundGraph(graph)).run(["image": image])
        #expect(outputs[graph.outputs[0]]?.tensor?.values == [3, 5, 7, 9])
    }

    private static let small = "[net]\nwidth=6\nheight=4\nchannels=1\n"

    private static func run(_ text: String, _ weights: [UInt8], _ values: [Float]) throws -> TensorValue {
        let graph = try read(text, weights)
        let image = TensorValue(shape: [1, 1, 4, 6], .float32(values))
        return try #require(GraphEvaluator(try BoundGraph(graph)).run(["image": image])[graph.outputs[0]])
    }

    @Test func stridesMayDifferDownAndAcross() throws {
        let image = (0..<24).map { Float($0) }
        var bytes = Self.weights(0)
        bytes.append(floats: [0, 1])
        let layer = "[convolutional]\nsize=1\nactivation=linear\nstride=2\n"
        let wide = try Self.run(Self.small + layer + "stride_x=3\n", bytes, image)
        #expect(wide == TensorValue(shape: [1, 1, 2, 2], .float32([0, 3, 12, 15])))
        let high = try Self.run(Self.small + layer + "stride_y=1\n", bytes, image)
        #expect(high.shape == [1, 1, 4, 3])
        let pool = "[maxpool]\nsize=2\nstride_x=2\nstride_y=1\npadding=0\n"
        let pooled = try Self.run(Self.small + pool, Self.weights(0), image)
        #expect(pooled.shape == [1, 1, 3, 3] && pooled.tensor?.values.prefix(4) == [7, 9, 11, 13])
    }

    /// Padding of either kind counts in steps of the dilation, so that the size stays.
    @Test(arguments: ["pad=1", "padding=1"]) func paddingGrowsWithDilation(padding: String) throws {
        let layer = "[convolutional]\nsize=3\nstride=1\ndilation=2\n\(padding)\nactivation=linear\n"
        var bytes = Self.weights(0)
        bytes.append(floats: [0] + (0..<9).map { $0 == 4 ? 1 : 0 })
        let image = (0..<24).map { Float($0) }
        let output = try Self.run(Self.small + layer, bytes, image)
        #expect(output.shape == [1, 1, 4, 6] && output.tensor?.values == image)
    }

    /// Of a larger map every second pixel, and the channels that both have.
    @Test func shortcutsFitWhatTheyAdd() throws {
        let image = (0..<24).map { Float($0) }
        let copies = "[convolutional]\nfilters=2\nsize=1\nstride=STRIDE\nactivation=linear\n[shortcut]\nfrom=-2\n"
        let start = Self.small + "[convolutional]\nsize=1\nstride=1\nactivation=linear\n"
        var bytes = Self.weights(0)
        bytes.append(floats: [0, 1, 100, 200, 0, 0])
        let same = try Self.run(start + copies.replacing("STRIDE", with: "1"), bytes, image)
        #expect(same.shape == [1, 2, 4, 6])
        #expect(same.tensor?.values == image.map { $0 + 100 } + image.map { _ in 200 })
        let strided = try Self.run(start + copies.replacing("STRIDE", with: "2"), bytes, image)
        #expect(strided.shape == [1, 2, 2, 3])
        #expect(strided.tensor?.values == [100, 102, 104, 112, 114, 116] + [Float](repeating: 200, count: 6))
        // Of more channels the first.
        let fewer =
            Self.small + "[convolutional]\nfilters=2\nsize=1\nstride=1\nactivation=linear\n"
            + "[convolutional]\nsize=1\nstride=1\nactivation=linear\n[shortcut]\nfrom=-2\n"
        var weights = Self.weights(0)
        weights.append(floats: [0, 50, 1, 1, 7, 0, 0])
        #expect(try Self.run(fewer, weights, image).tensor?.values == image.map { $0 + 7 })
    }

    @Test func softmaxHasATemperature() throws {
        let image = (0..<24).map { Float($0 % 5) }
        let cool = try Self.run(Self.small + "[softmax]\ntemperature=2\n", Self.weights(0), image)
        let plain = try Self.run(Self.small + "[softmax]\n", Self.weights(0), image.map { $0 / 2 })
        #expect(cool == plain && cool.shape == [1, 24])
        let spatial = try Self.run(Self.small + "[softmax]\nspatial=1\n", Self.weights(0), image)
        #expect(spatial == TensorValue(shape: [1, 1, 4, 6], .float32([Float](repeating: 1, count: 24))))
    }

    /// Each changes the result, or may; those of training do not, nor those that are switched off.
    @Test func settingsThatAreNotReadAreRefused() {
        let weights = Self.weights(Self.count)
        let base = Self.configuration
        for (section, setting) in [
            ("layer 0 [convolutional]", "antialiasing=1"), ("layer 0 [convolutional]", "xnor=1"),
            ("layer 0 [convolutional]", "binary=1"), ("layer 0 [convolutional]", "flipped=1"),
            ("layer 0 [convolutional]", "stretch=1"), ("layer 0 [convolutional]", "share_index=0"),
            ("layer 0 [convolutional]", "dontload=1"), ("layer 0 [convolutional]", "strde=2"),
            ("layer 2 [shortcut]", "weights_type=per_feature"), ("layer 2 [shortcut]", "alpha=0.5"),
            ("layer 2 [shortcut]", "beta=2"), ("layer 3 [maxpool]", "maxpool_depth=1"),
            ("layer 3 [maxpool]", "antialiasing=2"), ("layer 4 [upsample]", "reverse=1"), ("[net]", "time_steps=3"),
            ("layer 8 [yolo]", "new_coords=1"),
        ] {
            #expect(
                Self.refusal(Self.adding(setting, to: section, of: base), weights)
                    == "\(section): \(setting) is not supported")
        }
        for (section, setting) in [
            ("[net]", "learning_rate=0.001"), ("[net]", "burn_in=1000"), ("layer 0 [convolutional]", "xnor=0"),
            ("layer 0 [convolutional]", "stopbackward=1"), ("layer 2 [shortcut]", "weights_type=none"),
            ("layer 2 [shortcut]", "alpha=1.0"), ("layer 3 [maxpool]", "maxpool_depth=0"),
            ("layer 5 [route]", "stream=1"),
            ("layer 8 [yolo]", "anchors=1,2"), ("layer 8 [yolo]", "ignore_thresh=.7"),
        ] {
            #expect(Self.refusal(Self.adding(setting, to: section, of: base), weights) == "none", "\(setting)")
        }
    }

    /// - Parameter section: as a refusal names it.
    private static func adding(_ setting: String, to section: String, of text: String) -> String {
        let place = section.split(separator: " ").count > 1 ? Int(section.split(separator: " ")[1]).map { $0 + 1 } : 0
        var index = -1
        return text.split(separator: "\n").map { line in
            guard line.first == "[" else { return String(line) }
            index += 1
            return index == place ? "\(line)\n\(setting)" : String(line)
        }.joined(separator: "\n") + "\n"
    }

    /// As Darknet, which ends where filters, mask and classes contradict each other.
    @Test(arguments: [
        ("classes=2\nmask=0,1,2\nanchors=1,2,3,4,5,6", 21, "none"),
        ("classes=2\nmask = 3,4,5\nanchors=1,2, 3,4, 5,6, 7,8, 9.5,10, 11,12\nnum=6", 21, "none"),
        ("classes=2\nmask=0,1", 14, "none"), ("classes=2\nnum=3", 21, "none"),
        ("classes=2\nmask=0,1,2", 7, "reads 7 channels, but its mask and classes ask for 3 x (5 + 2) = 21"),
        ("classes=2\nnum=3", 14, "reads 14 channels, but its mask and classes ask for 3 x (5 + 2) = 21"),
        ("classes=3\nmask=0,1,2", 21, "reads 21 channels, but its mask and classes ask for 3 x (5 + 3) = 24"),
        ("classes=2\nmask=0,1,3\nnum=3", 21, "mask names anchor 3, which is not from 0 to 2"),
        ("classes=2\nmask=0,1,2\nanchors=1,2,3,4", 21, "mask names anchor 2, which is not from 0 to 1"),
        ("classes=2\nmask=-1,0,1", 21, "mask names anchor -1, which is not from 0 to 65535"),
        ("classes=2\nmask=0,1,2\nnum=3\nanchors=1,2,3,4", 21, "num is 3, but anchors holds 2 pairs"),
        ("classes=2\nmask=0,1,2\nanchors=1,2,3", 21, "anchors holds 3 numbers, not pairs"),
        ("classes=2\nmask=0,x,2", 21, "mask holds x"),
        ("classes=2\nmask=0,1,2\nanchors=1,y", 21, "anchors holds y"),
    ])
    func boxesAgreeWithTheFiltersBefore(settings: String, filters: Int, refusal: String) {
        let text = Self.small + "[convolutional]\nfilters=\(filters)\nactivation=linear\n[yolo]\n\(settings)\n"

        let found = Self.wholeRefusal(text, Self.weights(2 * filters))

        #expect(found == (refusal == "none" ? "none" : "layer 1 [yolo] (line 8): \(refusal)"))
    }

    @Test func refusalsTellTheLineOfTheSection() {
        let text = Self.small + "# detection\n\n[region]\nanchors=1,2\n"

        #expect(Self.wholeRefusal(text, Self.weights(0)) == "layer 0 [region] (line 7): this layer is not supported")
    }

    @Test func whatIsNotSupportedIsNamed() {
        let weights = Self.weights(Self.count)
        let base = Self.configuration
        for (old, new, reason) in [
            ("[upsample]", "[lstm]", "layer 4 [lstm]: this layer is not supported"),
            ("activation=leaky", "activation=loggy", "layer 0 [convolutional]: the activation loggy is not supported"),
            ("from=-2", "from=-9", "layer 2 [shortcut]: there is no layer -9 before it"),
            ("width=4", "width=x", "[net]: width is x, not from 0 to 65536"),
            (
                "filters=6", "filters=7",
                "layer 7 [convolutional]: the weights end before its 14 values of shape [7, 2, 1, 1]"
            ),
            (
                "filters=6", "filters=4",
                "layer 8 [yolo]: reads 4 channels, but its mask and classes ask for 1 x (5 + 1) = 6"
            ),
            ("[net]", "[conv]", "does not start with [net]"),
            ("# a comment", "comment", "line 5: is neither a section nor a setting"),
        ] {
            #expect(Self.refusal(base.replacing(old, with: new), weights) == reason)
        }
        #expect(Self.refusal(base, Self.weights(Self.count + 1)) == "4 bytes belong to no layer")
        #expect(Self.refusal(base, Self.weights(Self.count, seen: 4)).hasPrefix("layer 7"))
        #expect(Self.refusal(base, [1, 2]).hasPrefix("needs 4 bytes"))
    }
}
