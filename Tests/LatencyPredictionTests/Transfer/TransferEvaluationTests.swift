import LatencyPrediction
import SearchSpace
import Testing

/// HELP's protocols on its own data: boards measured on the first architectures, others predicted on the next thousand
/// within each board's own 10 to 90 % latency quantiles.
///
/// Source: Lee et al., "HELP: Hardware-adaptive efficient latency prediction for NAS", NeurIPS 2021, tables 2 and 3.
@Suite struct TransferEvaluationTests {
    struct Setting: Sendable, CustomTestStringConvertible {
        let space: String
        let known: Int
        let batches: [String]
        let unseen: [String]
        let samples: Int
        let least: Double
        var testDescription: String { "\(space), \(samples) measurements" }
    }

    private static let cores = ["silver_4114", "silver_4210r", "samsung_a50", "pixel3", "essential_ph_1", "samsung_s7"]
    private static let table2 = ["raspi4", "eyeriss", "fpga"]
    private static let table3 = ["titan_rtx_256", "gold_6226", "pixel2"] + table2
    /// What 20 draws reach on average is 0.01 above.
    private static let protocols = [(10, 0.92, 0.915), (20, 0.935, 0.94)].flatMap { samples, third, second in
        [
            Setting(
                space: "nasbench201", known: 900, batches: ["1080ti_1", "1080ti_32", "1080ti_256"], unseen: table3,
                samples: samples, least: third),
            Setting(
                space: "fbnet", known: 1_000, batches: ["1080ti_1", "1080ti_32", "1080ti_64"], unseen: table2,
                samples: samples, least: second),
        ]
    }

    @Test(
        .enabled("the shared latency data is absent") { TransferFixture.shared("fbnet") != nil },
        arguments: protocols)
    func transferHoldsOnMeasuredBoards(setting: Setting) throws {
        let table = try #require(TransferFixture.shared(setting.space))
        let sources = table.cut(rows: 0..<setting.known, boards: setting.batches + Self.cores)
        let target = table.cut(
            rows: setting.known..<(setting.known + 1_000), boards: setting.unseen, isCentral: true)
        let space = TransferSpace(sources: [sources], architectures: target.architectures)

        let results = try target.boards.indices.flatMap { board in
            try (0..<2).map {
                try TransferEvaluation(
                    space: space, target: target, board: board, samples: setting.samples, seed: 11 + UInt64($0))
            }
        }

        let spearman = results.compactMap(\.spearman).reduce(0, +) / Double(results.count)
        let coverage = results.map(\.coverage).reduce(0, +) / Double(results.count)
        #expect(spearman > setting.least, "seed 11: \(spearman)")
        #expect(coverage > 0.8 && coverage < 0.97, "seed 11: \(coverage)")
    }

    /// One of the samples times ten or a tenth: what it costs is little.
    @Test(
        .enabled("the shared latency data is absent") { TransferFixture.shared("fbnet") != nil },
        arguments: protocols, [10, 0.1])
    func oneWrongSampleCostsLittle(setting: Setting, factor: Double) throws {
        let table = try #require(TransferFixture.shared(setting.space))
        let sources = table.cut(rows: 0..<setting.known, boards: setting.batches + Self.cores)
        let target = table.cut(
            rows: setting.known..<(setting.known + 1_000), boards: setting.unseen, isCentral: true)
        let space = TransferSpace(sources: [sources], architectures: target.architectures)

        let results = try target.boards.indices.flatMap { board in
            try (0..<2).map {
                try TransferEvaluation(
                    space: space, target: target, board: board, samples: setting.samples, seed: 11 + UInt64($0),
                    wrongFactor: factor)
            }
        }

        let spearman = results.compactMap(\.spearman).reduce(0, +) / Double(results.count)
        #expect(spearman > setting.least - 0.02, "seed 11: \(spearman)")
        #expect(results.reduce(0) { $0 + $1.setAside } >= results.count * 8 / 10)
    }

    /// Only the latencies of the chosen architectures may move a prediction.
    @Test func nothingButTheSamplesIsReadOfTheTarget() throws {
        let names = TransferFixture.architectures
        let space = TransferSpace(sources: [TransferFixture.boards(0..<4)], architectures: names, excluding: ["b3"])
        let without = TransferSpace(sources: [TransferFixture.boards(0..<3)], architectures: names)
        let target = TransferFixture.boards(3..<4)
        let results = try [space, without].map {
            try TransferEvaluation(space: $0, target: target, board: 0, samples: 10, seed: 2)
        }
        #expect(results[0] == results[1])
    }

    /// Also where a board has fewer candidates than are looked at.
    @Test func drawsDifferByTheirSeed() throws {
        let names = TransferFixture.architectures
        let space = TransferSpace(sources: [TransferFixture.boards(0..<4)], architectures: names)
        let draws = try (1...4).map {
            try TransferEvaluation(
                space: space, target: TransferFixture.boards(7..<8), board: 0, samples: 10, seed: UInt64($0))
        }
        #expect(Set(draws).count == 4)
    }

    /// Names that say nothing, and no board that ran them: one latency for all, and a margin that says so.
    @Test func numberedArchitecturesArePredictedWithAnHonestMargin() throws {
        let board = TransferFixture.boards(6..<7)
        var table = BoardMeasurements(architectures: board.architectures.indices.map { "net\($0)" })
        table.add(board: "b", latencies: board.latencies[0])
        let space = TransferSpace(sources: [], architectures: table.architectures)
        let draws = try (1...8).map {
            try TransferEvaluation(space: space, target: table, board: 0, samples: 10, seed: UInt64($0))
        }
        #expect(draws.allSatisfy { $0.spearman == nil && $0.setAside == 0 })
        let coverage = draws.map(\.coverage).reduce(0, +) / 8
        #expect(coverage > 0.8, "seeds 1 to 8: \(coverage)")
    }
}
