import Datasets
import Engine
import FleetModel
import Foundation
import Graphs
import Mailboxes
import ModelImport
import Packages
import SearchSpace
import Supernets
import Synchronization
import Testing

@testable import Agent
@testable import HookNetworks

/// The Fashion-MNIST supernet with a cascade of two subnets on the thread of a model.
@Suite struct HookedRunnerTests {
    private static let example = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Examples/fashion-supernet").path()
    let folder = FileManager.default.temporaryDirectory.appending(path: "h-\(UUID().uuidString.prefix(8))")
        .path()

    /// Two points, the larger with hooks that try the smaller one first, and a gate that predicts so much damage.
    func prepare(damage: Double, hookBudget: Double? = nil) throws -> AgentConfiguration.Model {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try SupernetImporter.importCheckpoint(
            path: Self.example + "/fashion_supernet.pth", configPath: Self.example + "/fashion_supernet.json"
        ).write(to: folder + "/p")
        let file = try SupernetFile(folder + "/p")
        let largest = file.supernet.space.canonical(file.supernet.space.largest)
        var small = largest
        small.resolution = 20
        small = file.supernet.space.canonical(small)
        var statistics = StatisticsFile(weightsSHA256: file.weightsSHA256)
        for subnet in [small, largest] { try statistics.insert(file.supernet.checkpointStatistics(for: subnet)) }
        try statistics.write(to: folder + "/t")
        let points = [small, largest].enumerated().map { index, subnet in
            OperatingPoint(
                configuration: subnet, accuracy: 0.5 + Double(index) / 10, latencyMilliseconds: Double(index + 1),
                flops: 1, demand: index == 1 ? hookBudget.map { PointDemand(hookBudget: $0) } : nil)
        }
        try JSONEncoder().encode(
            ParetoTable(model: "m", boardClass: "test", processor: "cpu", seed: 1, points: points)
        ).write(to: URL(filePath: folder + "/q"))
        let images = (0..<8 * 784).map { UInt8($0 * 7 % 256) }
        try Data([0, 0, 8, 3, 0, 0, 0, 8, 0, 0, 0, 28, 0, 0, 0, 28] + images).write(to: URL(filePath: folder + "/i"))
        var hook = HookState.Hook(
            AttachmentPoint(kind: .model, operator: "small", flops: 1, microseconds: 1, parts: 0..<0))
        let kernels = try KernelSet.selected()
        let plan = try file.supernet.plan(
            small, statistics: file.supernet.checkpointStatistics(for: small), kernels: kernels)
        let features = try ModelCascade([.init(plan)], largest: plan, isCommittee: false).featureCounts[0]
        hook.gate = Gate(constant: damage, features: features)
        try HookState(
            kinds: [.model], weightsSHA256: file.weightsSHA256,
            smaller: [.init(weightsSHA256: file.weightsSHA256, subnet: small)], subnet: largest, hooks: [hook]
        ).write(to: folder + "/h")
        return AgentConfiguration.Model(
            name: "m", package: folder + "/p", points: folder + "/q", statistics: folder + "/t",
            stream: .init(images: [folder + "/i"], framesPerSecond: 200),
            hooks: .init(file: folder + "/h", budget: 0.1))
    }

    func load(_ model: AgentConfiguration.Model) throws -> ModelDeployment {
        var loader = ModelLoader(kernels: try KernelSet.selected())
        return try loader.load(model)
    }

    /// Runs the model's thread until it has counted some frames; what one window says of the hooks.
    func run(_ deployment: ModelDeployment) async throws -> HookTelemetry? {
        let runner = ModelRunner(deployment)
        // However busy the machine is, the point with hooks.
        let top = deployment.points.count - 1
        runner.mailbox.post(
            ModelAssignment(
                model: "m", latency: .init(milliseconds: 10_000, percentile: 95), lowestPoint: top,
                highestPoint: top, preferredPoint: top, priority: 1), number: 1)
        var sampler = TelemetrySampler(runners: [runner], processors: [0])
        let executor = BoardExecutor([runner])
        executor.start()
        while runner.counters.snapshot().frames < 20 { try await Task.sleep(for: .milliseconds(10)) }
        let record = sampler.window(
            startMilliseconds: 0, durationMilliseconds: 1, generation: 0)
        executor.stop()
        return record.models[0].hooks
    }

    @Test(
        .timeLimit(.minutes(2)),
        arguments: [(0.05, nil, true), (0.5, nil, false), (0.5, 0.6, true), (0.05, 0.01, false)])
    func framesRunThroughHooksAtTheBudgetOfTheirPoint(damage: Double, hookBudget: Double?, isTaken: Bool) async throws {
        let model = try prepare(damage: damage, hookBudget: hookBudget)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let deployment = try load(model)
        #expect(deployment.hookFailure == nil)
        let hooks = try #require(deployment.hooks)
        #expect(hooks.budgets == [nil, Float(hookBudget ?? 0.1)])
        let telemetry = try #require(try await run(deployment))
        #expect(telemetry.state == .deciding && telemetry.kinds.map(\.name) == ["model"])
        let kind = telemetry.kinds[0]
        #expect(kind.possible > 0 && kind.taken == (isTaken ? kind.possible : 0), "\(telemetry)")
    }

    @Test(.timeLimit(.minutes(2))) func aDamagedFileLeavesThePlainNetwork() async throws {
        let model = try prepare(damage: 0.05)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let whole = try #require(FileManager.default.contents(atPath: folder + "/h"))
        try whole.prefix(whole.count - 7).write(to: URL(filePath: folder + "/h"))
        let deployment = try load(model)
        #expect(deployment.hooks == nil)
        let telemetry = try #require(try await run(deployment))
        #expect(telemetry.state == .refused && !telemetry.reason.isEmpty && telemetry.kinds.isEmpty)
    }

    @Test(.timeLimit(.minutes(2))) func theThreadLearnsBesideItsFrames() async throws {
        var model = try prepare(damage: 0.05)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        model.hooks?.learns = true
        let runner = ModelRunner(try load(model))
        let executor = BoardExecutor([runner])
        executor.start()
        while runner.counters.snapshot().frames < 20 { try await Task.sleep(for: .milliseconds(10)) }
        let learner = try #require(runner.hookCounters.learner.withLock { $0 })
        executor.stop()
        learner.stop()
        let state = try HookState.read(from: folder + "/h").state
        #expect(state.statistics.samples == learner.report.samples)
        #expect(state.hooks[0].usableGate != nil, "what was learned before holds")
    }

    @Test func hooksOfOtherWeightsAreRefused() throws {
        let model = try prepare(damage: 0.05)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var state = try HookState.read(from: folder + "/h").state
        state.weightsSHA256 = "ab"
        try state.write(to: folder + "/h")
        let deployment = try load(model)
        #expect(deployment.hooks == nil && deployment.hookFailure?.contains("other weights") == true)
    }
}

extension Gate {
    /// Predicts the same damage for every input, and has passed its validation.
    init(constant damage: Double, features: Int) {
        self.init(
            mean: [Double](repeating: 0, count: features), deviation: [Double](repeating: 1, count: features),
            predictor: .perceptron(
                Perceptron(
                    [.linear(inputs: features, outputs: 1)], parameters: [Double](repeating: 0, count: features))),
            slope: 1, offset: -log(1 / damage - 1),
            validation: GateValidation(
                samples: 100, loss: 0, constantLoss: 1, acceptedDamage: 0, acceptedPrediction: 0))
    }
}
