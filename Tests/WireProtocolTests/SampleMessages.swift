import Artefacts
import FleetModel
import HookSharing
import SearchSpace
import Testing
import WireProtocol

/// One message per code with every field set; a code without one does not compile.
enum SampleMessages {
    static let header = FrameHeader(session: 0x0102_0304_0506_0708, sequence: 0x1112_1314_1516_1718)

    static func message(of code: Message.Code) throws -> Message {
        switch code {
        case .enrol: .enrol(token: "one-time-token", board: try board())
        case .enrolled: .enrolled(board: try #require(BoardID("board-1")))
        case .refused: .refused(reason: "The token has expired.")
        case .hello: .hello(try board(), incarnation: 3, reportedGeneration: 17)
        case .welcome: .welcome(heartbeatMilliseconds: 1_000, liveness: 3)
        case .helloWanted: .helloWanted
        case .telemetry: .telemetry([try record(sequence: 8), try record(sequence: 9)])
        case .telemetryAcknowledged: .telemetryAcknowledged(incarnation: 3, sequence: 9)
        case .assign: .assign(assignment)
        case .assignmentReported: .assignmentReported(generation: 18)
        case .heartbeat: .heartbeat
        case .goodbye: .goodbye
        case .gateReport: .gateReport(gateReport)
        case .gateOrder: .gateOrder(gateOrder)
        case .measureOrder:
            .measureOrder(
                MeasureOrder(
                    number: 1_700_000_000_001, model: try #require(ModelName("fashion")), supernetSHA256: modelSHA256,
                    subnet: point.configuration))
        case .artefactReport: .artefactReport(.state(try artefactState()))
        case .artefactOrder: .artefactOrder(.desired(generation: 5, [try desiredArtefact()]))
        case .keyOrder: .keyOrder(KeyOrder(number: 1_700_000_000_001, .accepted(key: curveKey)))
        case .keyReport: .keyReport(KeyReport(number: 1_700_000_000_001, key: curveKey))
        case .measureReport: .measureReport(MeasureReport(number: 1_700_000_000_001, .measured([1.25, 1.5])))
        }
    }

    /// That of RFC 26.
    static let curveKey = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"

    static func artefactState() throws -> ArtefactState {
        ArtefactState(
            number: 3, key: try #require(ArtefactKey(bytes: [UInt8](repeating: 0xAB, count: 32))), generation: 5,
            holdings: [
                ArtefactHolding(
                    id: ArtefactID(.hookVersion, try #require(ModelName("fashion"))), status: .fetching, version: 1,
                    previousVersion: 0, desiredVersion: 2, receivedBytes: 32_768, reason: "disk full",
                    runningVersion: 1)
            ],
            damaged: [
                ArtefactDamage(
                    find: 7, id: ArtefactID(.modelPackage, try #require(ModelName("fashion"))), version: 4,
                    reason: "gone")
            ])
    }

    static func desiredArtefact() throws -> DesiredArtefact {
        let sum = try #require(ContentSum(bytes: [UInt8](repeating: 0xCD, count: 32)))
        let manifest = try ArtefactManifest(
            id: ArtefactID(.hookVersion, try #require(ModelName("fashion"))), version: 2, byteCount: 100_000, sum: sum,
            chunkBytes: 32_768, chunkRoot: sum, createdAtMilliseconds: 1_700_000_000_000)
        return DesiredArtefact(
            try SignedManifest(manifest, signature: [UInt8](repeating: 0xEF, count: 64)), mayDowngrade: true)
    }

    static let modelSHA256 = String(repeating: "1f", count: 32)
    static let hookSHA256 = String(repeating: "a0", count: 32)

    static let gateReport = GateReport(
        modelSHA256: modelSHA256, hookSHA256: hookSHA256,
        .part(
            GateUpdatePart(
                number: 7, baseVersion: 3, samples: 900, loss: 0.25, parameters: 2, part: 0, values: [0.5, -2])))

    static let gateOrder = GateOrder(
        modelSHA256: modelSHA256, hookSHA256: hookSHA256,
        .announced(version: 4, isCandidate: true, sha256: hookSHA256, gates: [score]))

    static let score = GateScore(
        samples: 60, loss: 0.25, constantLoss: 0.5, acceptedDamage: 0.125, acceptedPrediction: 0.0625)

    static func board() throws -> BoardDescription {
        BoardDescription(
            id: try #require(BoardID("board-1")), boardClass: "x86-avx2-0.5", labels: ["site": "küche", "tier": ""],
            cores: 0.5, memoryBytes: 1 << 30, engineVersion: "1.0",
            models: [
                DeployedModel(
                    name: try #require(ModelName("fashion")), framesPerSecond: 10, points: [point, point])
            ])
    }

    static let point = OperatingPoint(
        configuration: SubnetConfiguration(
            resolution: 28, depths: [2, 1], kernelSizes: [7, 5, 3, 3], expandRatios: [6, 4, 3, 3]),
        accuracy: 0.915, latencyMilliseconds: 1.25, flops: 12_345_678)

    static func record(sequence: UInt64) throws -> TelemetryRecord {
        TelemetryRecord(
            incarnation: 3, sequence: sequence, startMilliseconds: 1_700_000_000_000, durationMilliseconds: 1_000,
            generation: 17, models: [try model()],
            board: BoardTelemetry(
                memoryBytes: 64 << 20, cpuLoad: 0.75, cpuFrequencyMegahertz: nil, temperatureCelsius: -5.5,
                droppedRecords: 2,
                spool: .init(
                    records: 3, bytes: 1_200, lost: [.full: 2, .damaged: 1, .unwritable: 4], trouble: "disk full")))
    }

    static func model() throws -> ModelTelemetry {
        ModelTelemetry(
            model: try #require(ModelName("fashion")), frames: 100, dropped: 1, violations: 2, labelled: 50,
            correct: 45, switches: 3, activePoint: 1, p50Milliseconds: 1.5, p90Milliseconds: 2.5,
            p99Milliseconds: 4, constraintMilliseconds: 5,
            hooks: HookTelemetry(
                state: .resting, budget: 0.25,
                kinds: [.init(name: "skip", taken: 12, possible: 300), .init(name: "exit", taken: 7, possible: 100)],
                samples: 600, trainings: 4, failedTrainings: 1, samplingInterval: 8, reason: "disk full"))
    }

    static let assignment = Assignment(
        generation: 18,
        models: [
            ModelAssignment(
                model: "fashion", latency: LatencyConstraint(milliseconds: 5, percentile: 90), lowestPoint: 0,
                highestPoint: 4, preferredPoint: 2, priority: 10)
        ])
}
