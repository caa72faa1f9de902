import Testing

@testable import Graphs

@Suite struct HardGatePatternTests {
    /// A network of x, and what is expected of it.
    struct Form: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// In order, each reading `x` or earlier results; the last computes `y`.
        let nodes: [Node]
        var outputs = ["y"]
    }

    private static let add = GraphSamples.node("Add", ["x", "three"], ["a"])
    private static let clip = GraphSamples.node("Clip", ["a", "zero", "six"], ["c"])
    private static let oldClip = GraphSamples.node(
        "Clip", opset: 10, ["a"], ["c"], ["min": .float(0), "max": .float(6)])
    private static let product = GraphSamples.node("Mul", ["x", "c"], ["p"])

    private static func last(_ name: String, _ inputs: [String]) -> Node { GraphSamples.node(name, inputs, ["y"]) }

    private static let swishes = [
        Form(testDescription: "divided last", nodes: [add, clip, product, last("Div", ["p", "six"])]),
        Form(testDescription: "attributes", nodes: [add, oldClip, product, last("Div", ["p", "six"])]),
        Form(testDescription: "a factor last", nodes: [add, clip, product, last("Mul", ["sixth", "p"])]),
        Form(
            testDescription: "divided first",
            nodes: [add, clip, GraphSamples.node("Div", ["c", "six"], ["g"]), last("Mul", ["g", "x"])]),
        Form(
            testDescription: "a factor first",
            nodes: [add, clip, GraphSamples.node("Mul", ["c", "sixth"], ["g"]), last("Mul", ["x", "g"])]),
        Form(
            testDescription: "x divided",
            nodes: [add, clip, GraphSamples.node("Div", ["x", "six"], ["s"]), last("Mul", ["c", "s"])]),
        Form(
            testDescription: "minimum of maximum",
            nodes: [
                GraphSamples.node("Add", ["three", "x"], ["a"]), GraphSamples.node("Max", ["a", "zero"], ["m"]),
                GraphSamples.node("Min", ["six", "m"], ["c"]), product, last("Div", ["p", "six"]),
            ]),
        Form(
            testDescription: "maximum of minimum",
            nodes: [
                add, GraphSamples.node("Min", ["a", "six"], ["m"]), GraphSamples.node("Max", ["m", "zero"], ["c"]),
                product, last("Div", ["p", "six"]),
            ]),
        Form(
            testDescription: "Relu",
            nodes: [
                GraphSamples.node("Sub", ["x", "minusThree"], ["a"]), GraphSamples.node("Relu", ["a"], ["m"]),
                GraphSamples.node("Min", ["m", "six"], ["c"]), product, last("Div", ["p", "six"]),
            ]),
        Form(
            testDescription: "clipped to one",
            nodes: [
                GraphSamples.node("Mul", ["x", "sixth"], ["s"]), GraphSamples.node("Add", ["s", "half"], ["a"]),
                GraphSamples.node("Clip", ["a", "zero", "one"], ["c"]), last("Mul", ["x", "c"]),
            ]),
        Form(
            testDescription: "HardSigmoid",
            nodes: [
                GraphSamples.node("HardSigmoid", ["x"], ["c"], ["alpha": .float(1 / 6), "beta": .float(0.5)]),
                last("Mul", ["x", "c"]),
            ]),
        Form(
            testDescription: "constants as nodes",
            nodes: [
                GraphSamples.node("Constant", [], ["k"], ["value": .tensor(GraphSamples.floats([1], [3]))]),
                GraphSamples.node("Add", ["x", "k"], ["a"]), clip, product, last("Div", ["p", "six"]),
            ]),
    ]

    private static let sigmoids = [
        Form(testDescription: "divided", nodes: [add, clip, last("Div", ["c", "six"])]),
        Form(testDescription: "a factor", nodes: [add, oldClip, last("Mul", ["c", "sixth"])]),
        Form(
            testDescription: "clipped to one",
            nodes: [
                GraphSamples.node("Div", ["x", "six"], ["s"]), GraphSamples.node("Add", ["s", "half"], ["a"]),
                last("Clip", ["a", "zero", "one"]),
            ]),
        Form(
            testDescription: "divided before it is clipped",
            nodes: [add, GraphSamples.node("Div", ["a", "six"], ["s"]), last("Clip", ["s", "zero", "one"])]),
    ]

    private static func swish(
        _ name: String, summand: String = "three", most: String = "six", divisor: String = "six",
        operators: (String, String) = ("Add", "Div"), further: [Node] = [], outputs: [String] = ["y"]
    ) -> Form {
        Form(
            testDescription: name,
            nodes: [
                GraphSamples.node(operators.0, ["x", summand], ["a"]),
                GraphSamples.node("Clip", ["a", "zero", most], ["c"]), product, last(operators.1, ["p", divisor]),
            ] + further, outputs: outputs)
    }

    private static let others = [
        swish("another summand", summand: "half"), swish("clipped to another", most: "five"),
        swish("clipped and divided by another", most: "five", divisor: "five"),
        swish("divided by another", divisor: "five"), swish("multiplied", operators: ("Add", "Mul")),
        swish("subtracted", operators: ("Sub", "Div")), swish("a summand for each", summand: "threes"),
        swish("the sum is an output", outputs: ["y", "a"]), swish("the clipped is an output", outputs: ["y", "c"]),
        swish("the product is an output", outputs: ["y", "p"]),
        swish(
            "the clipped is read twice", further: [GraphSamples.node("Abs", ["c"], ["z"])], outputs: ["y", "z"]),
        swish(
            "the product is read twice", further: [GraphSamples.node("Abs", ["p"], ["z"])], outputs: ["y", "z"]),
        Form(
            testDescription: "divided the other way",
            nodes: [add, clip, product, last("Div", ["six", "p"])]),
        Form(
            testDescription: "times something else",
            nodes: [
                add, clip, GraphSamples.node("Abs", ["x"], ["o"]), GraphSamples.node("Mul", ["o", "c"], ["p"]),
                last("Div", ["p", "six"]),
            ]),
        Form(
            testDescription: "rounded between",
            nodes: [
                add, GraphSamples.node("QuantizeLinear", ["a", "half"], ["q"]),
                GraphSamples.node("DequantizeLinear", ["q", "half"], ["d"]),
                GraphSamples.node("Clip", ["d", "zero", "six"], ["c"]), product, last("Div", ["p", "six"]),
            ]),
        Form(
            testDescription: "another HardSigmoid",
            nodes: [GraphSamples.node("HardSigmoid", ["x"], ["c"]), last("Mul", ["x", "c"])]),
        Form(testDescription: "a square", nodes: [last("Mul", ["x", "x"])]),
        Form(
            testDescription: "a gate of another slope",
            nodes: [
                GraphSamples.node("Mul", ["x", "fifth"], ["s"]), GraphSamples.node("Add", ["s", "half"], ["a"]),
                last("Clip", ["a", "zero", "one"]),
            ]),
    ]

    private static let values: [Float] = [-9, -3.5, -3, -2.999, -1, -0.25, 0, 0.5, 1, 2.5, 3, 8]

    private static func graph(_ form: Form) throws -> Graph {
        let numbers: [String: Float] = [
            "zero": 0, "half": 0.5, "one": 1, "three": 3, "minusThree": -3, "five": 5, "six": 6, "sixth": 1 / 6,
            "fifth": 0.2,
        ]
        var initialisers = numbers.mapValues { GraphSamples.floats([], [$0]) }
        initialisers["threes"] = GraphSamples.floats([4], [3, 3, 3, 3.5])
        return try Graph(
            name: "sample",
            inputs: [GraphInput(name: "x", element: .float32, dimensions: [1, 3, 4].map { .fixed($0) })],
            outputs: form.outputs, initialisers: initialisers, nodes: form.nodes)
    }

    /// By the operators' definitions, node by node, without any pass.
    private static func expected(_ graph: Graph) throws -> [String: [Double]] {
        var values = graph.initialisers
        values["x"] = GraphSamples.floats([1, 3, 4], Self.values)
        for node in graph.nodes {
            let call = OperatorCall(node, values: node.inputs.map { values[$0] })
            for (name, value) in zip(node.outputs, try OperatorTable.row(for: node).evaluateChecked(call)) {
                values[name] = value
            }
        }
        return values.filter { graph.outputs.contains($0.key) }.mapValues(\.doubles)
    }

    private static func found(_ bound: BoundGraph) throws -> [String: [Double]] {
        try GraphEvaluator(bound).run(["x": GraphSamples.floats([1, 3, 4], values)]).mapValues(\.doubles)
    }

    private static func areClose(_ first: [String: [Double]], _ second: [String: [Double]]) -> Bool {
        first.keys == second.keys
            && first.allSatisfy { name, values in
                zip(values, second[name] ?? []).allSatisfy { abs($0 - $1) < 1e-6 * max(1, abs($1)) }
            }
    }

    @Test(arguments: swishes.map { ($0, "HardSwish") } + sigmoids.map { ($0, "HardSigmoid") })
    func partsBecomeOneNode(form: Form, name: String) throws {
        let graph = try Self.graph(form)
        let bound = try BoundGraph(graph)
        #expect(bound.graph.nodes.map(\.operatorName) == [name])
        #expect(bound.graph.nodes.map(\.inputs) == [["x"]])
        let (found, expected) = (try Self.found(bound), try Self.expected(graph))
        #expect(Self.areClose(found, expected), "\(found), expected \(expected)")
    }

    @Test(arguments: others) func otherPartsStayAsTheyAre(form: Form) throws {
        let graph = try Self.graph(form)
        let bound = try BoundGraph(graph)
        #expect(bound.graph.nodes == graph.nodes)
        #expect(try Self.found(bound) == Self.expected(graph))
    }

    /// A gate that others read, too, is still one node.
    @Test func sharedGatesAreOneNode() throws {
        let gate = GraphSamples.node("Div", ["c", "six"], ["g"])
        let graph = try Self.graph(
            Form(
                testDescription: "shared", nodes: [Self.add, Self.clip, gate, Self.last("Mul", ["x", "g"])],
                outputs: ["y", "g"]))
        let bound = try BoundGraph(graph)
        #expect(bound.graph.nodes.map(\.operatorName) == ["HardSigmoid", "Mul"])
        #expect(Self.areClose(try Self.found(bound), try Self.expected(graph)))
    }

    /// A number of more dimensions than x gives the result more, too.
    @Test func numbersThatWidenTheShapeAreNoGate() throws {
        let graph = try Graph(
            name: "sample", inputs: [GraphInput(name: "x", element: .float32, dimensions: [.fixed(4)])],
            outputs: ["y"],
            initialisers: [
                "three": GraphSamples.floats([1, 1], [3]), "zero": GraphSamples.floats([], [0]),
                "six": GraphSamples.floats([], [6]),
            ],
            nodes: [Self.add, Self.clip, Self.product, Self.last("Div", ["p", "six"])])
        #expect(try BoundGraph(graph).graph.nodes.count == 4)
    }
}
