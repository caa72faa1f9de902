public import FleetModel
public import LatencyPrediction
public import SearchSpace
import WireProtocol

/// Goes through the constraints of a search: publishes and leaves out what measurements decide, and says what to
/// measure next.
public enum SearchVerifier {
    /// - Returns: `nil` once every constraint with a point is decided.
    public static func decide(
        _ job: SearchJob, _ points: [SearchPoint], _ verification: inout SearchVerification
    ) -> (constraint: Int, subnet: PredictedSubnet)? {
        let readings = verification.readings
        let correction = PointVerification.correction(
            verification.measurements.compactMap { one in
                one.reading.map { (predicted: one.predictedLatencyMilliseconds, reading: $0) }
            })
        verification.points = []
        verification.leftOut = []
        for point in points {
            let spent = Set(
                verification.measurements.filter { $0.constraint == point.constraint }.map(\.configuration))
            let decision = PointVerification.decision(
                limit: job.latencyLimit(of: point), candidates: point.measurable.map(\.subnet), readings: readings,
                spent: spent, correction: correction)
            switch decision {
            case .measure(let subnet): return (point.constraint, subnet)
            case .publish(let subnet, let reading):
                verification.points.append(
                    .init(
                        constraint: point.constraint, configuration: subnet.configuration,
                        predictedAccuracy: subnet.accuracy, predictedLatencyMilliseconds: subnet.latencyMilliseconds,
                        measuredLatencyMilliseconds: reading.median,
                        flops: point.measurable.first { $0.configuration == subnet.configuration }?.flops ?? 0,
                        measurements: spent.count))
            case .leaveOut(let reason):
                verification.leftOut.append(.init(constraint: point.constraint, reason: reason))
            }
        }
        return nil
    }

    /// Verifies against figures that are at hand, such as those of a held-back table.
    /// - Parameter measure: milliseconds of a subnet, or `nil` where they are not known.
    public static func run(
        _ job: SearchJob, _ points: [SearchPoint], against name: String, atMilliseconds now: UInt64,
        measure: (SubnetConfiguration) -> LatencyReading?
    ) -> SearchVerification {
        var verification = SearchVerification(against: name)
        while let (constraint, subnet) = decide(job, points, &verification) {
            var measurement = SearchVerification.Measurement(
                constraint: constraint, configuration: subnet.configuration,
                predictedLatencyMilliseconds: subnet.latencyMilliseconds, board: nil, atMilliseconds: now)
            if let reading = measure(subnet.configuration) {
                measurement.set(reading)
            } else {
                measurement.refusal = "\(name) does not have it"
            }
            verification.measurements.append(measurement)
        }
        verification.decided()
        return verification
    }
}

extension SearchVerification.Measurement {
    var reading: LatencyReading? {
        guard let medianMilliseconds, let lowestMilliseconds, let highestMilliseconds else { return nil }
        return LatencyReading(
            median: medianMilliseconds, lowest: lowestMilliseconds, highest: highestMilliseconds, batches: batches)
    }

    mutating func set(_ reading: LatencyReading) {
        medianMilliseconds = reading.median
        lowestMilliseconds = reading.lowest
        highestMilliseconds = reading.highest
        batches = reading.batches
    }
}

extension SearchVerification {
    /// Every constraint is decided. A table without points is none.
    mutating func decided() {
        verified = !points.isEmpty
        if points.isEmpty { refusal = "no point keeps its constraint where it was measured" }
    }

    fileprivate var readings: [SubnetConfiguration: LatencyReading] {
        Dictionary(
            measurements.compactMap { one in one.reading.map { (one.configuration, $0) } },
            uniquingKeysWith: { $0.median > $1.median ? $0 : $1 })
    }
}

extension SearchPoint {
    /// What a board may measure for the point; of searches of earlier versions only the best is predicted.
    fileprivate var measurable: [Alternative] {
        alternatives ?? [
            Alternative(
                PredictedSubnet(
                    configuration: configuration, accuracy: predictedAccuracy,
                    latencyMilliseconds: predictedLatencyMilliseconds), flops: flops)
        ]
    }
}

extension SearchJob {
    /// What the point's latency must stay below: what was asked for, or what it was relaxed to.
    func latencyLimit(of point: SearchPoint) -> Double {
        guard constraints.indices.contains(point.constraint),
            let asked = constraints[point.constraint].latencyMilliseconds
        else { return .infinity }
        return max(asked, point.relaxedTo ?? 0)
    }
}

extension SearchRecord {
    func flops(of subnet: SubnetConfiguration) -> Double {
        points.lazy.flatMap(\.measurable).first { $0.configuration == subnet }?.flops ?? 0
    }

    /// The processor that agents' engines run on.
    static let agentProcessor = "cpu"

    /// The first connected board, by name, of the job's class that runs the supernet that was searched.
    func measurer(
        among boards: [BoardDescription], without passed: Set<BoardID>
    ) -> (board: BoardID, model: ModelName)? {
        guard job.processor == Self.agentProcessor, let sha256 = outcome?.supernetSHA256 else { return nil }
        let candidates = boards.lazy.filter { board in
            board.boardClass == job.boardClass && !passed.contains(board.id)
                && board.models.contains { $0.supernetSHA256 == sha256 }
        }
        guard let board = candidates.min(by: { $0.id < $1.id }) else { return nil }
        let models = board.models.filter { $0.supernetSHA256 == sha256 }
        let model = models.first { $0.name.rawValue == job.model } ?? models.first
        return model.map { (board.id, $0.name) }
    }
}
