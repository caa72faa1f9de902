import Foundation
import Testing

@testable import Graphs

@Suite struct LayerNormalizationPatternTests {
    struct Form: Sendable, CustomTestStringConvertible {
        var squares = "Pow"
        var epsilonFirst = false
        var differenceTwice = false
        var axis = -1
        var isScaled = true
        var isShifted = true
        var testDescription: String { "\(squares) \(epsilonFirst) \(differenceTwice) \(axis) \(isScaled) \(isShifted)" }
    }

    private static let values: [Float] = [1, -2, 4, 0.5, 3, 3, 2, -1, 0, 10, 20, -5]

    private static func bound(_ form: Form, alsoOutput: [String] = []) throws -> BoundGraph {
        let axes: [String: Attribute] = ["axes": .ints([form.axis]), "keepdims": .int(1)]
        var nodes = [
            GraphSamples.node("ReduceMean", ["x"], ["mean"], axes), GraphSamples.node("Sub", ["x", "mean"], ["d"]),
        ]
        let other = form.differenceTwice ? "e" : "d"
        if form.differenceTwice { nodes.append(GraphSamples.node("Sub", ["x", "mean"], ["e"])) }
        nodes += [
            form.squares == "Pow"
                ? GraphSamples.node("Pow", [other, "two"], ["square"])
                : GraphSamples.node("Mul", [other, other], ["square"]),
            GraphSamples.node("ReduceMean", ["square"], ["variance"], axes),
            GraphSamples.node("Add", form.epsilonFirst ? ["epsilon", "variance"] : ["variance", "epsilon"], ["sum"]),
            GraphSamples.node("Sqrt", ["sum"], ["root"]), GraphSamples.node("Div", ["d", "root"], ["quotient"]),
        ]
        var last = "quotient"
        if form.isScaled {
            nodes.append(GraphSamples.node("Mul", ["scale", last], ["scaled"]))
            last = "scaled"
        }
        if form.isScaled && form.isShifted {
            nodes.append(GraphSamples.node("Add", [last, "shift"], ["shifted"]))
            last = "shifted"
        }
        let graph = try Graph(
            name: "sample",
            inputs: [GraphInput(name: "x", element: .float32, dimensions: [1, 3, 4].map { .fixed($0) })],
            outputs: [last] + alsoOutput,
            initialisers: [
                "two": GraphSamples.floats([], [2]), "epsilon": GraphSamples.floats([], [0.01]),
                "scale": GraphSamples.floats([4], [1, 2, -1, 0.5]), "shift": GraphSamples.floats([4], [0, 1, 2, 3]),
            ],
            nodes: nodes)
        return try BoundGraph(graph)
    }

    private static func expected(_ form: Form) -> [Float] {
        let (scale, shift): ([Double], [Double]) = ([1, 2, -1, 0.5], [0, 1, 2, 3])
        return (0..<12).map { index in
            let row = values[index / 4 * 4..<index / 4 * 4 + 4].map { Double($0) }
            let mean = row.reduce(0, +) / 4
            let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 4
            let normal = (Double(values[index]) - mean) / (variance + 0.01).squareRoot()
            let scaled = form.isScaled ? normal * scale[index % 4] : normal
            return Float(form.isScaled && form.isShifted ? scaled + shift[index % 4] : scaled)
        }
    }

    @Test(arguments: [
        Form(), Form(squares: "Mul"), Form(epsilonFirst: true), Form(differenceTwice: true), Form(axis: 2),
        Form(isShifted: false), Form(isScaled: false),
    ])
    func partsBecomeOneNode(form: Form) throws {
        let bound = try Self.bound(form)
        #expect(bound.graph.nodes.map(\.operatorName) == ["LayerNormalization"])
        let outputs = try GraphEvaluator(bound).run(["x": GraphSamples.floats([1, 3, 4], Self.values)])
        guard case .float32(let found)? = outputs[bound.graph.outputs[0]]?.elements else {
            Issue.record("no floats")
            return
        }
        #expect(zip(found, Self.expected(form)).allSatisfy { abs($0 - $1) < 1e-5 }, "\(found)")
    }

    @Test func otherMeansStayAsTheyAre() throws {
        #expect(try Self.bound(Form(axis: 1)).graph.nodes.count == 9)
    }

    @Test func partsThatAreOutputsAreKept() throws {
        let bound = try Self.bound(Form(), alsoOutput: ["variance", "scaled"])
        let names = bound.graph.nodes.map(\.operatorName)
        #expect(names.contains("LayerNormalization") && names.contains("Pow") && names.last == "Add")
        let outputs = try GraphEvaluator(bound).run(["x": GraphSamples.floats([1, 3, 4], Self.values)])
        #expect(outputs["variance"]?.count == 3 && outputs["shifted"]?.count == 12)
    }
}
