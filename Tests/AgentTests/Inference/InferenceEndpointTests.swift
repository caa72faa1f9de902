import Engine
import FleetModel
import Foundation
import InferenceAPI
import Logging
import Messaging
import ModelImport
import Packages
import SearchSpace
import Supernets
import Testing

@testable import Agent

/// A whole agent on the Fashion-MNIST supernet, without its coordinator, asked over its Unix socket.
@Suite struct InferenceEndpointTests {
    private static let example = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Examples/fashion-supernet").path()
    private let folder = FileManager.default.temporaryDirectory.appending(path: "a-\(UUID().uuidString.prefix(8))")
        .path()
    private var socket: String { folder + "/s" }

    /// Package, two points, statistics, images and an enrolled board's state; the plans of the points.
    private func prepare() throws -> [Plan] {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try SupernetImporter.importCheckpoint(
            path: Self.example + "/fashion_supernet.pth", configPath: Self.example + "/fashion_supernet.json"
        ).write(to: folder + "/p")
        let file = try SupernetFile(folder + "/p")
        let largest = file.supernet.space.largest
        var small = largest
        small.resolution = 20
        let subnets = [small, largest].map { file.supernet.space.canonical($0) }
        var statistics = StatisticsFile(weightsSHA256: file.weightsSHA256)
        for subnet in subnets { try statistics.insert(file.supernet.checkpointStatistics(for: subnet)) }
        try statistics.write(to: folder + "/t")
        let kept = try StatisticsFile.read(from: folder + "/t", for: file.weightsSHA256)
        let plans = try subnets.map {
            try file.supernet.plan(
                $0, statistics: try #require(kept.statistics(for: $0)), kernels: try KernelSet.selected())
        }
        let points = zip(subnets, plans).enumerated().map { index, pair in
            OperatingPoint(
                configuration: pair.0, accuracy: 0.5 + Double(index) / 10, latencyMilliseconds: Double(index + 1),
                flops: pair.1.flops)
        }
        let table = ParetoTable(model: "m", boardClass: "test", processor: "cpu", seed: 1, points: points)
        try JSONEncoder().encode(table).write(to: URL(filePath: folder + "/q"))
        let images = [UInt8](repeating: 77, count: 4 * 28 * 28)
        try Data([0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 28, 0, 0, 0, 28] + images).write(to: URL(filePath: folder + "/i"))
        try """
        board: edge-1
        stateDirectory: state
        inference: { socket: s }
        models:
          - { name: m, package: p, points: q, statistics: t, stream: { images: [i], framesPerSecond: 20 } }
        """.write(toFile: folder + "/c.yaml", atomically: true, encoding: .utf8)
        let state = try AgentState(folder: folder + "/state")
        let keys = try state.keys()
        try state.save(
            AgentState.Membership(
                board: try #require(BoardID("edge-1")), fleetEndpoint: "tcp://127.0.0.1:1",
                serverPublicKey: keys.publicKey))
        return plans
    }

    private func running(_ body: @Sendable @escaping () async throws -> Void) async throws {
        let service = AgentService(
            configuration: try AgentConfiguration.read(from: folder + "/c.yaml"), logger: Logger(label: "test"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            group.addTask {
                while HTTPOverSocket.ask(socket, "GET", "/v2/health/ready")?.status != 200 {
                    try await Task.sleep(for: .milliseconds(20))
                }
                try await body()
            }
            try await group.next()
            group.cancelAll()
        }
        try? FileManager.default.removeItem(atPath: folder)
    }

    private func json(_ name: String, _ shape: [Int], _ datatype: String, _ data: String, timeout: Int? = nil) -> Data {
        let parameters = timeout.map { #""parameters": {"timeout": \#($0)}, "# } ?? ""
        return Data(
            (#"{\#(parameters)"inputs": [{"name": "\#(name)", "shape": \#(shape), "datatype": "\#(datatype)", "#
                + #""data": [\#(data)]}]}"#).utf8)
    }

    @Test(.timeLimit(.minutes(2))) func requestsRunAtTheActivePoint() async throws {
        let plans = try prepare()
        let path = socket
        try await running {
            #expect(HTTPOverSocket.ask(path, "GET", "/v2/models/m")?.object["name"] as? String == "m")
            #expect(HTTPOverSocket.ask(path, "GET", "/v2/models/n")?.status == 404)
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600)

            // Every size of normalised image; a constant one stays so when it is resized.
            let constant = (0..<2 * 28 * 28).map { $0 < 28 * 28 ? "0.5" : "-1" }.joined(separator: ",")
            let answer = try #require(
                HTTPOverSocket.ask(
                    path, "POST", "/v2/models/m/infer", body: json("image", [2, 1, 28, 28], "FP32", constant)))
            #expect(answer.status == 200, "\(answer.object)")
            let parameters = answer.object["parameters"] as? [String: Any]
            let point = try #require(parameters?["operating_point"] as? Int)
            #expect((parameters?["latency_milliseconds"] as? Double ?? 0) > 0)
            let output = (answer.object["outputs"] as? [[String: Any]])?.first?["data"] as? [Double]
            let session = Session(for: [plans[point]])
            var expected: [Float] = []
            for value: Float in [0.5, -1] {
                let image = [Float](repeating: value, count: plans[point].inputShape.pixels)
                image.withUnsafeBufferPointer { expected += session.run(plans[point], on: $0) }
            }
            #expect(output?.map { Float($0) } == expected)

            // More at once than may wait: each is answered, by a result or as too many.
            let bytes = (0..<16 * 28 * 28).map { String($0 % 256) }.joined(separator: ",")
            let batch = json("pixels", [16, 1, 28, 28], "UINT8", bytes)
            let statuses = await withTaskGroup(of: Int?.self, returning: [Int?].self) { group in
                for _ in 0..<24 {
                    group.addTask {
                        await withCheckedContinuation { continuation in
                            Thread {
                                continuation.resume(
                                    returning: HTTPOverSocket.ask(path, "POST", "/v2/models/m/infer", body: batch)?
                                        .status)
                            }.start()
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.allSatisfy { $0 == 200 || $0 == 503 } && statuses.contains(200), "\(statuses)")
            // No inference of sixteen images starts and ends within a microsecond.
            let late = HTTPOverSocket.ask(
                path, "POST", "/v2/models/m/infer",
                body: json("pixels", [16, 1, 28, 28], "UINT8", bytes, timeout: 1))
            #expect(late?.status == 503 && (late?.object["error"] as? String)?.contains("timeout") == true)
        }
    }

    /// Images of requests are frames to the telemetry and to the runtime manager, and go before none of the stream's.
    @Test(.timeLimit(.minutes(2))) func imagesOfRequestsCountAsFrames() async throws {
        _ = try prepare()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var model = try AgentConfiguration.read(from: folder + "/c.yaml").models[0]
        // One frame at the start, and none for a long while.
        model.stream.framesPerSecond = 0.001
        var loader = ModelLoader(kernels: try KernelSet.selected())
        let wakeUp = WakeUp()
        let runner = ModelRunner(try loader.load(model), requests: InferenceQueue(wakeUp: wakeUp))
        let desk = InferenceDesk()
        #expect(desk.models == nil)
        desk.open([runner])
        let executor = BoardExecutor([runner], wakeUp: wakeUp)
        executor.start()
        let served = try #require(desk.models?.first)
        let request = InferenceRequest(
            images: 3, height: 28, width: 28, pixels: .planar([UInt8](repeating: 9, count: 3 * 784)))
        let result = try await desk.infer(request, on: served)
        #expect(result.values.count == 30 && result.values[0..<10] == result.values[20..<30])
        let counted = runner.counters.snapshot()
        #expect(counted.frames == 4 && counted.histogram.reduce(0, +) == 4 && counted.labelled == 0)

        executor.stop()
        await #expect(throws: InferenceRefusal(.unavailable, "the agent is stopping")) {
            try await desk.infer(request, on: served)
        }
        desk.close()
        #expect(desk.models == nil)
    }
}
