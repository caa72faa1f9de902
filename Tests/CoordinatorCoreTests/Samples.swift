import FleetModel
import SearchSpace

enum Samples {
    static func board(_ id: String = "a", cores: Double = 1, models: [String] = ["classifier"]) -> BoardDescription {
        guard let name = BoardID(id) else { preconditionFailure("\(id) is not a board name") }
        return BoardDescription(
            id: name, boardClass: "test", labels: ["tier": "edge"], cores: cores, memoryBytes: 1 << 30,
            engineVersion: "1", models: models.map { deployed($0) })
    }

    /// Points of 4, 8, 12 and 16 ms at 30 frames per second.
    static func deployed(_ name: String) -> DeployedModel {
        guard let model = ModelName(name) else { preconditionFailure("\(name) is not a model name") }
        let configuration = SubnetConfiguration(
            resolution: 28, depths: [2], kernelSizes: [3, 3], expandRatios: [3, 3])
        return DeployedModel(
            name: model, framesPerSecond: 30,
            points: (1...4).map {
                OperatingPoint(
                    configuration: configuration, accuracy: 0.8 + Double($0) / 100,
                    latencyMilliseconds: Double($0) * 4, flops: $0)
            })
    }

    static func policy(
        _ name: String = "p", milliseconds: Double = 10, models: [String] = ["classifier"],
        selector: [String: String] = [:]
    ) -> Policy {
        Policy(
            name: name, selector: selector,
            models: models.map {
                ModelPolicy(
                    model: $0, latency: LatencyConstraint(milliseconds: milliseconds, percentile: 99),
                    accuracyFloor: nil, priority: 10)
            })
    }

    static func record(_ sequence: UInt64, incarnation: UInt64 = 1, model: String = "classifier") -> TelemetryRecord {
        guard let name = ModelName(model) else { preconditionFailure("\(model) is not a model name") }
        return TelemetryRecord(
            incarnation: incarnation, sequence: sequence, startMilliseconds: sequence * 1_000,
            durationMilliseconds: 1_000, generation: 0,
            models: [
                ModelTelemetry(
                    model: name, frames: 30, dropped: 1, violations: 2, labelled: 20, correct: 18, switches: 0,
                    activePoint: 3, p50Milliseconds: 4, p90Milliseconds: 5, p99Milliseconds: 6,
                    constraintMilliseconds: 10)
            ],
            board: BoardTelemetry(
                memoryBytes: 1, cpuLoad: nil, cpuFrequencyMegahertz: nil, temperatureCelsius: nil, droppedRecords: 0))
    }
}
