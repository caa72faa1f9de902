import Engine
import FleetModel
import Foundation
import Fusion
import Graphs
import NetworkParts
import Packages
import SearchSpace
import Synchronization
import Testing

@testable import Agent
@testable import HookNetworks

/// Network packages with hooks within the network on the thread of a model.
@Suite struct NetworkHooksTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "n-\(UUID().uuidString.prefix(8))")
        .path()

    private static func residual(blocks: Int, seed: UInt64) throws -> Graph {
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
        x = add("Gemm", [x, constant([4, 16], 2), constant([4], 0.1)], ["transB": .int(1)])
        return try Graph(
            name: "r",
            inputs: [GraphInput(name: "x", element: .float32, dimensions: [1, 3, 12, 12].map { .fixed($0) })],
            outputs: [x], initialisers: constants, nodes: nodes)
    }

    /// - Parameter kind: skip leaves out a block, exit everything after it; both are expected to damage 0.1.
    private func prepare(_ kind: GateKind, budget: Double, inputs: String = "") throws -> AgentConfiguration.Model {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try NetworkPackage(graph: Self.residual(blocks: 3, seed: 4), configuration: .init()).package()
            .write(to: folder + "/n")
        let package = try PackageFile(folder + "/n")
        let space = try JSONDecoder().decode(
            SubnetConfiguration.self,
            from: Data(#"{"resolution":12,"depths":[],"kernelSizes":[],"expandRatios":[]}"#.utf8))
        try JSONEncoder().encode(
            ParetoTable(
                model: "m", boardClass: "test", processor: "cpu", seed: 1,
                points: [
                    OperatingPoint(configuration: space, accuracy: 0.5, latencyMilliseconds: 1, flops: 1, demand: nil)
                ])
        ).write(to: URL(filePath: folder + "/q"))
        var records: [UInt8] = []
        for record in 0..<4 {
            records.append(UInt8(record))
            for index in 0..<3072 { records.append(UInt8((index * 7 + record) % 256)) }
        }
        try Data(records).write(to: URL(filePath: folder + "/i.bin"))
        var hook = HookState.Hook(
            AttachmentPoint(
                kind: kind, operator: "block", flops: 1, microseconds: 1, parts: kind == .skip ? 2..<3 : 2..<5))
        hook.expectedDamage = 0.1
        if kind == .exit {
            let features = (0..<8).map { sample in (0..<16).map { Float((sample * 5 + $0 * 3) % 7) } }
            let targets = (0..<8).map { sample in (0..<4).map { $0 == sample % 4 ? 1.0 : 0.0 } }
            hook.head = HeadTrainer.train(features, targets, seed: 1)
        }
        var state = HookState(kinds: [kind], weightsSHA256: try package.weightsSHA256(), hooks: [hook])
        state.inputs = try GateInputs(inputs)
        try state.write(to: folder + "/h")
        return AgentConfiguration.Model(
            name: "m", package: folder + "/n", points: folder + "/q",
            stream: .init(images: [folder + "/i.bin"], framesPerSecond: 200),
            hooks: .init(file: folder + "/h", budget: budget))
    }

    private func load(_ model: AgentConfiguration.Model) throws -> ModelDeployment {
        var loader = ModelLoader(kernels: try KernelSet.selected())
        return try loader.load(model)
    }

    @Test(
        .timeLimit(.minutes(2)),
        arguments: [(GateKind.skip, 0.2, true), (.skip, 0.05, false), (.exit, 0.2, true), (.exit, 0.05, false)])
    func framesLeaveOutWhatTheBudgetAllows(kind: GateKind, budget: Double, isTaken: Bool) async throws {
        let model = try prepare(kind, budget: budget)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let deployment = try load(model)
        #expect(deployment.hookFailure == nil)
        let runner = ModelRunner(deployment)
        var sampler = TelemetrySampler(runners: [runner], processors: [0])
        let executor = BoardExecutor([runner])
        executor.start()
        while runner.counters.snapshot().frames < 20 || runner.hookCounters.zeros.withLock({ $0.isEmpty }) {
            try await Task.sleep(for: .milliseconds(10))
        }
        let record = sampler.window(startMilliseconds: 0, durationMilliseconds: 1, generation: 0)
        executor.stop()
        let telemetry = try #require(record.models[0].hooks)
        #expect(telemetry.state == .deciding && telemetry.kinds.map(\.name) == [kind.rawValue])
        #expect(telemetry.kinds[0].possible > 0)
        // Maps behind ReLU hold zeros; a frame has been sampled, not every one.
        let zeros = try #require(telemetry.zeros)
        #expect((0.01..<0.99).contains(telemetry.zeroShare ?? 0) && zeros.count == HookTelemetry.zeroStepLimit)
        #expect(zeros.map(\.share) == zeros.map(\.share).sorted(by: >))
        #expect(telemetry.kinds[0].taken == (isTaken ? telemetry.kinds[0].possible : 0), "\(telemetry)")
    }

    /// A sensor that the configuration does not name is what the refusal names; one that it names is read, until a
    /// request says something else.
    @Test func sensorsComeFromTheConfigurationAndFromRequests() throws {
        var model = try prepare(.skip, budget: 0.2, inputs: "sensor:lux,sensor:heat")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        model.hooks?.sensors = ["lux": 2]
        #expect(try load(model).hookFailure?.contains("reads the sensor heat, which") == true)
        model.hooks?.sensors = ["lux": 2, "heat": 4]
        let deployment = try load(model)
        let hooks = try #require(deployment.hooks)
        #expect(hooks.sensors == [2, 4])
        let runner = try HookedRunner(hooks, HookCounters(kindCount: 1))
        let image = [Float](repeating: 0, count: 3 * 144)
        func run(_ sensors: [String: Double]) -> [Float]? {
            _ = image.withUnsafeBufferPointer { runner.run($0, at: 0, predicted: 1, sensors: sensors)?.count }
            return runner.readings?.sensorValues
        }
        #expect(run([:]) == [2, 4])
        #expect(run(["heat": 9, "other": 1]) == [2, 9])
        #expect(run([:]) == [2, 4])
    }
}
