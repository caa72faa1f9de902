import AdminAPI
import FleetModel
import Foundation
import Messaging
import SearchSpace
import Testing
import WireProtocol

/// A board over real sockets that enrols by token, carries out what it is assigned, and measures what a board under a
/// load that comes and goes would measure: the same figures in every run.
actor SimulatedBoard {
    struct Kind: Sendable {
        var name: String
        var boardClass: String
        var labels: [String: String]
        /// How many times as long as on the fastest class everything takes.
        var slowness: Double
        /// Within a constraint this tight everything takes three times as long, as it would by a bad version.
        var harm: Double?
    }

    /// Windows that it has measured before it says hello, one a second; then one in each interval.
    private static let history: UInt64 = 240
    private static let interval: Duration = .milliseconds(250)
    private static let points: [(width: Int, milliseconds: Double, accuracy: Double, flops: Int)] = [
        (3, 3.1, 0.861, 4_100_000), (3, 4.0, 0.884, 6_400_000), (4, 5.6, 0.901, 9_800_000),
        (4, 7.4, 0.912, 14_200_000), (6, 10.2, 0.921, 20_500_000), (6, 14.0, 0.927, 29_300_000),
    ]

    let kind: Kind
    private let description: BoardDescription
    private let transport: ZeroMQAgentTransport
    private var assignment = Assignment(generation: 0, models: [])
    private var sequence: UInt64 = 0
    private var clock: UInt64

    /// Enrols it.
    init(_ kind: Kind, _ client: AdminClient) async throws {
        self.kind = kind
        description = try Self.description(of: kind)
        clock = UInt64(Date().timeIntervalSince1970 * 1_000) - Self.history * 1_000
        let token: TokenView = try await client.post("v1/tokens", TokenRequest(uses: 1, validSeconds: 3_600))
        let keys = try CurveKeyPair.generate()
        let serverKey = try #require(PublicKey(z85: token.serverPublicKey))
        _ = try await Enrolment.enrol(
            at: token.enrolmentEndpoint, serverKey: serverKey, keys: keys, token: token.token, board: description,
            timeout: .seconds(300))
        transport = try ZeroMQAgentTransport(connectingTo: token.fleetEndpoint, serverKey: serverKey, keys: keys)
    }

    private static func description(of kind: Kind) throws -> BoardDescription {
        // No two boards of a class are quite alike.
        let nature = kind.name.utf8.reduce(0) { $0 + Int($1) }
        let models = try ["classifier", "detector"].enumerated().map { index, name in
            DeployedModel(
                name: try #require(ModelName(name)), framesPerSecond: 20,
                points: points.enumerated().map { place, point in
                    let own = 1 + 0.04 * sin(Double(place * 7 + index * 3 + nature))
                    return OperatingPoint(
                        configuration: SubnetConfiguration(
                            resolution: 20 + 2 * place, depths: [2, 3],
                            kernelSizes: [3, 5, 3, 7, 5, 3], expandRatios: Array(repeating: point.width, count: 6)),
                        accuracy: point.accuracy - 0.03 * Double(index),
                        latencyMilliseconds: point.milliseconds * kind.slowness * own * (1 + 0.5 * Double(index)),
                        flops: point.flops * (1 + index))
                })
        }
        return BoardDescription(
            id: try #require(BoardID(kind.name)), boardClass: kind.boardClass, labels: kind.labels, cores: 2,
            memoryBytes: 2 << 30, engineVersion: "test", models: models,
            interference: Interference(factors: ["classifier": ["detector": 1.2], "detector": ["classifier": 1.35]]))
    }

    /// Until its task is cancelled.
    func run() async throws {
        try greet()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for await message in self.transport.incoming { try await self.heard(message) } }
            group.addTask {
                try await self.tellHistory()
                while !Task.isCancelled {
                    try await Task.sleep(for: Self.interval)
                    try await self.measure()
                }
            }
            try await group.next()
            group.cancelAll()
        }
    }

    func stop() async { await transport.stop() }

    private func greet() throws {
        try transport.send(.hello(description, incarnation: 1, reportedGeneration: assignment.generation))
        // Its gates are those that its class begins with.
        let digits = String(repeating: "1", count: 64)
        try transport.send(
            .gateReport(
                GateReport(
                    modelSHA256: digits, hookSHA256: digits, .joined(parameters: 1_153, gates: 1, version: 0))))
    }

    private func heard(_ message: Message) throws {
        switch message {
        case .helloWanted: try greet()
        case .assign(let assignment):
            if assignment.generation > self.assignment.generation { self.assignment = assignment }
            try transport.send(.assignmentReported(generation: self.assignment.generation))
        default: break
        }
    }

    private func tellHistory() throws {
        for _ in 0..<(Self.history / 20) {
            try transport.send(.telemetry((0..<20).map { _ in window(milliseconds: 1_000) }))
        }
    }

    private func measure() throws {
        clock = max(clock, UInt64(Date().timeIntervalSince1970 * 1_000) - 250)
        try transport.send(.telemetry([window(milliseconds: 250)]))
    }

    // MARK: What it measures

    private func window(milliseconds: UInt32) -> TelemetryRecord {
        sequence += 1
        defer { clock += UInt64(milliseconds) }
        let load = 0.5 - 0.5 * cos(Double(sequence) / 25)
        return TelemetryRecord(
            incarnation: 1, sequence: sequence, startMilliseconds: clock, durationMilliseconds: milliseconds,
            generation: assignment.generation,
            models: description.models.map { measured($0, under: load) },
            board: BoardTelemetry(
                memoryBytes: 68_000_000 + 400_000 * (sequence % 7), cpuLoad: 0.2 + 0.7 * load,
                cpuFrequencyMegahertz: 2_400 - 600 * load, temperatureCelsius: 48 + 22 * load, droppedRecords: 0))
    }

    private func measured(_ model: DeployedModel, under load: Double) -> ModelTelemetry {
        let told = assignment.models.first { $0.model == model.name.rawValue }
        let constraint = told?.latency.milliseconds ?? 0
        let isHarmed = kind.harm.map { constraint > 0 && constraint <= $0 } ?? false
        let highest = told?.highestPoint ?? model.points.count - 1
        let place = max(told?.lowestPoint ?? 0, min(highest, Int((1 - load) * Double(highest) + 0.5)))
        let idle = model.points[place].latencyMilliseconds
        let p50 = idle * (1 + 0.3 * load) * (isHarmed ? 3 : 1)
        let p99 = p50 * (1.3 + 0.5 * load * abs(sin(Double(sequence))))
        return ModelTelemetry(
            model: model.name, frames: 40, dropped: load > 0.97 ? 1 : 0,
            violations: constraint > 0 && p99 > constraint ? 1 : 0, labelled: 40,
            correct: UInt32((40 * model.points[place].accuracy).rounded()), switches: sequence % 9 == 0 ? 1 : 0,
            activePoint: UInt32(place), p50Milliseconds: p50, p90Milliseconds: (p50 + p99) / 2, p99Milliseconds: p99,
            constraintMilliseconds: constraint,
            hooks: HookTelemetry(
                state: .learning, budget: 0.02,
                kinds: [
                    .init(name: "skip", taken: UInt64(120 + 60 * load), possible: 400),
                    .init(name: "exit", taken: UInt64(16 - 8 * load), possible: 40),
                ], samples: sequence))
    }
}
