public import SearchSpace

/// What the rows of a latency table are multiplied by so that it tells what boards measure now: one factor for blocks
/// of each kernel size and one for all other operators.
///
/// Fitted to whole subnets by ridge regression towards one common factor, the median of measured over predicted
/// latency, with errors relative to what was measured. Throttling slows all operators alike, another version of the
/// kernels does not. The groups stand only where they predict subnets that were left out of the fit better than the
/// common factor does; few or similar subnets do not tell operators apart, and then the common factor stands.
public struct OperatorScales: Hashable, Codable, Sendable {
    /// The fewest subnets from which groups are fitted.
    public static let fewestSubnets = 8
    /// Groups further from the common factor than this are not believed.
    static let believable = 0.2...5.0
    /// Errors of left-out subnets, as a share of the common factor's, with which groups stand.
    static let improvement = 0.8
    /// Of the squared relative errors.
    private static let ridge = 0.003

    public var common: Double
    /// By `group(of:)`; empty where the common factor holds for all.
    public var groups: [String: Double]

    public init(common: Double, groups: [String: Double] = [:]) {
        self.common = common
        self.groups = groups
    }

    public func scale(of row: SubnetOperator) -> Double { groups[Self.group(of: row)] ?? common }

    static func group(of row: SubnetOperator) -> String { row.kind == .block ? "kernel \(row.kernel)" : "others" }

    /// - Parameter measured: milliseconds of subnets; what the table does not hold is passed over.
    public init?(
        fitting measured: [(subnet: SubnetConfiguration, milliseconds: Double)], to table: LatencyTable,
        of operators: SupernetOperators
    ) {
        var names: Set<String> = []
        var samples: [Sample] = []
        for (subnet, milliseconds) in measured where milliseconds > 0 && milliseconds.isFinite {
            guard let parts = try? table.parts(of: subnet, operators), parts.values.reduce(0, +) > 0 else { continue }
            names.formUnion(parts.keys)
            samples.append(Sample(parts: parts, milliseconds: milliseconds))
        }
        guard let common = Self.common(samples) else { return nil }
        self.init(common: common)
        let sorted = names.sorted()
        guard samples.count >= Self.fewestSubnets, sorted.count > 1 else { return }
        let plain = samples.indices.map { place in
            Self.error([:], Self.common(samples.without(place)) ?? common, samples[place])
        }
        let grouped = samples.indices.map { place in
            let others = samples.without(place)
            let factor = Self.common(others) ?? common
            return Self.error(Self.fit(others, sorted, factor), factor, samples[place])
        }
        guard grouped.reduce(0, +) < Self.improvement * plain.reduce(0, +) else { return }
        let fitted = Self.fit(samples, sorted, common)
        if fitted.values.allSatisfy({ Self.believable.contains($0 / common) }) { groups = fitted }
    }

    fileprivate struct Sample {
        let parts: [String: Double]
        let milliseconds: Double
        var predicted: Double { parts.values.reduce(0, +) }
    }

    private static func common(_ samples: [Sample]) -> Double? {
        RankStatistics.median(samples.map { $0.milliseconds / $0.predicted })
    }

    private static func error(_ groups: [String: Double], _ common: Double, _ sample: Sample) -> Double {
        let predicted = sample.parts.reduce(0) { $0 + $1.value * (groups[$1.key] ?? common) }
        return abs(predicted - sample.milliseconds) / sample.milliseconds
    }

    /// Factors as close to the common one as the errors let them be.
    private static func fit(_ samples: [Sample], _ names: [String], _ common: Double) -> [String: Double] {
        let rows = samples.map { sample in names.map { common * (sample.parts[$0] ?? 0) / sample.milliseconds } }
        var gram = DenseMatrix(rows, columns: names.count).gram(overRows: Array(rows.indices))
        gram.addToDiagonal(ridge * Double(samples.count))
        let misses = rows.map { 1 - $0.reduce(0, +) }
        let right = names.indices.map { column in
            zip(rows, misses).reduce(0) { $0 + $1.0[column] * $1.1 }
        }
        let weights = CholeskyFactor(gram).solve(right)
        return Dictionary(uniqueKeysWithValues: zip(names, weights.map { common * (1 + $0) }))
    }
}

extension [OperatorScales.Sample] {
    fileprivate func without(_ place: Int) -> Self { Array(self[..<place] + self[(place + 1)...]) }
}

extension LatencyTable {
    /// A subnet's predicted milliseconds by group of operators.
    fileprivate func parts(
        of subnet: SubnetConfiguration, _ operators: SupernetOperators
    ) throws -> [String: Double] {
        try operators.operators(of: subnet).reduce(into: [:]) { parts, row in
            parts[OperatorScales.group(of: row), default: 0] +=
                try entry(row.latencyKey, resolution: subnet.resolution).mean
        }
    }

    /// The same as with one scale, each row by its own.
    public func prepare(
        for space: SearchSpace, of operators: SupernetOperators, scales: OperatorScales
    ) throws -> AdditiveCost {
        try operators.requireFit(of: space)
        return try AdditiveCost(space: space, operators: operators) { row, resolution in
            try entry(row.latencyKey, resolution: resolution).mean * scales.scale(of: row)
        }
    }
}
