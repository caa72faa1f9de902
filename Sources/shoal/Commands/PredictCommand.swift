import ArgumentParser
import Foundation
import LatencyPrediction
import SearchSpace

struct PredictCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Predict a board's latencies from other boards and a few measurements.",
        discussion: """
            Takes every board of the target file in turn as new: reads that many of its measurements, chosen to be \
            informative, predicts all its others, and compares. A board of that name among the sources is left out. \
            CSV: first column architecture, one column per board in milliseconds; an empty, negative or missing value \
            means not measured. The same seed gives the same result.
            """)

    @Option(parsing: .upToNextOption, help: "Measurements of other boards (CSV).")
    var sources: [String] = []
    @Option(help: "Measurements of the boards to predict (CSV).")
    var target: String
    @Option(parsing: .unconditional, help: "How many architectures a new board measures.")
    var samples = 10
    @Option(parsing: .unconditional, help: "Seed of the choice among architectures.")
    var seed: UInt64 = 1
    @Option(parsing: .unconditional, help: "Draws to average over.")
    var repeats = 1
    @OptionGroup var format: FormatOptions

    /// Means over draws. `spearman` is null where a board's latencies do not vary.
    struct Quality: Encodable {
        var board: String?
        var spearman: Double?
        var medianRelativeError: Double
        var coverage: Double

        enum CodingKeys: String, CodingKey { case board, spearman, medianRelativeError, coverage }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encodeIfPresent(board, forKey: .board)
            try container.encode(spearman, forKey: .spearman)
            try container.encode(medianRelativeError, forKey: .medianRelativeError)
            try container.encode(coverage, forKey: .coverage)
        }

        init(board: String?, of parts: [(spearman: Double?, medianRelativeError: Double, coverage: Double)]) {
            func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(values.count, 1)) }
            let defined = parts.compactMap(\.spearman)
            self.board = board
            spearman = defined.isEmpty ? nil : mean(defined)
            medianRelativeError = mean(parts.map(\.medianRelativeError))
            coverage = mean(parts.map(\.coverage))
        }
    }

    struct Summary: Encodable {
        var boards: [Quality]
        /// Means over the boards.
        var spearman: Double?
        var medianRelativeError: Double
        var coverage: Double
        /// What the stated margin claims.
        var statedCoverage = 0.9
        var samples: Int
        var repeats: Int
        var seed: UInt64
    }

    func validate() throws {
        let limits = TransferredPredictor.minimumSamples...TransferredPredictor.sampleLimit
        guard limits.contains(samples) else {
            throw ValidationError("--samples: give \(limits.lowerBound) to \(limits.upperBound)")
        }
        guard (1...10_000).contains(repeats) else { throw ValidationError("--repeats: give 1 to 10000") }
    }

    func run() async throws { try await refusing { try show(try evaluate()) } }

    private func evaluate() throws -> Summary {
        let known = try sources.map(Self.read)
        let wanted = try Self.read(target)
        let progress = Progress("Predicting", total: wanted.boards.count)
        let boards = try wanted.boards.indices.map { board in
            let name = wanted.boards[board]
            let space = TransferSpace(sources: known, architectures: wanted.architectures, excluding: [name])
            let draws = try (0..<repeats).map { draw in
                var generator = SeededGenerator(seed: seed)
                for _ in 0..<draw { _ = generator.next() }
                do {
                    return try TransferEvaluation(
                        space: space, target: wanted, board: board, samples: samples, seed: generator.next())
                } catch { throw Refusal("\(target): board \(name): \(error)") }
            }
            progress.update(board + 1)
            return Quality(board: name, of: draws.map { ($0.spearman, $0.medianRelativeError, $0.coverage) })
        }
        let mean = Quality(board: nil, of: boards.map { ($0.spearman, $0.medianRelativeError, $0.coverage) })
        return Summary(
            boards: boards, spearman: mean.spearman, medianRelativeError: mean.medianRelativeError,
            coverage: mean.coverage, samples: samples, repeats: repeats, seed: seed)
    }

    private static func read(_ path: String) throws -> BoardMeasurements {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Refusal("\(path): cannot be read")
        }
        guard let text = String(data: data, encoding: .utf8) else { throw Refusal("\(path): is not text") }
        do { return try BoardMeasurements(csv: text) } catch { throw Refusal("\(path): \(error)") }
    }

    private func show(_ summary: Summary) throws {
        guard format.format == .table else { return try Terminal.json(summary) }
        var table = TextTable(["BOARD", "SPEARMAN", "MEDIAN ERROR %", "COVERAGE %"])
        func add(_ name: String, _ spearman: Double?, _ error: Double, _ coverage: Double) {
            table.add([name, spearman?.text(3) ?? "-", (100 * error).text(1), (100 * coverage).text(1)])
        }
        for board in summary.boards {
            add(board.board ?? "", board.spearman, board.medianRelativeError, board.coverage)
        }
        add("mean", summary.spearman, summary.medianRelativeError, summary.coverage)
        Terminal.print(table.text)
        Terminal.print(
            "\(samples) measurements per board, \(repeats) draws, seed \(seed); the margin states 90 % coverage")
    }
}
