import FleetModel
import SearchSpace
import Simulation
import Testing

/// The agent's and the coordinator's machines against each other, over a network that loses, repeats and reorders.
@Suite struct FleetSimulationTests {
    private static let faults = LossyNetwork.Faults(loss: 0.3, duplication: 0.2, delay: .seconds(1))

    private static func boards(_ count: Int) -> [BoardDescription] {
        (0..<count).compactMap { index in
            guard let id = BoardID("board-\(index)"), let model = ModelName("classifier") else { return nil }
            let points = (1...4).map { step in
                OperatingPoint(
                    configuration: SubnetConfiguration(
                        resolution: 28, depths: [2], kernelSizes: [3, 3], expandRatios: [3, 3]),
                    accuracy: 0.8 + Double(step) / 100, latencyMilliseconds: Double(step) * 4, flops: step)
            }
            return BoardDescription(
                id: id, boardClass: "test", labels: [:], cores: 1, memoryBytes: 1 << 30, engineVersion: "1",
                models: [DeployedModel(name: model, framesPerSecond: 30, points: points)])
        }
    }

    private static func policy(_ name: String, milliseconds: Double) -> Policy {
        Policy(
            name: name, selector: [:],
            models: [
                ModelPolicy(
                    model: "classifier", latency: LatencyConstraint(milliseconds: milliseconds, percentile: 99),
                    accuracyFloor: nil, priority: 10)
            ])
    }

    @Test func quietFleetSettlesWithinSeconds() {
        var simulation = FleetSimulation(boards: Self.boards(3), faults: .none, seed: 1)
        simulation.apply(Self.policy("p", milliseconds: 10))
        simulation.run(for: .seconds(5))

        #expect(simulation.unsettled == [])
        #expect(simulation.violations == [])
        #expect(simulation.states.allSatisfy { $0.desired.models.first?.highestPoint == 1 })
    }

    @Test(arguments: [UInt64(1), 2, 3, 4, 5, 6, 7, 8, .random(in: 0...UInt64.max)])
    func everythingSettlesOnceFaultsCease(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var simulation = FleetSimulation(boards: Self.boards(3), faults: Self.faults, seed: seed)
        for _ in 0..<30 {
            switch Int.random(in: 0..<8, using: &generator) {
            case 0: simulation.restartCoordinator()
            case 1: simulation.restartBoard(at: Int.random(in: 0..<3, using: &generator))
            case 2, 3: simulation.apply(Self.policy("p", milliseconds: Double.random(in: 3...20, using: &generator)))
            case 4: simulation.faults = .init(loss: 1, duplication: 0, delay: .zero)
            case 5: simulation.setCoordinatorDisk(full: Bool.random(using: &generator))
            case 6:
                simulation.setBoardDisk(
                    full: Bool.random(using: &generator), at: Int.random(in: 0..<3, using: &generator))
            default: simulation.faults = Self.faults
            }
            simulation.run(for: .milliseconds(Int.random(in: 100...15_000, using: &generator)))
            #expect(simulation.violations == [], "seed \(seed)")
        }

        simulation.faults = .none
        simulation.setCoordinatorDisk(full: false)
        for index in 0..<3 { simulation.setBoardDisk(full: false, at: index) }
        simulation.run(for: .seconds(120))

        #expect(simulation.unsettled == [], "seed \(seed)")
        #expect(simulation.violations == [], "seed \(seed)")
    }

    /// What a full disk cannot keep is neither sent nor reported, and follows once there is room.
    @Test func fullDisksHoldAssignmentsBack() {
        var simulation = FleetSimulation(boards: Self.boards(2), faults: .none, seed: 1)
        simulation.run(for: .seconds(2))
        simulation.setBoardDisk(full: true, at: 0)
        simulation.apply(Self.policy("p", milliseconds: 10))
        simulation.run(for: .seconds(10))
        #expect(simulation.states.map(\.reportedGeneration) == [0, 1])

        simulation.setBoardDisk(full: false, at: 0)
        simulation.run(for: .seconds(40))
        #expect(simulation.unsettled == [])
        #expect(simulation.violations == [])
    }

    /// A network that never delivers must leave traces in `unsettled`, or the test above proves nothing.
    @Test func severedFleetDoesNotSettle() {
        var simulation = FleetSimulation(
            boards: Self.boards(1), faults: .init(loss: 1, duplication: 0, delay: .zero), seed: 1)
        simulation.run(for: .seconds(30))
        #expect(simulation.unsettled.contains { $0.contains("enrolled") })
        #expect(simulation.unsettled.contains { $0.contains("of 30 records stored") })
    }

    @Test(arguments: [UInt64(1), .random(in: 0...UInt64.max)])
    func theSameSeedGivesTheSameRun(seed: UInt64) {
        func states() -> [BoardState] {
            var simulation = FleetSimulation(boards: Self.boards(2), faults: Self.faults, seed: seed)
            simulation.apply(Self.policy("p", milliseconds: 10))
            simulation.run(for: .seconds(20))
            return simulation.states
        }
        #expect(states() == states(), "seed \(seed)")
    }
}
