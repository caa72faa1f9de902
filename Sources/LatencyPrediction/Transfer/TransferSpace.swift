/// What source boards and the architectures' structure say together, before a new board has measured anything: for
/// every architecture its expected latency up to the board's speed, the ways in which boards differ, and structure.
///
/// Each source board's logarithmic latency is first fitted by ridge regression on structural features, which removes
/// its noise, bridges values that it lacks, and extends it to architectures that it never ran; the share of variance
/// that structure leaves unexplained is added back from the measurements. The boards' low-rank factors are the
/// eigenvectors of their second moments. Their mean loadings are what is expected of a new board, the loadings'
/// variances how far it may differ.
public struct TransferSpace: Sendable {
    /// The most factors that are kept, and the ridge of the fits to structure.
    static let factorLimit = 8
    static let ridge = 3.0

    /// Those of the sources and of the target, sorted; what a source ran of another search space is left out, and what
    /// `screen` leaves out of the wanted ones.
    public let architectures: [String]
    /// Which of the wanted architectures are described, and as what.
    public let screen: ArchitectureScreen
    let rows: [String: Int]
    /// Expected logarithmic latency up to a constant.
    let base: [Double]
    /// Factor values scaled by the deviations of their loadings.
    let factors: DenseMatrix
    /// Structural features, and counts of operators, scaled so that a row's mean square is 1.
    let structure: DenseMatrix
    let operators: DenseMatrix
    let variances: TransferVariances
    /// Deviation of logarithmic latency over architectures on a typical source; 1 without sources.
    let scale: Double
    /// Rows of which nothing is known: no source measured them, and their names tell nothing.
    let unknownRows: Set<Int>
    /// Rows of the wanted architectures.
    let wantedRows: [Int]

    /// - Parameters:
    ///   - sources: boards measured before; their order does not matter.
    ///   - architectures: those that the new board may measure or is to be predicted for.
    ///   - excluded: boards of the sources that are left out.
    public init(sources: [BoardMeasurements], architectures wanted: [String], excluding excluded: Set<String> = []) {
        var rows: [String: Int] = [:]
        // Sorted, so that neither the order of files nor that of their lines changes a sum.
        screen = ArchitectureScreen(wanted)
        let kept = screen.kept(of: wanted)
        let known = Set(sources.flatMap(\.architectures)).subtracting(wanted)
        let all = (ArchitectureFeatures.comparable(Array(known), with: screen.space) + Set(kept)).sorted()
        for (index, name) in all.enumerated() { rows[name] = index }
        let features = ArchitectureFeatures(all, of: screen.space)
        let columns = Self.columns(of: sources, rows: rows, excluding: excluded)
        let fitted = SourceFit(columns, features: features)
        self.rows = rows
        architectures = all
        scale = columns.isEmpty ? 1 : max(fitted.scale, 1e-6)
        base = fitted.base
        factors = fitted.factors
        structure = Self.structure(of: features)
        operators = DenseMatrix(Self.rescaled(features.operators, share: 1), columns: features.operators.columns)
        variances = TransferVariances(base: base, factors: factors, structure: structure, operators: operators)
        let isNameless = structure.columns + operators.columns == 0
        unknownRows = Set(all.indices.filter { row in isNameless && columns.allSatisfy { $0[row].isNaN } })
        wantedRows = kept.compactMap { rows[$0] }
    }

    /// Whether the space can say anything of an architecture.
    public func holds(_ architecture: String) -> Bool { rows[architecture] != nil }

    /// Whether sources or structure say anything of how architectures differ.
    var tellsApart: Bool { factors.columns + structure.columns + operators.columns > 0 }

    /// Logarithmic latencies by board, one line per architecture; sorted by board name. Where several files tell of one
    /// board and architecture, the mean of what they say: which of them is right nobody knows.
    private static func columns(
        of sources: [BoardMeasurements], rows: [String: Int], excluding excluded: Set<String>
    ) -> [[Double]] {
        var told: [String: [[Double]]] = [:]
        for source in sources {
            let places = source.architectures.map { rows[$0] }
            for (board, latencies) in zip(source.boards, source.latencies) where !excluded.contains(board) {
                var column = Array(repeating: Double.nan, count: rows.count)
                for case (let place?, let value) in zip(places, latencies) where value > 0 {
                    column[place] = logarithm(value)
                }
                told[board, default: []].append(column)
            }
        }
        return told.sorted { $0.key < $1.key }.map { mean($0.value) }.filter { column in
            column.count { !$0.isNaN } >= 3
        }
    }

    /// By line, of the values that there are, whatever the columns' order.
    private static func mean(_ columns: [[Double]]) -> [Double] {
        guard columns.count > 1 else { return columns[0] }
        return columns[0].indices.map { line in
            let values = columns.map { $0[line] }.filter { !$0.isNaN }.sorted()
            return values.isEmpty ? .nan : values.reduce(0, +) / Double(values.count)
        }
    }

    private static func structure(of features: ArchitectureFeatures) -> DenseMatrix {
        let countShare = features.choices.columns == 0 ? 1 : 0.9
        let lines = zip(
            rescaled(features.counts, share: countShare), rescaled(features.choices, share: 1 - countShare))
        return DenseMatrix(lines.map { $0 + $1 }, columns: features.counts.columns + features.choices.columns)
    }

    /// Rows whose mean square is `share`.
    private static func rescaled(_ matrix: DenseMatrix, share: Double) -> [[Double]] {
        let meanSquare = matrix.values.reduce(0) { $0 + $1 * $1 } / Double(max(matrix.rows, 1))
        let factor = meanSquare > 0 ? (share / meanSquare).squareRoot() : 0
        return (0..<matrix.rows).map { matrix.row($0).map { $0 * factor } }
    }
}

/// The sources' latencies as functions of every architecture, and their factors.
private struct SourceFit {
    var base: [Double]
    var factors: DenseMatrix
    var scale = 1.0

    init(_ columns: [[Double]], features: ArchitectureFeatures) {
        let count = features.counts.rows
        base = Array(repeating: 0, count: count)
        factors = DenseMatrix(rows: count, columns: 0)
        guard !columns.isEmpty, count > 0 else { return }
        let inputs = DenseMatrix(
            (0..<count).map { features.counts.row($0).map { $0 / 2 } + features.choices.row($0) },
            columns: features.counts.columns + features.choices.columns)
        let fitted = Self.fit(columns, inputs)
        let moments = Self.moments(fitted)
        scale = ((0..<columns.count).reduce(0) { $0 + moments[$1, $1] } / Double(columns.count)).squareRoot()
        let eigen = SymmetricEigensystem(moments)
        let kept = eigen.values.prefix(TransferSpace.factorLimit).prefix { $0 > 1e-9 * eigen.values[0] && $0 > 0 }
        let loadings = zip(kept, eigen.vectors).map { value, vector in vector.map { $0 * value.squareRoot() } }
        let means = loadings.map { $0.reduce(0, +) / Double($0.count) }
        let power = means.reduce(0) { $0 + $1 * $1 }
        let deviations = zip(loadings, means).map { loading, mean in
            let variance = loading.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(loading.count)
            return (variance + 1e-4 * power).squareRoot()
        }
        var lines: [[Double]] = []
        for row in 0..<count {
            let values = zip(kept, eigen.vectors).map { value, vector in
                zip(vector, fitted).reduce(0) { $0 + $1.0 * $1.1[row] } / value.squareRoot()
            }
            base[row] = zip(values, means).reduce(0) { $0 + $1.0 * $1.1 }
            lines.append(zip(values, deviations).map { $0 * $1 })
        }
        factors = DenseMatrix(lines, columns: kept.count)
    }

    /// Every board's column fitted to structure, complete and centred.
    private static func fit(_ columns: [[Double]], _ inputs: DenseMatrix) -> [[Double]] {
        var systems: [[Int]: CholeskyFactor] = [:]
        let agreed = inputs.columns == 0 ? agreed(columns) : []
        return columns.map { column in
            let measured = column.indices.filter { !column[$0].isNaN }
            let mean = measured.reduce(0) { $0 + column[$1] } / Double(measured.count)
            var fitted = Array(repeating: 0.0, count: column.count)
            if inputs.columns > 0 {
                let system = systems[measured] ?? Self.system(inputs, measured)
                systems[measured] = system
                var right = Array(repeating: 0.0, count: inputs.columns)
                for row in measured {
                    for (index, value) in inputs.row(row).enumerated() { right[index] += value * (column[row] - mean) }
                }
                fitted = inputs.times(system.solve(right))
            }
            let whole = measured.reduce(0) { $0 + (column[$1] - mean) * (column[$1] - mean) }
            let left = measured.reduce(0) {
                $0 + (column[$1] - mean - fitted[$1]) * (column[$1] - mean - fitted[$1])
            }
            let share = whole > 0 ? min(1, left / whole) : 0
            for row in measured { fitted[row] += share * (column[row] - mean - fitted[row]) }
            if inputs.columns == 0 { fill(&fitted, measured, (whole / Double(measured.count)).squareRoot(), agreed) }
            let centre = fitted.reduce(0, +) / Double(max(fitted.count, 1))
            return fitted.map { $0 - centre }
        }
    }

    /// Where structure bridges nothing: what a board lacks is as far from its mean, in its own deviations, as it is on
    /// those boards that have it.
    private static func fill(_ fitted: inout [Double], _ measured: [Int], _ deviation: Double, _ agreed: [Double]) {
        let present = Set(measured)
        for row in fitted.indices where !present.contains(row) { fitted[row] = deviation * agreed[row] }
    }

    /// By line, the mean over boards of how many deviations a latency is from the board's mean; 0 where none has it.
    private static func agreed(_ columns: [[Double]]) -> [Double] {
        let scaled = columns.map { column in
            let values = column.filter { !$0.isNaN }
            let mean = values.reduce(0, +) / Double(max(values.count, 1))
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(values.count, 1))
            return column.map { variance > 0 ? ($0 - mean) / variance.squareRoot() : $0.isNaN ? .nan : 0 }
        }
        return (columns.first ?? []).indices.map { row in
            let values = scaled.map { $0[row] }.filter { !$0.isNaN }
            return values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
        }
    }

    private static func system(_ inputs: DenseMatrix, _ measured: [Int]) -> CholeskyFactor {
        var gram = inputs.gram(overRows: measured)
        gram.addToDiagonal(TransferSpace.ridge)
        return CholeskyFactor(gram)
    }

    private static func moments(_ fitted: [[Double]]) -> DenseMatrix {
        let lines = DenseMatrix(fitted, columns: fitted[0].count)
        var moments = lines.timesTransposed(lines)
        for i in 0..<moments.rows {
            for j in 0..<moments.columns { moments[i, j] /= Double(lines.columns) }
        }
        return moments
    }
}
