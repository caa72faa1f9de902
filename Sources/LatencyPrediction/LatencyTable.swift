/// Measured latencies of a supernet's operators on one processor of one board class, in milliseconds.
///
/// A subnet's latency is the sum of its operators' means. Keys and entries are those of Dynamic-OFA's published tables
/// (one JSON object of entries per resolution), so that published and own measurements are one format. Figures of
/// different processors, board classes or engines never meet in one table.
///
/// Source: Dynamic-OFA (Lou et al., CVPRW 2021), section 3.2; Once-for-All (Cai et al., ICLR 2020), section 3.4.
public struct LatencyTable: Hashable, Sendable {
    /// The most rows per resolution, and the most resolutions, that a table holds.
    public static let entryLimit = 4_096
    public static let resolutionLimit = 64
    /// The longest an operator may take: an hour. Sums over operators stay finite.
    public static let longestMilliseconds = 3_600_000.0

    /// What was measured.
    public struct Source: Hashable, Codable, Sendable, CustomStringConvertible {
        /// Of tables that do not say which processor was measured.
        public static let unknownProcessor = "unknown"

        public let boardClass: String
        /// Such as `cpu-1` for one core, or `gpu`.
        public let processor: String
        /// Version of the engine whose kernels were measured; `nil` where the table does not say.
        public let engineVersion: String?

        public init(boardClass: String, processor: String, engineVersion: String? = nil) {
            self.boardClass = boardClass
            self.processor = processor
            self.engineVersion = engineVersion
        }

        public var isProcessorKnown: Bool { processor != Self.unknownProcessor }
        /// Whether the engine of this software could have measured it: it runs on processors of that name alone.
        public var isCPU: Bool { processor == "cpu" || processor.hasPrefix("cpu-") }

        public var description: String {
            "\(boardClass)/\(processor)" + (engineVersion.map { ", engine \($0)" } ?? "")
        }
    }

    /// One operator's latency.
    public struct Entry: Hashable, Codable, Sendable {
        /// Runs that were measured; `nil` where the table does not say.
        public let count: Int?
        public let mean: Double
        public let std: Double?

        public init(count: Int? = nil, mean: Double, std: Double? = nil) {
            self.count = count
            self.mean = mean
            self.std = std
        }
    }

    public let source: Source
    /// By input resolution in pixels, then by key.
    public private(set) var entries: [Int: [String: Entry]] = [:]

    public init(source: Source) { self.source = source }

    /// Adds the rows of one resolution. A row that is there already is replaced by the mean of both, weighted by their
    /// counts (a row without a count weighs as one run). Nothing is added if any row is refused.
    public mutating func add(_ rows: [String: Entry], resolution: Int) throws(LatencyRefusal) {
        for (key, entry) in rows.sorted(by: { $0.key < $1.key }) {
            if let reason = entry.refusal { throw .invalidEntry(key: key, resolution: resolution, reason: reason) }
        }
        guard entries[resolution] != nil || entries.count < Self.resolutionLimit else {
            throw .tooManyResolutions(limit: Self.resolutionLimit)
        }
        let merged = (entries[resolution] ?? [:]).merging(rows) { $0.pooled(with: $1) }
        guard merged.count <= Self.entryLimit else {
            throw .tooManyEntries(resolution: resolution, limit: Self.entryLimit)
        }
        entries[resolution] = merged
    }

    /// Adds the rows of another table of the same board class and processor. Nothing is added if any is refused.
    public mutating func add(_ other: LatencyTable) throws(LatencyRefusal) {
        guard other.source == source else { throw .differentSource(expected: source, found: other.source) }
        var result = self
        for (resolution, rows) in other.entries.sorted(by: { $0.key < $1.key }) {
            try result.add(rows, resolution: resolution)
        }
        self = result
    }

    public func entry(_ key: String, resolution: Int) throws(LatencyRefusal) -> Entry {
        guard let entry = entries[resolution]?[key] else { throw .missingEntry(key: key, resolution: resolution) }
        return entry
    }
}

extension LatencyTable.Entry {
    /// Why the figures are not a measurement, if they are not.
    var refusal: String? {
        if !mean.isFinite || mean < 0 { return "mean \(mean) is not a duration" }
        if mean > LatencyTable.longestMilliseconds { return "mean \(mean) ms is longer than an hour" }
        if let std, !std.isFinite || std < 0 { return "std \(std) is not a deviation" }
        if let count, count < 1 { return "count \(count) is not positive" }
        return nil
    }

    /// Mean and deviation of both series of runs together. The deviation is unknown unless both are known.
    func pooled(with other: LatencyTable.Entry) -> LatencyTable.Entry {
        let (weight, otherWeight) = (Double(count ?? 1), Double(other.count ?? 1))
        let total = weight + otherWeight
        let pooledMean = (mean * weight + other.mean * otherWeight) / total
        var pooledDeviation: Double?
        if let std, let otherDeviation = other.std {
            let within = std * std * weight + otherDeviation * otherDeviation * otherWeight
            let between = (mean - other.mean) * (mean - other.mean) * weight * otherWeight / total
            pooledDeviation = ((within + between) / total).squareRoot()
        }
        let runs = count.flatMap { own in other.count.map { own.addingReportingOverflow($0) } }
        return LatencyTable.Entry(
            count: runs.flatMap { $0.overflow ? nil : $0.partialValue }, mean: pooledMean, std: pooledDeviation)
    }
}
