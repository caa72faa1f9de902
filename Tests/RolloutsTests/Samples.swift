import FleetModel
import Rollouts
import SearchSpace

enum Samples {
    static func id(_ name: String) -> BoardID {
        guard let id = BoardID(name) else { preconditionFailure("\(name) is not a board name") }
        return id
    }

    static let model: ModelName = {
        guard let name = ModelName("m") else { preconditionFailure("m is not a model name") }
        return name
    }()

    static let policy = Policy(
        name: "p", selector: [:],
        models: [
            ModelPolicy(
                model: "m", latency: LatencyConstraint(milliseconds: 10, percentile: 99), accuracyFloor: nil,
                priority: 10)
        ])

    /// Two points, of accuracy 0.8 and 0.9.
    static func description(_ name: String) -> BoardDescription {
        let subnet = SubnetConfiguration(resolution: 28, depths: [2], kernelSizes: [3, 3], expandRatios: [3, 3])
        return BoardDescription(
            id: id(name), boardClass: "test", labels: [:], cores: 1, memoryBytes: 1 << 30, engineVersion: "1",
            models: [
                DeployedModel(
                    name: model, framesPerSecond: 30,
                    points: [0.8, 0.9].map {
                        OperatingPoint(configuration: subnet, accuracy: $0, latencyMilliseconds: 1, flops: 1)
                    })
            ])
    }

    static func record(
        _ sequence: UInt64, incarnation: UInt64 = 1, generation: UInt64 = 1, frames: UInt32 = 100,
        violations: UInt32 = 0, point: UInt32 = 1, p50: Double = 4, p99: Double = 8, labelled: UInt32 = 0,
        correct: UInt32 = 0
    ) -> TelemetryRecord {
        TelemetryRecord(
            incarnation: incarnation, sequence: sequence, startMilliseconds: sequence * 1_000,
            durationMilliseconds: 1_000, generation: generation,
            models: [
                ModelTelemetry(
                    model: model, frames: frames, dropped: 0, violations: violations, labelled: labelled,
                    correct: correct, switches: 0, activePoint: point, p50Milliseconds: p50, p90Milliseconds: p99,
                    p99Milliseconds: p99,
                    constraintMilliseconds: 10)
            ],
            board: BoardTelemetry(
                memoryBytes: 1, cpuLoad: nil, cpuFrequencyMegahertz: nil, temperatureCelsius: nil, droppedRecords: 0))
    }

    static func rollout(_ plan: RolloutPlan, groups: [[String]]) -> Rollout {
        Rollout(
            plan: plan, content: .policy(policy, text: "text"), groups: groups.map { $0.map(id) }, number: 1,
            createdBy: "ann", createdAtMilliseconds: 1)
    }
}
