import Graphs

/// Writes graphs of random weights, node after node.
struct NetworkSamples {
    private(set) var nodes: [Node] = []
    private(set) var initialisers: [String: TensorValue] = [:]
    private var state: UInt64

    init(seed: UInt64) { state = seed | 1 }

    private mutating func next() -> Float {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(state >> 40) / Float(1 << 23) - 1
    }

    /// A constant of values in -`size`...`size`.
    mutating func random(_ shape: [Int], size: Float = 1) -> String {
        let name = "constant\(initialisers.count)"
        let values = (0..<shape.reduce(1, *)).map { _ in size * next() }
        initialisers[name] = TensorValue(shape: shape, .float32(values))
        return name
    }

    /// Numbers in -1...1.
    mutating func numbers(_ count: Int) -> [Float] { (0..<count).map { _ in next() } }

    mutating func constant(_ value: TensorValue) -> String {
        let name = "constant\(initialisers.count)"
        initialisers[name] = value
        return name
    }

    mutating func constant(_ values: [Int]) -> String {
        let name = "constant\(initialisers.count)"
        initialisers[name] = TensorValue(integers: values)
        return name
    }

    mutating func add(_ name: String, _ inputs: [String], _ attributes: [String: Attribute] = [:]) -> String {
        let output = "\(name.lowercased())\(nodes.count)"
        nodes.append(Node(name, opset: 14, inputs: inputs, outputs: [output], attributes: attributes))
        return output
    }

    mutating func convolution(
        _ x: String, _ inputs: Int, _ outputs: Int, kernel: Int = 1, stride: Int = 1, pads: [Int]? = nil,
        groups: Int = 1
    ) -> String {
        let side = (kernel - 1) / 2
        // Sums of about the size of their summands.
        let size = 1.7 / Float(inputs / groups * kernel * kernel).squareRoot()
        let weights = random([outputs, inputs / groups, kernel, kernel], size: size)
        return add(
            "Conv", [x, weights, random([outputs], size: 0.2)],
            [
                "strides": .ints([stride, stride]), "pads": .ints(pads ?? [side, side, side, side]),
                "group": .int(groups), "kernel_shape": .ints([kernel, kernel]),
            ])
    }

    func bound(_ output: String, input shape: [Int]) throws -> BoundGraph {
        try BoundGraph(
            Graph(
                name: "sample",
                inputs: [GraphInput(name: "x", element: .float32, dimensions: shape.map { .fixed($0) })],
                outputs: [output], initialisers: initialisers, nodes: nodes))
    }
}
