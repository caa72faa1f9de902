import FleetModel
import SearchSpace

/// Values that several tests need; small, valid, and easy to change in one field.
enum Samples {
    static func board(_ id: String) -> BoardID {
        guard let board = BoardID(id) else { preconditionFailure("\(id) is not a board name") }
        return board
    }

    static func model(_ name: String) -> ModelName {
        guard let model = ModelName(name) else { preconditionFailure("\(name) is not a model name") }
        return model
    }

    static func point(_ latency: Double, _ accuracy: Double) -> OperatingPoint {
        OperatingPoint(
            configuration: SubnetConfiguration(resolution: 28, depths: [2], kernelSizes: [3, 3], expandRatios: [3, 3]),
            accuracy: accuracy, latencyMilliseconds: latency, flops: 1_000)
    }

    static func deployed(_ name: String, points: Int = 3) -> DeployedModel {
        DeployedModel(
            name: model(name), framesPerSecond: 30,
            points: (0..<points).map { point(Double($0 + 1) * 2, 0.8 + Double($0) / 1_000) })
    }

    static func description(
        _ id: String, labels: [String: String] = [:], models: [String] = ["classifier"]
    ) -> BoardDescription {
        BoardDescription(
            id: board(id), boardClass: "test", labels: labels, cores: 1, memoryBytes: 1 << 30, engineVersion: "1",
            models: models.map { deployed($0) })
    }

    static func policy(
        _ name: String, selector: [String: String] = [:], models: [String] = ["classifier"], milliseconds: Double = 25
    ) -> Policy {
        Policy(
            name: name, selector: selector,
            models: models.map {
                ModelPolicy(
                    model: $0, latency: LatencyConstraint(milliseconds: milliseconds, percentile: 99),
                    accuracyFloor: nil, priority: 10)
            })
    }
}
