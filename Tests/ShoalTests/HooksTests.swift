import CAllocations
import Engine
import Foundation
import Fusion
import Graphs
import HookNetworks
import NetworkParts
import Packages
import SearchSpace
import Testing

@testable import Shoal

@Suite struct HooksTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "sh-\(UUID().uuidString.prefix(8))")
        .path()
    private let image: [Float]

    init() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try NetworkPackage(graph: Self.residual(blocks: 3, seed: 4), configuration: .init()).package().write(
            to: folder + "/n")
        var generator = SeededGenerator(seed: 9)
        image = (0..<3 * 144).map { _ in Float.random(in: -1...1, using: &generator) }
    }

    private static func residual(
        blocks: Int, seed: UInt64, outputs: Int = 4, ending: [String] = []
    ) throws -> Graph {
        var generator = SeededGenerator(seed: seed)
        var (nodes, constants): ([Node], [String: TensorValue]) = ([], [:])
        func add(_ name: String, _ inputs: [String], _ attributes: [String: Attribute] = [:]) -> String {
            nodes.append(Node(name, opset: 14, inputs: inputs, outputs: ["v\(nodes.count)"], attributes: attributes))
            return "v\(nodes.count - 1)"
        }
        func constant(_ shape: [Int], _ size: Float) -> String {
            let values = (0..<shape.reduce(1, *)).map { _ in Float.random(in: -size...size, using: &generator) }
            constants["c\(constants.count)"] = TensorValue(shape: shape, .float32(values))
            return "c\(constants.count - 1)"
        }
        func convolution(_ x: String, _ inputs: Int) -> String {
            add(
                "Conv", [x, constant([16, inputs, 3, 3], 0.1), constant([16], 0.1)],
                ["pads": .ints([1, 1, 1, 1]), "kernel_shape": .ints([3, 3])])
        }
        var x = add("Relu", [convolution("x", 3)])
        for _ in 0..<blocks {
            x = add("Relu", [add("Add", [convolution(add("Relu", [convolution(x, 16)]), 16), x])])
        }
        x = add("Flatten", [add("GlobalAveragePool", [x])])
        x = add("Gemm", [x, constant([outputs, 16], 2), constant([outputs], 0.1)], ["transB": .int(1)])
        for name in ending { x = add(name, [x], name == "Softmax" ? ["axis": .int(-1)] : [:]) }
        return try Graph(
            name: "r",
            inputs: [GraphInput(name: "x", element: .float32, dimensions: [1, 3, 12, 12].map { .fixed($0) })],
            outputs: [x], initialisers: constants, nodes: nodes)
    }

    /// Damage is a distance of softmax distributions: of probabilities, or of one number, it would say nothing.
    @Test(arguments: [(4, ["Softmax"]), (4, ["Softmax", "Flatten"]), (4, ["Sigmoid"]), (1, [])])
    func answersThatAreNoLogitsAreRefused(outputs: Int, ending: [String]) throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/p"
        try NetworkPackage(
            graph: try Self.residual(blocks: 1, seed: 4, outputs: outputs, ending: ending), configuration: .init()
        ).package().write(to: path)
        let package = try HookablePackage(PackageFile(path), channels: 3, kernels: try KernelSet.selected())
        let refusal = #expect(throws: ShoalFailure.self) { try package.checkHooks() }
        let said = refusal.map { "\($0)" } ?? ""
        #expect(said.contains(ending.first.map { "ends in \($0)" } ?? "a single output"), "\(said)")
    }

    /// A block that is expected to do a damage of 0.1 when it is left out.
    private func write(sensors: Bool = false) throws {
        let hash = try PackageFile(folder + "/n").weightsSHA256()
        var hook = HookState.Hook(
            AttachmentPoint(kind: .skip, operator: "block", flops: 1, microseconds: 1, parts: 2..<3))
        hook.expectedDamage = 0.1
        var state = HookState(kinds: [.skip], weightsSHA256: hash, hooks: [hook])
        if sensors { state.inputs = try GateInputs("sensor:lux") }
        try state.write(to: folder + "/h")
    }

    @Test func aSessionRunsThroughHooksWithinItsBudget() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try write()
        let model = try Model(folder + "/n")
        let hooks = try model.hooks(folder + "/h")
        #expect(hooks.kinds == ["skip"] && hooks.sensors.isEmpty)
        let plain = try InferenceSession(try model.prepare())
        let session = try InferenceSession(try model.prepare(), hooks: hooks, budget: 0.2)

        try plain.run(planar: image.span)
        try session.run(planar: image.span)
        #expect(session.decisionsTaken == 1 && session.hookedFlops < plain.points[0].flops)
        #expect(session.logits != plain.logits && session.logits.count == 4)
        session.budget = 0.05
        try session.run(planar: image.span)
        #expect(session.decisionsTaken == 0)
        session.budget = -1
        try session.run(planar: image.span)
        #expect(session.logits == plain.logits, "hooks off has the same bits")
    }

    @Test func runsAllocateNothing() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try write()
        let model = try Model(folder + "/n")
        let session = try InferenceSession(
            try model.prepare(), hooks: try model.hooks(folder + "/h"), budget: 0.2)
        for _ in 0..<3 { try session.run(planar: image.span) }
        let image = image
        ca_begin()
        for _ in 0..<20 { try session.run(planar: image.span) }
        let allocations = ca_count()
        #expect(session.decisionsTaken == 1)
        #expect(allocations == 0 && ca_is_counting() != 0, "\(allocations) allocations in 20 runs")
    }

    @Test func sensorsAreToldByName() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try write(sensors: true)
        let model = try Model(folder + "/n")
        let hooks = try model.hooks(folder + "/h")
        #expect(hooks.sensors == ["lux"])
        let session = try InferenceSession(try model.prepare(), hooks: hooks, budget: 0.2)
        try session.setSensor("lux", to: 3)
        #expect(throws: ShoalFailure(.argument, "the gates read no sensor heat")) {
            try session.setSensor("heat", to: 3)
        }
    }

    @Test func hooksOfOtherWeightsAreRefused() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try write()
        try NetworkPackage(graph: Self.residual(blocks: 3, seed: 5), configuration: .init()).package().write(
            to: folder + "/o")
        let failure = #expect(throws: ShoalFailure.self) { try Model(folder + "/o").hooks(folder + "/h") }
        #expect("\(try #require(failure))".contains("belongs to other weights"))
    }

    /// The same weights in convolutions that look further are another network: hooks that say of which graph they are
    /// are refused there, those of before are not.
    @Test func hooksOfAnotherGraphAreRefused() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let graph = try Self.residual(blocks: 3, seed: 4)
        var nodes = graph.nodes
        let last = try #require(nodes.lastIndex { $0.operatorName == "Conv" })
        nodes[last] = Node(
            "Conv", opset: 14, inputs: nodes[last].inputs, outputs: nodes[last].outputs,
            attributes: [
                "pads": .ints([2, 2, 2, 2]), "dilations": .ints([2, 2]), "kernel_shape": .ints([3, 3]),
            ])
        let wider = try Graph(
            name: graph.name, inputs: graph.inputs, outputs: graph.outputs, initialisers: graph.initialisers,
            nodes: nodes)
        try NetworkPackage(graph: wider, configuration: .init()).package().write(to: folder + "/w")
        #expect(try PackageFile(folder + "/w").weightsSHA256() == PackageFile(folder + "/n").weightsSHA256())

        try write()
        #expect(try Model(folder + "/w").hooks(folder + "/h").kinds == ["skip"], "of the format before: any graph")
        var state = try HookState.read(from: folder + "/h").state
        state.graphSHA256 = try NetworkPackage(graph: graph, configuration: .init()).graphSHA256()
        try state.write(to: folder + "/h")
        #expect(try Model(folder + "/n").hooks(folder + "/h").kinds == ["skip"])
        let failure = #expect(throws: ShoalFailure.self) { try Model(folder + "/w").hooks(folder + "/h") }
        #expect("\(try #require(failure))".contains("belongs to another graph, with the same weights, than"))
    }
}
