import SearchSpace

/// How well one line predicts the latencies that boards of one class measured: the line over all of them, and every
/// measurement beside what the others predict for it.
///
/// Where several boards measured, a board is predicted by the others alone, so that what sets boards apart shows; where
/// only one did, its architectures are predicted in parts of every eighth.
public struct BoardClassPrediction: Hashable, Sendable {
    /// The most boards that are taken, the first by name, and the most samples of one fit, taken evenly.
    public static let boardLimit = 64
    public static let sampleLimit = 96
    static let heldOutSampleLimit = 48
    private static let parts = 8

    /// One architecture as one board measured it.
    public struct Measurement: Hashable, Sendable {
        public let board: String
        public let architecture: String
        /// What latency is predicted from, such as a table's milliseconds or FLOPs; above 0.
        public let basis: Double
        public let milliseconds: Double

        public init(board: String, architecture: String, basis: Double, milliseconds: Double) {
            self.board = board
            self.architecture = architecture
            self.basis = basis
            self.milliseconds = milliseconds
        }
    }

    /// A measurement that was left out of the fit that predicts it.
    public struct HeldOut: Hashable, Sendable {
        public let measurement: Measurement
        public let milliseconds: Double
        public let isWithinMargin: Bool
    }

    public let calibration: LatencyCalibration
    /// Of those that the others sufficed to predict, by board and then by basis.
    public let heldOut: [HeldOut]
    /// Boards that were taken.
    public let boards: [String]

    /// The share of held-out measurements within the margin; `nil` without any.
    public var coverage: Double? {
        heldOut.isEmpty ? nil : Double(heldOut.count(where: \.isWithinMargin)) / Double(heldOut.count)
    }
    public var spearman: Double? {
        RankStatistics.spearman(heldOut.map(\.milliseconds), heldOut.map(\.measurement.milliseconds))
    }
    public var medianRelativeError: Double? {
        RankStatistics.median(
            heldOut.map { abs($0.milliseconds - $0.measurement.milliseconds) / $0.measurement.milliseconds })
    }

    /// - Parameter measurements: in any order.
    public init(_ measurements: [Measurement], coverage: Double = 0.9) throws(LatencyRefusal) {
        let chosen = Set(Set(measurements.map(\.board)).sorted().prefix(Self.boardLimit))
        let kept = measurements.filter { chosen.contains($0.board) }.sorted {
            ($0.board, $0.basis, $0.architecture, $0.milliseconds)
                < ($1.board, $1.basis, $1.architecture, $1.milliseconds)
        }
        calibration = try Self.fit(kept, Self.sampleLimit, coverage)
        let groups =
            chosen.count > 1
            ? chosen.sorted().map { board in kept.indices.filter { kept[$0].board == board } }
            : (0..<Self.parts).map { part in kept.indices.filter { $0 % Self.parts == part } }
        var places: [(place: Int, heldOut: HeldOut)] = []
        for group in groups where !group.isEmpty {
            let left = Set(group)
            let others = kept.indices.filter { !left.contains($0) }.map { kept[$0] }
            guard let fit = try? Self.fit(others, Self.heldOutSampleLimit, coverage) else { continue }
            for place in group {
                let measured = kept[place]
                places.append(
                    (
                        place,
                        HeldOut(
                            measurement: measured, milliseconds: fit.calibrate(measured.basis),
                            isWithinMargin: fit.interval(measured.basis).contains(measured.milliseconds))
                    ))
            }
        }
        heldOut = places.sorted { $0.place < $1.place }.map(\.heldOut)
        boards = chosen.sorted()
    }

    private static func fit(
        _ measurements: [Measurement], _ limit: Int, _ coverage: Double
    ) throws(LatencyRefusal) -> LatencyCalibration {
        let count = min(limit, measurements.count)
        let samples = (0..<count).map { place in
            let measured = measurements[place * measurements.count / count]
            return LatencyCalibration.Sample(predicted: measured.basis, measured: measured.milliseconds)
        }
        return try LatencyCalibration(samples: samples, coverage: coverage)
    }
}
