import Engine
package import LatencyPrediction
package import SearchSpace
import Supernets

/// Verifies the points of a search on this machine. What was measured for one point serves the others.
///
/// A table never mixes processors: one that was measured on another kind of processor than the engine runs on, or that
/// does not say, is not verified here. One of another board of the kind may be off by a factor; that is measured first
/// (`scales`), so that the search can go by what this machine takes.
package struct LocalVerification {
    /// Factors within this change nothing: the correction of each point makes up for them.
    static let band = 0.95...1.05
    /// Points whose best subnet is measured to find the factor, beside the smallest and the largest subnet.
    private static let probedPoints = 3

    private let measure: (SubnetConfiguration) throws -> LatencyReading
    private var readings: [SubnetConfiguration: LatencyReading] = [:]
    private var measured: [(predicted: Double, reading: LatencyReading)] = []

    /// - Parameters:
    ///   - package: the supernet.
    ///   - source: what the latency table was measured on.
    package init(_ package: String, for source: LatencyTable.Source) throws {
        try Self.check(source)
        let supernet = try SupernetFile(package).supernet
        let kernels = try KernelSet.selected()
        self.init(measuring: { subnet in
            let plan = try supernet.plan(
                subnet, statistics: supernet.checkpointStatistics(for: subnet), kernels: kernels)
            switch UndisturbedTimer().measure(plan) {
            case .measured(let batches): return LatencyReading(batches: batches)
            case .tooBusy(let undisturbed, let runs):
                throw SearchInputRefusal(
                    "\(package): this machine is too busy to measure: \(undisturbed) of \(runs) runs were not "
                        + "interrupted")
            case .stopped: preconditionFailure("nothing stops this timer")
            }
        })
    }

    /// By what tells how long a subnet takes.
    init(measuring measure: @escaping (SubnetConfiguration) throws -> LatencyReading) { self.measure = measure }

    static func check(_ source: LatencyTable.Source) throws {
        guard source.isProcessorKnown else {
            throw SearchInputRefusal(
                "the latency table of \(source.boardClass) does not say which processor it was measured on: say "
                    + "--processor cpu if it was a CPU, else it cannot be verified on this machine")
        }
        guard source.isCPU else {
            throw SearchInputRefusal(
                "the latency table was measured on \(source.boardClass)/\(source.processor), and this machine would "
                    + "measure its cpu: a table never mixes processors")
        }
    }

    /// What the table is to be multiplied by so that it tells what this machine measures: fitted to the smallest and
    /// the largest subnet and the best of some points. `nil` where it is right as it is.
    package mutating func scales(
        of table: LatencyTable, space: SearchSpace, operators: SupernetOperators, points: [SearchedPoint]
    ) throws -> (scales: OperatorScales?, measurements: Int) {
        let sorted = points.sorted { $0.latencyMilliseconds < $1.latencyMilliseconds }.map(\.configuration)
        let steps = max(1, min(Self.probedPoints, sorted.count) - 1)
        let bests = (0...steps).map { sorted[$0 * (sorted.count - 1) / steps] }
        var found: [(subnet: SubnetConfiguration, milliseconds: Double)] = []
        for subnet in Set(bests + [space.smallest, space.largest]).sorted(by: { "\($0)" < "\($1)" }) {
            found.append((subnet, try reading(of: subnet).median))
        }
        guard let scales = OperatorScales(fitting: found, to: table, of: operators) else {
            throw SearchInputRefusal("the latency table predicts none of \(found.count) subnets that were measured")
        }
        let isRight = scales.groups.isEmpty && Self.band.contains(scales.common)
        return (isRight ? nil : scales, found.count)
    }

    /// Begins to verify by what is predicted now; what was measured before stays.
    package mutating func begin(predictedBy cost: AdditiveCost) throws {
        measured = try readings.map { (predicted: try cost.cost(of: $0.key), reading: $0.value) }
    }

    /// Measures candidates until one keeps the point's constraint, and makes the point of it.
    package mutating func verify(_ point: inout SearchedPoint, _ candidates: [PredictedSubnet]) throws {
        let limit = max(point.latencyMilliseconds, point.relaxedTo ?? 0)
        var spent: Set<SubnetConfiguration> = []
        while true {
            let decision = PointVerification.decision(
                limit: limit, candidates: candidates, readings: readings, spent: spent,
                correction: PointVerification.correction(measured))
            point.measurements = spent.count
            switch decision {
            case .measure(let subnet):
                spent.insert(subnet.configuration)
                measured.append(
                    (predicted: subnet.latencyMilliseconds, reading: try reading(of: subnet.configuration)))
            case .leaveOut(let reason):
                (point.verified, point.reason) = (false, reason)
                return
            case .publish(let subnet, let reading):
                point.configuration = subnet.configuration
                point.predictedAccuracy = subnet.accuracy
                point.predictedLatencyMilliseconds = subnet.latencyMilliseconds
                (point.verified, point.measuredLatencyMilliseconds) = (true, reading.median)
                return
            }
        }
    }

    /// What this machine measures of a subnet, now or before.
    private mutating func reading(of subnet: SubnetConfiguration) throws -> LatencyReading {
        if let known = readings[subnet] { return known }
        let reading = try measure(subnet)
        readings[subnet] = reading
        return reading
    }
}
