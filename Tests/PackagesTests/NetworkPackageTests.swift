import Graphs
import Testing

@testable import Packages
@testable import Engine

@Suite struct NetworkPackageTests {
    private func node(
        _ name: String, _ inputs: [String], _ output: String, _ attributes: [String: Attribute]
    ) -> Node {
        Node(name, opset: 13, inputs: inputs, outputs: [output], attributes: attributes)
    }

    private func network() throws -> NetworkPackage {
        let nodes = [
            node("Pad", ["x", "pads", ""], "p", ["mode": .string("edge")]),
            node("LeakyRelu", ["p"], "l", ["alpha": .float(.infinity)]),
            node("Add", ["l", "w"], "y", ["extra": .ints([1, -2]), "more": .floats([0.1])]),
            node("ConstantOfShape", ["pads"], "z", ["value": .tensor(TensorValue(integers: [7]))]),
        ]
        let graph = try Graph(
            name: "sample",
            inputs: [GraphInput(name: "x", element: .float32, dimensions: [.symbolic("N"), .fixed(2)])],
            outputs: ["y", "z"],
            initialisers: [
                "pads": TensorValue(integers: [0, 1, 0, 1]), "w": TensorValue(shape: [1], .float32([0.1])),
            ],
            nodes: nodes)
        return NetworkPackage(
            graph: graph,
            configuration: NetworkConfiguration(mean: [0.5], std: [0.25], labels: ["a"], inputSize: .init(2)))
    }

    @Test func networksComeBack() throws {
        let network = try network()
        let package = try network.package()
        let read = try NetworkPackage(try TensorPackage.parse(package.serialized()))

        #expect(package.tensors.keys.sorted() == ["w"])
        #expect(read == network)
        #expect(network.parameterCount == 1)
    }

    /// Attributes, the order of operators and constants that are no weights tell graphs apart; weights, the name of the
    /// graph and what becomes of images do not.
    @Test func graphsHaveASumOfTheirOwn() throws {
        let network = try network()
        let graph = network.graph
        func sum(
            _ nodes: [Node]? = nil, name: String = "sample", _ changed: [String: TensorValue] = [:],
            _ configuration: NetworkConfiguration = .init()
        ) throws -> String {
            let other = try Graph(
                name: name, inputs: graph.inputs, outputs: graph.outputs,
                initialisers: graph.initialisers.merging(changed) { $1 }, nodes: nodes ?? graph.nodes)
            return try NetworkPackage(graph: other, configuration: configuration).graphSHA256()
        }
        let known = try network.graphSHA256()
        let read = try NetworkPackage(try TensorPackage.parse(network.package().serialized()))
        #expect(try known.count == 64 && read.graphSHA256() == known)
        #expect(try sum(name: "other", ["w": TensorValue(shape: [1], .float32([0.2]))]) == known)
        var nodes = graph.nodes
        nodes[1] = node("LeakyRelu", ["p"], "l", ["alpha": .float(0.1)])
        #expect(try sum(nodes) != known)
        nodes = graph.nodes
        nodes.swapAt(2, 3)
        #expect(try sum(nodes) != known)
        #expect(try sum(nil, ["pads": TensorValue(integers: [1, 0, 1, 0])]) != known)
    }

    /// Weights in 8 bits, and those that Constant nodes hold; no scales, zeros, sizes or single settings.
    @Test func parametersAreCountedWhereverTheyAre() throws {
        let nodes = [
            Node(
                "Constant", opset: 13, inputs: [], outputs: ["c"],
                attributes: ["value": .tensor(TensorValue(shape: [2, 3], .float32([1, 2, 3, 4, 5, 6])))]),
            Node(
                "Constant", opset: 13, inputs: [], outputs: ["one"],
                attributes: ["value": .tensor(TensorValue(shape: [], .float32([1])))]),
            Node("DequantizeLinear", opset: 13, inputs: ["w", "scale", "zero"], outputs: ["r"]),
            Node("Add", opset: 13, inputs: ["r", "c"], outputs: ["s"]),
            Node("Mul", opset: 13, inputs: ["s", "one"], outputs: ["t"]),
            Node("Reshape", opset: 13, inputs: ["t", "shape"], outputs: ["y"]),
        ]
        let graph = try Graph(
            name: "n", inputs: [], outputs: ["y"],
            initialisers: [
                "w": TensorValue(shape: [2, 3], .int8([1, 2, 3, 4, 5, 6])),
                "scale": TensorValue(shape: [1], .float32([0.5])), "zero": TensorValue(shape: [1], .int8([0])),
                "shape": TensorValue(integers: [6]),
            ],
            nodes: nodes)
        #expect(NetworkPackage(graph: graph, configuration: NetworkConfiguration()).parameterCount == 12)
    }

    @Test func damagedManifestsAreRefused() throws {
        let manifest = String(decoding: try network().package().manifest, as: UTF8.self)
        for (old, new) in [
            ("\"Pad\"", "\"Pam\""), ("\"opset\":13", "\"opset\":99"), ("\"shape\":[4]", "\"shape\":[5]"),
            ("\"shape\":[4]", "\"shape\":[-4]"), ("\"int64\"", "\"string\""),
            ("\"outputs\":[\"y\",\"z\"]", "\"outputs\":[]"), ("\"pads\"", "\"w\""), ("{\"ints\"", "{\"bytes\""),
            ("[\"N\",2]", "[-1,2]"),
        ] {
            var package = try network().package()
            #expect(manifest.contains(old), "\(old) in \(manifest)")
            package.manifest = Array(manifest.replacing(old, with: new).utf8)
            #expect(throws: GraphFailure.self, "\(old) -> \(new)") { try NetworkPackage(package) }
        }
    }
}
