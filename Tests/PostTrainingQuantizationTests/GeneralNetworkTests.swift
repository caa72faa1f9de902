import Engine
import Fusion
import Graphs
import Testing

@testable import PostTrainingQuantization

/// Networks with steps that have no kernels of bytes: written as graphs, and in 8 bits.
@Suite struct GeneralNetworkTests {
    private struct Builder {
        var samples: SampleNetwork
        var nodes: [Node] = []
        var constants: [String: TensorValue] = [:]

        mutating func constant(_ shape: [Int], in range: ClosedRange<Float> = -1...1) -> String {
            constant(TensorValue(shape: shape, .float32(samples.values(shape.reduce(1, *), in: range))))
        }

        mutating func constant(_ value: TensorValue) -> String {
            let name = "constant\(constants.count)"
            constants[name] = value
            return name
        }

        mutating func integers(_ values: [Int]) -> String { constant(TensorValue(integers: values)) }

        mutating func add(
            _ name: String, _ inputs: [String], _ attributes: [String: Attribute] = [:], outputs: Int = 1
        ) -> [String] {
            let outputs = (0..<outputs).map { "\(name)\(nodes.count).\($0)" }
            nodes.append(Node(name, opset: 20, inputs: inputs, outputs: outputs, attributes: attributes))
            return outputs
        }

        mutating func convolution(
            _ x: String, _ inputs: Int, _ outputs: Int, kernel: Int = 1, stride: Int = 1, groups: Int = 1
        ) -> String {
            let (fan, side) = (inputs / groups * kernel * kernel, (kernel - 1) / 2)
            let size = 1.7 / Float(fan).squareRoot()
            let weights = constant([outputs, inputs / groups, kernel, kernel], in: -size...size)
            return add(
                "Conv", [x, weights, constant([outputs], in: -0.2...0.2)],
                [
                    "strides": .ints([stride, stride]), "pads": .ints([side, side, side, side]), "group": .int(groups),
                ])[0]
        }

        func bound(_ output: String) throws -> BoundGraph {
            let input = GraphInput(name: "x", element: .float32, dimensions: [1, 3, 12, 12].map { .fixed($0) })
            return try BoundGraph(
                Graph(name: "general", inputs: [input], outputs: [output], initialisers: constants, nodes: nodes))
        }
    }

    /// Split, groups, shuffle, concatenation, resizing, cropping, padding, transposed convolution, layer normalisation,
    /// softmax, and combinations of maps.
    private static func network(seed: UInt64) throws -> BoundGraph {
        var b = Builder(samples: SampleNetwork(seed: seed))
        let x = b.add("Relu", [b.convolution("x", 3, 32, kernel: 3, stride: 2)])[0]
        let parts = b.add("Split", [x, b.integers([20, 12])], ["axis": .int(1)], outputs: 2)
        let first = b.add("Gelu", [b.convolution(parts[0], 20, 20, kernel: 3, groups: 20)])
        let second = b.add("PRelu", [b.convolution(parts[1], 12, 12, kernel: 3, groups: 2), b.constant([12, 1, 1])])
        let joined = b.add("Concat", first + second + [x], ["axis": .int(1)])[0]
        let turned = b.add(
            "Transpose", b.add("Reshape", [joined, b.integers([1, 2, 32, 6, 6])]), ["perm": .ints([0, 2, 1, 3, 4])])
        let shuffled = b.add("Reshape", turned + [b.integers([1, 64, 6, 6])])[0]
        let wide: [String: Attribute] = [
            "kernel_shape": .ints([2, 2]), "dilations": .ints([2, 3]), "pads": .ints([1, 1, 1, 2]),
        ]
        let spaced = b.add("AveragePool", b.add("MaxPool", [shuffled], wide), wide)[0]
        let small = b.convolution(spaced, 64, 24, kernel: 3, stride: 2)
        let large = b.add(
            "Resize", [small, "", "", b.integers([1, 24, 6, 6])],
            ["mode": .string("linear"), "coordinate_transformation_mode": .string("half_pixel")])[0]
        let spread = b.add(
            "ConvTranspose", [small, b.constant([24, 24, 3, 3], in: -0.1...0.1), b.constant([24])],
            ["strides": .ints([2, 2]), "pads": .ints([1, 1, 0, 0])])[0]
        let cut = b.add(
            "Slice", [large, b.integers([1, 0]), b.integers([6, 6]), b.integers([2, 3]), b.integers([1, 2])])
        let padded = b.add("Pad", cut + [b.integers([0, 0, 1, 1, 0, 0, 0, 2])])[0]
        let difference = b.add("Sub", [spread, padded])
        let last = b.add("Transpose", difference, ["perm": .ints([0, 2, 3, 1])])
        let normal = b.add("LayerNormalization", last + [b.constant([24]), b.constant([24])], ["axis": .int(-1)])
        let normalised = b.add("Transpose", normal, ["perm": .ints([0, 3, 1, 2])])[0]
        let mixed = b.add("Mish", [b.convolution(normalised, 24, 20)])[0]
        let gated = b.add("Mul", [mixed] + b.add("Sigmoid", [b.convolution(mixed, 20, 1)]))[0]
        let soft = b.add("Softmax", [gated], ["axis": .int(1)])
        let divided = b.add("Div", [gated] + b.add("Add", soft + [b.constant([20, 1, 1], in: 1...2)]))[0]
        let pooled = b.add("Flatten", b.add("GlobalAveragePool", [divided]))
        let output = b.add("Gemm", pooled + [b.constant([10, 20]), b.constant([10])], ["transB": .int(1)])[0]
        return try b.bound(output)
    }

    private static func images(seed: UInt64, _ count: Int) -> [[Float]] {
        var samples = SampleNetwork(seed: seed ^ 1_000)
        return (0..<count).map { _ in samples.image() }
    }

    private static func defined(_ bound: BoundGraph, _ images: [[Float]]) throws -> [[Float]] {
        try images.map { image in
            let values = try GraphEvaluator(bound).run(["x": TensorValue(shape: [1, 3, 12, 12], .float32(image))])
            guard case .float32(let logits)? = values[bound.graph.outputs[0]]?.elements else {
                throw GraphFailure("no logits")
            }
            return logits
        }
    }

    @Test(arguments: [UInt64(31), .random(in: 0...UInt64.max)])
    func allStepsAreWritten(seed: UInt64) throws {
        let bound = try Self.network(seed: seed)
        let network = try FusedNetwork(bound)
        let images = Self.images(seed: seed, 2)
        let expected = try Self.defined(bound, images)
        #expect(SampleNetwork.error(expected, try SampleNetwork.run(network, on: images)) < 1e-4, "seed \(seed)")

        let written = try BoundGraph(try network.graph(named: "written"))
        #expect(SampleNetwork.error(expected, try Self.defined(written, images)) < 1e-4, "seed \(seed)")
        let again = try FusedNetwork(written)
        #expect(again.outputType == network.outputType)
        #expect(SampleNetwork.error(expected, try SampleNetwork.run(again, on: images)) < 1e-4, "seed \(seed)")
    }

    @Test(arguments: [UInt64(33), .random(in: 0...UInt64.max)])
    func theyComeCloseToThemselvesInBfloat16(seed: UInt64) throws {
        let network = try FusedNetwork(Self.network(seed: seed))
        let images = Self.images(seed: seed, 4)
        let real = try SampleNetwork.run(network, on: images)
        for set in InstructionSet.allCases where set.isSupported {
            let plan = try network.plan(kernels: KernelSet(set), precision: .bf16)
            #expect(plan.precision == .bf16)
            let session = Session(for: [plan])
            let narrow = images.map { image in image.withUnsafeBufferPointer { Array(session.run(plan, on: $0)) } }
            let error = SampleNetwork.error(real, narrow)
            #expect(error > 0 && error < 0.05, "\(error) by \(set), seed \(seed)")
        }
    }

    @Test(arguments: [UInt64(32), .random(in: 0...UInt64.max)])
    func theyComeCloseToThemselvesInBytes(seed: UInt64) throws {
        let network = try FusedNetwork(Self.network(seed: seed))
        let images = Self.images(seed: seed, 16)
        let calibration = try SampleNetwork.calibration(of: network, on: images)
        let graph = try calibration.quantized(.minmax).graph(named: "general")
        let quantized = try FusedNetwork(BoundGraph(graph))
        let real = try SampleNetwork.run(network, on: images)
        for set in InstructionSet.allCases where set.isSupported {
            let plan = try quantized.plan(kernels: KernelSet(set))
            let kinds = Set(plan.operations.map { String(describing: $0.kind) })
            let expected: Set = ["quantizedConvolution", "quantizedDepthwise", "gather", "resample", "layerNorm"]
            #expect(kinds.isSuperset(of: expected), "\(kinds)")
            let session = Session(for: [plan])
            let rounded = images.map { image in image.withUnsafeBufferPointer { Array(session.run(plan, on: $0)) } }
            let error = SampleNetwork.error(real, rounded)
            #expect(error > 0 && error < 0.15, "\(error) by \(set), seed \(seed)")
        }
    }
}
