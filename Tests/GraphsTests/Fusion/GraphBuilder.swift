import Testing

@testable import Graphs

/// Adds nodes one after another; every value's name is that of its node.
final class GraphBuilder {
    var nodes: [Node] = []
    var initialisers: [String: TensorValue] = [:]
    private var state: UInt64

    init(seed: UInt64) { state = seed | 1 }

    func random(_ shape: [Int], in range: ClosedRange<Float> = -1...1) -> String {
        let values = (0..<shape.reduce(1, *)).map { _ -> Float in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return range.lowerBound + Float(state >> 40) / Float(1 << 24) * (range.upperBound - range.lowerBound)
        }
        return constant(TensorValue(shape: shape, .float32(values)))
    }

    func constant(_ value: TensorValue) -> String {
        let name = "c\(initialisers.count)"
        initialisers[name] = value
        return name
    }

    func add(_ name: String, _ inputs: [String], _ attributes: [String: Attribute] = [:]) -> String {
        let output = "\(name.lowercased())\(nodes.count)"
        nodes.append(GraphSamples.node(name, opset: 14, inputs, [output], attributes))
        return output
    }

    // MARK: 8 bits

    /// QuantizeLinear and DequantizeLinear after each other.
    func rounded(_ x: String, _ scale: Float, zero: Int = 0, signed: Bool = false) -> String {
        let parameters = self.parameters(scale, zero, signed)
        return add("DequantizeLinear", [add("QuantizeLinear", [x] + parameters)] + parameters)
    }

    func parameters(_ scale: Float, _ zero: Int, _ signed: Bool) -> [String] {
        [
            constant(GraphSamples.floats([], [scale])),
            constant(TensorValue(shape: [], signed ? .int8([Int8(zero)]) : .uint8([UInt8(zero)]))),
        ]
    }

    /// Random integers through DequantizeLinear: as many scales as the axis is long.
    func weights(_ shape: [Int], axis: Int = 0, size: Float = 0.02, signed: Bool = true) -> String {
        var values: [Int] = []
        for _ in 0..<shape.reduce(1, *) {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            values.append(Int(state >> 33) % 255 - 127)
        }
        let elements: Elements =
            signed ? .int8(values.map { Int8($0) }) : .uint8(values.map { UInt8($0 + 128) })
        let scales = random([shape[axis]], in: size / 2...size)
        let zeros: Elements =
            signed
            ? .int8([Int8](repeating: 0, count: shape[axis])) : .uint8([UInt8](repeating: 128, count: shape[axis]))
        return add(
            "DequantizeLinear",
            [
                constant(TensorValue(shape: shape, elements)), scales,
                constant(TensorValue(shape: [shape[axis]], zeros)),
            ],
            ["axis": .int(axis)])
    }

    func quantizedConvolution(
        _ x: String, _ inputs: Int, _ outputs: Int, kernel: Int = 1, stride: Int = 1, groups: Int = 1,
        signed: Bool = true
    ) -> String {
        let side = (kernel - 1) / 2
        let bias = add(
            "DequantizeLinear",
            [
                constant(TensorValue(shape: [outputs], .int32((0..<outputs).map { Int32($0 * 911 % 400 - 200) }))),
                random([outputs], in: 0.001...0.002),
                constant(TensorValue(shape: [outputs], .int32(.init(repeating: 0, count: outputs)))),
            ], ["axis": .int(0)])
        return add(
            "Conv", [x, weights([outputs, inputs / groups, kernel, kernel], signed: signed), bias],
            [
                "strides": .ints([stride, stride]), "pads": .ints([side, side, side, side]),
                "group": .int(groups), "kernel_shape": .ints([kernel, kernel]),
            ])
    }

    func convolution(
        _ x: String, _ inputs: Int, _ outputs: Int, kernel: Int = 1, stride: Int = 1, pads: [Int]? = nil,
        groups: Int = 1, bias: Bool = true
    ) -> String {
        let side = (kernel - 1) / 2
        return add(
            "Conv",
            [x, random([outputs, inputs / groups, kernel, kernel])] + (bias ? [random([outputs])] : []),
            [
                "strides": .ints([stride, stride]), "pads": .ints(pads ?? [side, side, side, side]),
                "group": .int(groups), "kernel_shape": .ints([kernel, kernel]),
            ])
    }

    func normalisation(_ x: String, _ channels: Int) -> String {
        add(
            "BatchNormalization",
            [
                x, random([channels]), random([channels]), random([channels]),
                random([channels], in: 0.5...2),
            ])
    }

    func bound(_ output: String, input shape: [Int]) throws -> BoundGraph {
        try BoundGraph(
            Graph(
                name: "sample",
                inputs: [GraphInput(name: "x", element: .float32, dimensions: shape.map { .fixed($0) })],
                outputs: [output], initialisers: initialisers, nodes: nodes))
    }

    /// Fused and by the operators' definitions, a graph computes the same; returns the fused steps.
    @discardableResult
    static func check(_ builder: GraphBuilder, _ output: String, input shape: [Int]) throws -> [FusedStep] {
        let bound = try builder.bound(output, input: shape)
        let network = try FusedNetwork(bound)
        let image = (0..<shape.reduce(1, *)).map { Float(($0 * 7) % 23) / 11 - 1 }
        let expected = try GraphEvaluator(bound).run(["x": TensorValue(shape: shape, .float32(image))])[output]
        guard case .float32(let reference)? = expected?.elements else { throw GraphFailure("no output") }
        let actual = FusedInterpreter(network: network).run(image)
        try #require(actual.count == reference.count)
        let scale = reference.map(abs).max() ?? 1
        for (value, other) in zip(actual, reference) { #expect(abs(value - other) <= 1e-4 * max(scale, 1)) }
        return network.steps
    }
}
