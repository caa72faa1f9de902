import FleetModel
import SearchSpace

@testable import CoordinatorCore

/// A class of boards whose latencies follow from how fast its boards are at what: for tests that know the truth.
struct SimulatedClass {
    static let space = SearchSpace(
        name: "s", stageCount: 3, resolutions: [20, 24, 28], depths: [1, 2, 3], kernelSizes: [3, 5, 7],
        expandRatios: [2, 3, 4])
    static let sha256 = String(repeating: "ab", count: 32)
    private static let widths = [1.0, 1.6, 2.4]

    var name: String
    var speed = 1.0
    /// Of a depthwise value against a pointwise one.
    var depthwise = 1.0
    /// Fixed part, as a share of a middling subnet.
    var overhead = 0.1
    /// What measurements stray, at most.
    var noise = 0.01

    func milliseconds(_ subnet: SubnetConfiguration) -> Double {
        let pixels = Double(subnet.resolution * subnet.resolution) / 784
        var work = 0.0
        for (stage, position) in subnet.positionsInUse {
            let (ratio, kernel) = (Double(subnet.expandRatios[position]), Double(subnet.kernelSizes[position]))
            work += Self.widths[stage] * ratio * (1 + depthwise * kernel * kernel / 50)
        }
        return speed * (overhead + 0.02 * pixels * work)
    }

    /// The same each time for a board and subnet.
    func measured(_ subnet: SubnetConfiguration, by board: String = "1") -> Double {
        var state: UInt64 = 0
        for byte in "\(name) \(board) \(subnet)".utf8 { state = (state &+ UInt64(byte)) &* 0x100_0000_01B3 }
        var generator = SeededGenerator(seed: state)
        let draw = Double(generator.next() >> 11) * 0x1p-53
        return milliseconds(subnet) * (1 + noise * (2 * draw - 1))
    }

    func board(_ number: Int = 1, points: [SubnetConfiguration] = Self.points) throws -> BoardDescription {
        let id = "\(name)-\(number)"
        guard let board = BoardID(id), let model = ModelName("classifier") else { throw Missing() }
        return BoardDescription(
            id: board, boardClass: name, labels: [:], cores: 1, memoryBytes: 1, engineVersion: "e",
            models: [
                DeployedModel(
                    name: model, framesPerSecond: 1,
                    points: points.map {
                        OperatingPoint(
                            configuration: $0, accuracy: 0.9, latencyMilliseconds: measured($0, by: id), flops: 1_000)
                    }, supernetSHA256: Self.sha256)
            ])
    }

    func measurement(
        _ subnet: SubnetConfiguration, on board: BoardDescription, expected: MeasuredSubnet.Expectation? = nil,
        at milliseconds: UInt64 = 1
    ) throws -> MeasuredSubnet {
        guard let model = ModelName("classifier") else { throw Missing() }
        let value = measured(subnet, by: board.id.rawValue)
        return MeasuredSubnet(
            board: board.id, boardClass: board.boardClass, model: model, supernetSHA256: Self.sha256,
            engineVersion: board.engineVersion, configuration: subnet, flops: 0, medianMilliseconds: value,
            lowestMilliseconds: value, highestMilliseconds: value, atMilliseconds: milliseconds, expected: expected)
    }

    struct Missing: Error {}

    static func subnets(_ count: Int, seed: UInt64) -> [SubnetConfiguration] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in space.sample(using: &generator) }
    }

    /// What boards of every class have deployed, the smallest and largest subnet among them.
    static let points = [space.smallest] + subnets(6, seed: 77) + [space.largest]

    /// What a class measures when it is asked until it has enough.
    func measuredOnRequest(
        beside others: [ClassMeasurements], board: BoardDescription, points: [BoardDescription]? = nil
    ) throws -> (measured: [MeasuredSubnet], transfer: ClassTransfer) {
        var measured: [MeasuredSubnet] = []
        while true {
            let all = ClassMeasurements.all(boards: points ?? [board], measured: measured)
            guard let own = all.first(where: { $0.key.boardClass == name }) else { throw Missing() }
            let transfer = ClassTransfer(of: own, among: [own] + others)
            guard let next = transfer.next else { return (measured, transfer) }
            measured.append(
                try measurement(
                    next, on: board, expected: transfer.measured >= 10 ? transfer.expectation(of: next) : nil))
        }
    }
}
