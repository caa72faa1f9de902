import Engine
import LatencyPrediction
package import SearchSpace
import Supernets

/// Verifies the points of a search on this machine. What was measured for one point serves the others.
package struct LocalVerification {
    private let supernet: PackedSupernet
    private let kernels: KernelSet
    private let path: String
    private var readings: [SubnetConfiguration: LatencyReading] = [:]
    private var measured: [(predicted: Double, reading: LatencyReading)] = []

    /// - Parameter package: the supernet.
    package init(_ package: String) throws {
        path = package
        supernet = try SupernetFile(package).supernet
        kernels = try KernelSet.selected()
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
                try measure(subnet)
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

    private mutating func measure(_ subnet: PredictedSubnet) throws {
        let plan = try supernet.plan(
            subnet.configuration, statistics: supernet.checkpointStatistics(for: subnet.configuration),
            kernels: kernels)
        switch UndisturbedTimer().measure(plan) {
        case .measured(let batches):
            let reading = LatencyReading(batches: batches)
            readings[subnet.configuration] = reading
            measured.append((predicted: subnet.latencyMilliseconds, reading: reading))
        case .tooBusy(let undisturbed, let runs):
            throw SearchInputRefusal(
                "\(path): this machine is too busy to measure: \(undisturbed) of \(runs) runs were not interrupted")
        case .stopped: break
        }
    }
}
