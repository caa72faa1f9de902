import AdminAPI
import FleetModel
import Foundation
import HookSharing
import Messaging
import SearchSpace
import Synchronization
import Testing
import WireProtocol

/// Which board was told to use which version, in the order in which they were told, each once.
final class ToldVersions: Sendable {
    private let told = Mutex<[(version: UInt64, board: String)]>([])

    func note(_ version: UInt64, _ board: String) {
        told.withLock { told in
            if !told.contains(where: { $0 == (version, board) }) { told.append((version, board)) }
        }
    }

    func boards(of version: UInt64) -> [String] { told.withLock { $0.filter { $0.version == version }.map(\.board) } }
}

/// A board that says what boards that learn together say, again and again until it is answered, over sockets.
final class LearningBoard: Sendable {
    private struct State {
        var number: UInt64 = 0
        var base: UInt64 = 0
        var delta: [Float] = []
        var acknowledged: UInt64 = 0
        var version: UInt64 = 0
        var values: [Float]?
        var sequence: UInt64 = 0
        var storedWindows: UInt64 = 0
        var isSilent = true
        var worse: Set<UInt64> = []
        var disliked: Set<UInt64> = []
    }

    let name: String
    private let board: BoardDescription
    private let told: ToldVersions
    private let transport: ZeroMQAgentTransport
    private let state = Mutex(State())
    private let tasks = Mutex<[Task<Void, Never>]>([])
    private static let sha256 = String(repeating: "1", count: 64)
    private static let model = "classifier"

    init(_ number: Int, _ token: TokenView, _ told: ToldVersions = ToldVersions()) async throws {
        name = "board-\(number)"
        self.told = told
        let subnet = SubnetConfiguration(resolution: 28, depths: [2], kernelSizes: [3, 3], expandRatios: [3, 3])
        board = BoardDescription(
            id: try #require(BoardID(name)), boardClass: "test", labels: [:], cores: 1, memoryBytes: 1,
            engineVersion: "1",
            models: [
                DeployedModel(
                    name: try #require(ModelName(Self.model)), framesPerSecond: 30,
                    points: [
                        OperatingPoint(configuration: subnet, accuracy: 0.9, latencyMilliseconds: 4, flops: 1_000)
                    ])
            ])
        let keys = try CurveKeyPair.generate()
        let serverKey = try #require(PublicKey(z85: token.serverPublicKey))
        _ = try await Enrolment.enrol(
            at: token.enrolmentEndpoint, serverKey: serverKey, keys: keys, token: token.token, board: board,
            timeout: .seconds(60))
        transport = try ZeroMQAgentTransport(connectingTo: token.fleetEndpoint, serverKey: serverKey, keys: keys)
    }

    var acknowledged: UInt64 { state.withLock(\.acknowledged) }
    var values: [Float]? { state.withLock(\.values) }
    var version: UInt64 { state.withLock(\.version) }
    /// Windows of telemetry that the coordinator has stored.
    var storedWindows: UInt64 { state.withLock(\.storedWindows) }

    func update(number: UInt64, base: UInt64 = 0, delta: [Float]) {
        state.withLock { ($0.number, $0.base, $0.delta, $0.acknowledged) = (number, base, delta, 0) }
    }

    /// As an agent that has lost what it had of versions.
    func forget() { state.withLock { ($0.version, $0.values) = (0, nil) } }

    /// Whether it tells telemetry.
    func tells(_ does: Bool) { state.withLock { $0.isSilent = !does } }

    /// Versions with which fewer of its labelled frames are right, though it found them better before it used them.
    func doesWorse(with versions: Set<UInt64>) { state.withLock { $0.worse = versions } }

    /// Versions that are worse than the one before on what it held back, once it uses them.
    func dislikes(_ versions: Set<UInt64>) { state.withLock { $0.disliked = versions } }

    func start() {
        let talking = Task {
            while !Task.isCancelled {
                let state = self.state.withLock { $0 }
                try? transport.send(.hello(board, incarnation: 1, reportedGeneration: 0))
                say(.joined(parameters: 4, gates: 1, version: state.version))
                if state.number > state.acknowledged {
                    say(
                        .part(
                            GateUpdatePart(
                                number: state.number, baseVersion: state.base, samples: 100, loss: 0.2, parameters: 4,
                                part: 0, values: state.delta)))
                }
                if !state.isSilent { try? transport.send(.telemetry([window()])) }
                try? await Task.sleep(for: .milliseconds(100))
            }
        }
        let listening = Task {
            for await message in transport.incoming {
                switch message {
                case .gateOrder(let order): received(order.content)
                case .telemetryAcknowledged(_, let sequence):
                    state.withLock { $0.storedWindows = max($0.storedWindows, sequence) }
                default: break
                }
            }
        }
        tasks.withLock { $0 = [talking, listening] }
    }

    func stop() async {
        tasks.withLock { $0.forEach { $0.cancel() } }
        await transport.stop()
    }

    /// A hundred labelled frames.
    private func window() -> TelemetryRecord {
        let (sequence, isWorse) = state.withLock { state in
            state.sequence += 1
            return (state.sequence, state.worse.contains(state.version))
        }
        return TelemetryRecord(
            incarnation: 1, sequence: sequence, startMilliseconds: UInt64(Date().timeIntervalSince1970 * 1_000),
            durationMilliseconds: 100, generation: 0, models: [measured(correct: isWorse ? 60 : 90)],
            board: BoardTelemetry(
                memoryBytes: 1, cpuLoad: nil, cpuFrequencyMegahertz: nil, temperatureCelsius: nil, droppedRecords: 0))
    }

    private func measured(correct: UInt32) -> ModelTelemetry {
        ModelTelemetry(
            model: board.models[0].name, frames: 100, dropped: 0, violations: 0, labelled: 100, correct: correct,
            switches: 0, activePoint: 0, p50Milliseconds: 4, p90Milliseconds: 5, p99Milliseconds: 6,
            constraintMilliseconds: 10,
            hooks: HookTelemetry(
                state: .deciding, budget: 0.1, kinds: [], samples: 0, trainings: 0, failedTrainings: 0,
                samplingInterval: 0, reason: "", zeroShare: nil, zeros: nil))
    }

    private func say(_ content: GateReport.Content) {
        try? transport.send(.gateReport(GateReport(modelSHA256: Self.sha256, hookSHA256: Self.sha256, content)))
    }

    private func received(_ content: GateOrder.Content) {
        switch content {
        case .acknowledged(let number): state.withLock { $0.acknowledged = max($0.acknowledged, number) }
        case .announced(let version, isCandidate: true, _, _): score(version)
        case .announced(let version, isCandidate: false, _, _):
            told.note(version, name)
            if version == 0 {
                state.withLock { ($0.version, $0.values) = (0, [0, 0, 0, 0]) }
            } else {
                say(.wanted(version: version, part: 0))
            }
        case .part(let version, _, let values): state.withLock { ($0.version, $0.values) = (version, values) }
        }
    }

    /// A newer version is better; the one before as good as what it uses, but where it dislikes that.
    private func score(_ version: UInt64) {
        let (own, disliked) = state.withLock { ($0.version, $0.disliked) }
        let before = version > own || disliked.contains(own) ? 0.2 : 0.1
        let gate = GateScore(samples: 60, loss: 0.1, constantLoss: 0.4, acceptedDamage: 0.01, acceptedPrediction: 0.02)
        say(.scored(version: version, samples: 60, loss: 0.1, lossBefore: before, gates: [gate]))
    }
}
