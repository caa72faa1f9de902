import Foundation
import LatencyPrediction
import SearchSpace

/// How well each board of a file is predicted from other boards and a few measurements of its own, as `shoal predict`
/// prints it.
package struct PredictionStudy {
    /// Means over draws. `spearman` is null where a board's latencies do not vary.
    package struct Quality: Encodable {
        package var board: String?
        package var spearman: Double?
        package var medianRelativeError: Double
        package var coverage: Double
        /// Measurements of a draw that the predictor took for wrong.
        package var measurementsSetAside: Double

        private enum CodingKeys: String, CodingKey {
            case board, spearman, medianRelativeError, coverage, measurementsSetAside
        }

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encodeIfPresent(board, forKey: .board)
            try container.encode(spearman, forKey: .spearman)
            try container.encode(medianRelativeError, forKey: .medianRelativeError)
            try container.encode(coverage, forKey: .coverage)
            try container.encode(measurementsSetAside, forKey: .measurementsSetAside)
        }

        fileprivate init(board: String?, of parts: [Quality]) {
            func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(values.count, 1)) }
            let defined = parts.compactMap(\.spearman)
            self.board = board
            spearman = defined.isEmpty ? nil : mean(defined)
            medianRelativeError = mean(parts.map(\.medianRelativeError))
            coverage = mean(parts.map(\.coverage))
            measurementsSetAside = mean(parts.map(\.measurementsSetAside))
        }

        fileprivate init(_ draw: TransferEvaluation) {
            spearman = draw.spearman
            medianRelativeError = draw.medianRelativeError
            coverage = draw.coverage
            measurementsSetAside = Double(draw.setAside)
        }
    }

    /// Rows of a file that are not used, because their architecture is not of the space of the target's.
    package struct LeftOut: Encodable {
        package struct Row: Encodable {
            package var line: Int
            package var architecture: String
        }

        package var file: String
        package var rows: Int
        package var ofRows: Int
        /// The space that the rows are not of.
        package var space: String
        package var first: [Row]

        /// One sentence.
        package var text: String {
            let some = first.map { "line \($0.line): \($0.architecture)" }.joined(separator: ", ")
            return "\(file): \(rows) of \(ofRows) rows are left out, their architectures are not what most of the "
                + "target's are, \(space): " + some + (rows > first.count ? ", ..." : "")
        }
    }

    /// A board of the target's that is not predicted, such as one of too few measurements.
    package struct Unpredicted: Encodable {
        package var board: String
        package var reason: String

        /// One sentence.
        package var text: String { "board \(board) is not predicted: \(reason)" }
    }

    package struct Summary: Encodable {
        package var boards: [Quality]
        package var unpredicted: [Unpredicted]
        /// Means over the boards.
        package var spearman: Double?
        package var medianRelativeError: Double
        package var coverage: Double
        package var measurementsSetAside: Double
        /// The board whose ranking is worst.
        package var worst: String?
        /// What the stated margin claims.
        package var statedCoverage = 0.9
        package var samples: Int
        package var repeats: Int
        package var seed: UInt64
        /// What one measurement of each draw was multiplied by, where that was asked for.
        package var wrongFactor: Double?
        /// As what the target's architectures are understood.
        package var space: String
        package var leftOut: [LeftOut]

        /// Sentences on what the result lacks.
        package var warnings: [String] {
            let unknown =
                "the architectures' names tell nothing of them: predictions rest on what sources measured of the same "
                + "names, and without sources are the same for all"
            return (space == "\(ArchitectureScreen.Space.unknown)" ? [unknown] : []) + leftOut.map(\.text)
                + unpredicted.map(\.text)
        }
        package var mean: Quality { Quality(board: "mean", of: boards) }
    }

    /// How many of the rows that are left out are named.
    private static let namedRows = 3
    /// Where fewer rows than this share are understood, they are taken for strings of another space that look alike.
    private static let chanceShare = 0.05

    package let samples: Int
    package let seed: UInt64
    package let repeats: Int
    package let wrongFactor: Double?

    package init(samples: Int, seed: UInt64, repeats: Int, wrongFactor: Double? = nil) {
        self.samples = samples
        self.seed = seed
        self.repeats = repeats
        self.wrongFactor = wrongFactor
    }

    /// - Parameters:
    ///   - sources: paths of measurements of other boards.
    ///   - target: path of those of the boards to predict.
    ///   - progress: called after each board with how many are done, of how many.
    package func run(sources: [String], target: String, progress: (Int, Int) -> Void) throws -> Summary {
        let known = try sources.map(Self.read)
        let wanted = try Self.read(target)
        let screen = ArchitectureScreen(wanted.architectures)
        try Self.refuseMixture(screen, wanted, target)
        progress(0, wanted.boards.count)
        var (boards, unpredicted): ([Quality], [Unpredicted]) = ([], [])
        for board in wanted.boards.indices {
            defer { progress(board + 1, wanted.boards.count) }
            do { boards.append(try quality(of: board, wanted, known)) } catch LatencyRefusal.unusableSamples(let reason)
            {
                unpredicted.append(Unpredicted(board: wanted.boards[board], reason: reason))
            }
        }
        if boards.isEmpty, let first = unpredicted.first { throw SearchInputRefusal("\(target): \(first.text)") }
        let mean = Quality(board: nil, of: boards)
        let space = TransferSpace(sources: known, architectures: wanted.architectures)
        let files = zip(sources, known).filter { $0.0 != target } + [(target, wanted)]
        return Summary(
            boards: boards, unpredicted: unpredicted, spearman: mean.spearman,
            medianRelativeError: mean.medianRelativeError, coverage: mean.coverage,
            measurementsSetAside: mean.measurementsSetAside,
            worst: boards.filter { $0.spearman != nil }.min { ($0.spearman ?? 1) < ($1.spearman ?? 1) }?.board,
            samples: samples, repeats: repeats, seed: seed, wrongFactor: wrongFactor, space: "\(screen.space)",
            leftOut: files.compactMap { Self.leftOut(of: $0.1, $0.0, space) })
    }

    private func quality(
        of board: Int, _ wanted: BoardMeasurements, _ known: [BoardMeasurements]
    ) throws -> Quality {
        let name = wanted.boards[board]
        let space = TransferSpace(sources: known, architectures: wanted.architectures, excluding: [name])
        return Quality(
            board: name,
            of: try (0..<repeats).map { draw in
                var generator = SeededGenerator(seed: seed)
                for _ in 0..<draw { _ = generator.next() }
                return Quality(
                    try TransferEvaluation(
                        space: space, target: wanted, board: board, samples: samples, seed: generator.next(),
                        wrongFactor: wrongFactor))
            })
    }

    /// A table of which some rows are understood, but not most, is no table of one search space.
    private static func refuseMixture(
        _ screen: ArchitectureScreen, _ table: BoardMeasurements, _ path: String
    ) throws {
        let isUniform = screen.space != .unknown && screen.leftOut.isEmpty
        guard !screen.space.isUnderstood, !isUniform,
            Double(screen.understoodCount) >= chanceShare * Double(table.architectures.count)
        else { return }
        let strange = table.architectures.indices.filter {
            !ArchitectureScreen([table.architectures[$0]]).space.isUnderstood
        }
        let first = strange.prefix(namedRows).map { "line \(table.lines[$0]): \(table.architectures[$0])" }
        throw SearchInputRefusal(
            "\(path): of \(table.architectures.count) rows only \(screen.understoodCount) have architectures of one "
                + "search space that is understood; not: " + first.joined(separator: ", "))
    }

    private static func leftOut(of table: BoardMeasurements, _ path: String, _ space: TransferSpace) -> LeftOut? {
        let places = table.architectures.indices.filter { !space.holds(table.architectures[$0]) }
        guard !places.isEmpty else { return nil }
        return LeftOut(
            file: path, rows: places.count, ofRows: table.architectures.count, space: "\(space.screen.space)",
            first: places.prefix(namedRows).map { .init(line: table.lines[$0], architecture: table.architectures[$0]) })
    }

    private static func read(_ path: String) throws -> BoardMeasurements {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw SearchInputRefusal("\(path): cannot be read")
        }
        guard let text = String(data: data, encoding: .utf8) else { throw SearchInputRefusal("\(path): is not text") }
        do { return try BoardMeasurements(csv: text) } catch { throw SearchInputRefusal("\(path): \(error)") }
    }
}
