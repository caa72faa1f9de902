import Graphs

/// Writes graphs of random weights, node after node.
struct NetworkSamples {
    private(set) var nodes: [Node] = []
    private(set) var initialisers: [String: TensorValue] = [:]
    /// Of the nodes that are added.
    var opset = 14
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

    /// Single numbers and lists of numbers.
    mutating func constant(_ shape: [Int], _ values: [Float]) -> String {
        let name = "constant\(initialisers.count)"
        initialisers[name] = TensorValue(shape: shape, .float32(values))
        return name
    }

    mutating func add(_ name: String, _ inputs: [String], _ attributes: [String: Attribute] = [:]) -> String {
        let output = "\(name.lowercased())\(nodes.count)"
        nodes.append(Node(name, opset: opset, inputs: inputs, outputs: [output], attributes: attributes))
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

    mutating func split(_ x: String, into count: Int, of sizes: [Int]) -> [String] {
        let outputs = (0..<count).map { "split\(nodes.count)_\($0)" }
        nodes.append(
            Node("Split", opset: opset, inputs: [x, constant(sizes)], outputs: outputs, attributes: ["axis": .int(1)]))
        return outputs
    }

    /// Scale and shift about those of trained networks.
    mutating func normalisation(_ x: String, _ channels: Int) -> String {
        let variance = constant([channels], (0..<channels).map { 0.5 + Float($0 % 7) / 5 })
        return add(
            "BatchNormalization",
            [x, random([channels]), random([channels], size: 0.3), random([channels], size: 0.3), variance])
    }

    func bound(_ output: String, input shape: [Int]) throws -> BoundGraph {
        try bound([output], input: shape)
    }

    func bound(_ outputs: [String], input shape: [Int]) throws -> BoundGraph {
        try BoundGraph(
            Graph(
                name: "sample",
                inputs: [GraphInput(name: "x", element: .float32, dimensions: shape.map { .fixed($0) })],
                outputs: outputs, initialisers: initialisers, nodes: nodes))
    }

    /// `[1, C, H, W]` with its channels in groups that take turns, as in ShuffleNet.
    mutating func shuffled(_ x: String, _ shape: [Int], groups: Int) -> String {
        let split = [1, groups, shape[1] / groups, shape[2], shape[3]]
        let turned = add("Transpose", [add("Reshape", [x, constant(split)])], ["perm": .ints([0, 2, 1, 3, 4])])
        return add("Reshape", [turned, constant(shape)])
    }

    /// Layer normalisation of every pixel's channels; they come first.
    mutating func layerNormalisation(_ x: String, _ channels: Int) -> String {
        let last = add("Transpose", [x], ["perm": .ints([0, 2, 3, 1])])
        let output = add("LayerNormalization", [last, random([channels]), random([channels])], ["axis": .int(-1)])
        return add("Transpose", [output], ["perm": .ints([0, 3, 1, 2])])
    }
}
