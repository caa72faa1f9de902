public import FleetModel
public import SearchSpace

/// Whether boards still run a model's operating points as fast as the latency table of their search said. Pure: windows
/// of telemetry come in, a ratio comes out once it is sure.
///
/// A board's ratio is the median of measured over predicted latency in its newest windows; a class's ratio is the
/// median over its boards, so that neither a busy minute nor a few throttled boards move it. It counts as drifted when
/// it has been outside `band` at each of `confirmations` looks in a row, one look per `windowsPerLook` windows of the
/// class, and is then forgotten: what follows is measured against the corrected table. Ratios within the band change
/// nothing, so that a table is not corrected back and forth.
///
/// Bounded: `boardsPerClass` boards and `subnetsPerClass` subnets of each search and `windowsPerBoard` windows of each;
/// further boards are not heard.
public struct LatencyDrift: Sendable {
    public struct Settings: Sendable {
        /// Ratios that change nothing.
        public var band = 0.85...1.15
        public var windowsPerBoard = 60
        /// Boards with fewer windows have no ratio yet.
        public var fewestWindows = 20
        public var windowsPerLook = 20
        public var confirmations = 3
        public var boardsPerClass = 64
        public var subnetsPerClass = FleetLimits.pointsPerModel

        public init() {}
    }

    /// What a class's boards measure now.
    public struct Found: Equatable, Sendable {
        /// Measured over predicted latency.
        public var ratio: Double
        /// Of each subnet that boards ran, the median of its newest windows.
        public var subnets: [SubnetConfiguration: Double]
    }

    private struct Class: Sendable {
        var ratios: [BoardID: [Double]] = [:]
        /// Measured milliseconds in the newest windows of each subnet, on all boards.
        var subnets: [SubnetConfiguration: [Double]] = [:]
        var windows = 0
        var looksOutside = 0
    }

    private let settings: Settings
    /// By the search whose table is looked at.
    private var classes: [String: Class] = [:]

    public init(settings: Settings = Settings()) { self.settings = settings }

    /// The board measured this median latency for a subnet for which the search's table predicted the other.
    /// - Returns: what the class measures, when it has drifted.
    public mutating func observed(
        _ measuredMilliseconds: Double, predicted predictedMilliseconds: Double, of subnet: SubnetConfiguration,
        on board: BoardID, search: String
    ) -> Found? {
        let ratio = measuredMilliseconds / predictedMilliseconds
        guard ratio.isFinite, ratio > 0 else { return nil }
        var entry = classes[search] ?? Class()
        guard entry.ratios[board] != nil || entry.ratios.count < settings.boardsPerClass else { return nil }
        entry.ratios[board, default: []].append(ratio)
        if entry.ratios[board, default: []].count > settings.windowsPerBoard {
            entry.ratios[board]?.removeFirst()
        }
        if entry.subnets[subnet] != nil || entry.subnets.count < settings.subnetsPerClass {
            entry.subnets[subnet, default: []].append(measuredMilliseconds)
            if entry.subnets[subnet, default: []].count > settings.windowsPerBoard {
                entry.subnets[subnet]?.removeFirst()
            }
        }
        entry.windows += 1
        let drifted = look(&entry)
        classes[search] = drifted == nil ? entry : nil
        return drifted.map {
            Found(ratio: $0, subnets: entry.subnets.compactMapValues(Self.median))
        }
    }

    /// The search has another table now, or is gone.
    public mutating func forget(search: String) { classes[search] = nil }

    private func look(_ entry: inout Class) -> Double? {
        guard entry.windows >= settings.windowsPerLook else { return nil }
        let sure = entry.ratios.values.filter { $0.count >= settings.fewestWindows }.compactMap(Self.median)
        guard let ratio = Self.median(sure) else { return nil }
        entry.windows = 0
        guard !settings.band.contains(ratio) else {
            entry.looksOutside = 0
            return nil
        }
        entry.looksOutside += 1
        return entry.looksOutside >= settings.confirmations ? ratio : nil
    }

    private static func median(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

extension SearchRecord {
    /// What telemetry of a board says of this search's table: measured and predicted medians of the windows whose
    /// active subnet is one of its points.
    public func windows(
        of records: [TelemetryRecord], from board: BoardDescription
    ) -> [(subnet: SubnetConfiguration, measured: Double, predicted: Double)] {
        guard state.hasResult, board.boardClass == job.boardClass,
            let deployed = board.models.first(where: { $0.name.rawValue == job.model })
        else { return [] }
        return records.flatMap(\.models).compactMap { window in
            guard window.model == deployed.name, window.frames > 0,
                Int(window.activePoint) < deployed.points.count
            else { return nil }
            let subnet = deployed.points[Int(window.activePoint)].configuration
            // A verified point was measured before it was published; the table only predicted it.
            if let point = verification?.points.first(where: { $0.configuration == subnet }) {
                return (subnet, window.p50Milliseconds, point.measuredLatencyMilliseconds)
            }
            guard let point = points.first(where: { $0.configuration == subnet }) else { return nil }
            return (subnet, window.p50Milliseconds, point.predictedLatencyMilliseconds)
        }
    }

    /// Whether points whose latency is another than was predicted call for another search: where one would break its
    /// constraint, where constraints leave room for larger subnets, or where the order of points by latency changes.
    public func isOutdated(by latencies: [Int: Double]) -> Bool {
        let limited = points.filter { job.constraints[$0.constraint].latencyMilliseconds != nil }
        let now = limited.map { latencies[$0.constraint] ?? $0.predictedLatencyMilliseconds }
        let isBroken = zip(limited, now).contains { point, latency in
            let limit = max(job.constraints[point.constraint].latencyMilliseconds ?? 0, point.relaxedTo ?? 0)
            return latency > limit
        }
        let leavesRoom =
            !limited.isEmpty && zip(limited, now).allSatisfy { $0.predictedLatencyMilliseconds > $1 }
        return isBroken || leavesRoom || order(limited.map(\.predictedLatencyMilliseconds)) != order(now)
    }

    private func order(_ latencies: [Double]) -> [Int] {
        latencies.indices.sorted { (latencies[$0], $0) < (latencies[$1], $1) }
    }
}
