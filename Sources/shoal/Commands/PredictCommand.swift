import ArgumentParser
import FleetListings
import LatencyPrediction
import ProgressLines
import SearchInputs

struct PredictCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Predict a board's latencies from other boards and a few measurements.",
        discussion: """
            Takes every board of the target file in turn as new: reads that many of its measurements, chosen to be \
            informative, predicts all its others, and compares. A board of that name among the sources is left out. \
            CSV: first column architecture, one column per board in milliseconds; an empty or negative value means not \
            measured, 0 half of the board's least above 0. Understood are architectures of NAS-Bench-201 and FBNet, \
            subnets (as --subnet takes them, in quotes, or as "r224 3x4+5x6 7x3", which shoal prints) and strings of \
            equally many choices. Rows whose architecture is not of the same search space as most of the target's are \
            left out and named, as are boards of too few measurements. The same seed gives the same result.
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
    @Option(parsing: .unconditional, help: "Multiply one measurement of each draw by this, to see what it costs.")
    var wrong: Double?
    @OptionGroup var format: FormatOptions

    func validate() throws {
        let limits = TransferredPredictor.minimumSamples...TransferredPredictor.sampleLimit
        guard limits.contains(samples) else {
            throw ValidationError("--samples: give \(limits.lowerBound) to \(limits.upperBound)")
        }
        guard wrong.map({ 1e-6...1e6 ~= $0 }) ?? true else { throw ValidationError("--wrong: give 1e-6 to 1e6") }
        guard (1...10_000).contains(repeats) else { throw ValidationError("--repeats: give 1 to 10000") }
    }

    func run() async throws {
        try await refusing {
            let study = PredictionStudy(samples: samples, seed: seed, repeats: repeats, wrongFactor: wrong)
            var progress: Progress?
            let summary = try study.run(sources: sources, target: target) { done, total in
                progress = progress ?? Progress("Predicting", total: total)
                progress?.update(done)
            }
            try show(summary)
        }
    }

    private func show(_ summary: PredictionStudy.Summary) throws {
        guard format.format == .table else {
            for warning in summary.warnings { Terminal.note("warning: \(warning)") }
            return try format.print(summary)
        }
        var table = TextTable(["BOARD", "SPEARMAN", "MEDIAN ERROR %", "COVERAGE %", "SET ASIDE"])
        for board in summary.boards + [summary.mean] {
            table.add([
                board.board ?? "", board.spearman?.text(3) ?? "-", (100 * board.medianRelativeError).text(1),
                (100 * board.coverage).text(1), board.measurementsSetAside.text(2),
            ])
        }
        Terminal.print(table.text)
        Terminal.print(
            "\(samples) measurements per board, \(repeats) draws, seed \(seed); the margin states 90 % coverage"
                + (wrong.map { "; one measurement multiplied by \($0)" } ?? ""))
        for warning in summary.warnings { Terminal.print("warning: \(warning)") }
    }
}
