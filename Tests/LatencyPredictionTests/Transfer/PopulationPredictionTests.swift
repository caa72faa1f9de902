import SearchSpace
import Testing

@testable import LatencyPrediction

@Suite struct PopulationPredictionTests {
    /// Names that say nothing, in an order that has nothing to do with latency.
    private static let names: [String] = {
        var generator = SeededGenerator(seed: 21)
        return (0..<300).map { "run-\(1_000 + $0)-x" }.shuffled(using: &generator)
    }()

    private static func nameless(_ boards: Range<Int>, rows: Range<Int>) -> BoardMeasurements {
        var result = BoardMeasurements(architectures: Array(names[rows]))
        let table = TransferFixture.boards(boards)
        var order = SeededGenerator(seed: 22)
        let places = (0..<300).shuffled(using: &order)
        for (board, column) in zip(table.boards, table.latencies) {
            result.add(board: board, latencies: rows.map { column[places[$0]] })
        }
        return result
    }

    private static func draws(_ sources: [BoardMeasurements], rows: Range<Int>) throws -> [TransferEvaluation] {
        let target = nameless(8..<14, rows: rows)
        let space = TransferSpace(sources: sources, architectures: target.architectures)
        #expect(space.screen.space == .unknown)
        return try (0..<12).map {
            try TransferEvaluation(space: space, target: target, board: $0 / 2, samples: 10, seed: UInt64($0))
        }
    }

    /// Of the target's architectures the sources measured a fifth, half, four fifths, none.
    @Test(arguments: [120, 75, 30, 150]) func theMarginHoldsWhereSourcesMeasuredAPart(first: Int) throws {
        let draws = try Self.draws([Self.nameless(0..<6, rows: 0..<150)], rows: first..<(first + 150))
        let coverage = draws.map(\.coverage).reduce(0, +) / 12
        #expect(coverage > 0.82 && coverage < 0.97, "seeds 0 to 11: \(coverage)")
        // What no source measured is no reason to take a measurement for wrong.
        #expect(draws.reduce(0) { $0 + $1.setAside } <= 6)
    }

    /// Half of the architectures only one source of six measured: they lie as far from the mean as on that one.
    @Test func whatOneSourceLacksOthersTell() throws {
        let whole = Self.nameless(5..<6, rows: 0..<300)
        var sources = [whole]
        for copy in 0..<5 {
            var part = BoardMeasurements(architectures: Array(Self.names[0..<150]))
            part.add(board: "copy \(copy)", latencies: Array(whole.latencies[0][0..<150]))
            sources.append(part)
        }
        let space = TransferSpace(sources: sources, architectures: Self.names)
        let expected = Self.names.map { space.base[space.rows[$0] ?? 0] }
        #expect(try #require(RankStatistics.spearman(expected, whole.latencies[0])) > 0.995)
    }

    /// What no source measured tells no more than another; it is measured where nothing else is left, at random.
    @Test func unknownArchitecturesAreChosenLastAndDrawn() {
        let sources = Self.nameless(0..<3, rows: 0..<20)
        let wanted = Array(Self.names[15..<150])
        let space = TransferSpace(sources: [sources], architectures: wanted)
        let choices = (0..<4).map { (seed: UInt64) in
            var generator = SeededGenerator(seed: seed)
            return space.informative(10, among: wanted, using: &generator)
        }
        for choice in choices {
            #expect(Set(choice).count == 10 && Set(choice.prefix(5)) == Set(wanted.prefix(5)))
        }
        #expect(Set(choices.map { Set($0) }).count == 4)
    }

    @Test func theIntervalIsThatOfTheBoardsArchitectures() {
        let values = (0..<100).map { Double($0 % 10) }
        let measured = PopulationPrediction(predicted: [], measured: values)
        let predicted = PopulationPrediction(predicted: values.map { ($0, 1) }, measured: [])
        #expect(abs(measured.mean - 4.5) < 1e-9 && abs(predicted.mean - 4.5) < 1e-9)
        #expect(measured.width > 4.7 && measured.width < 4.9 && predicted.width > measured.width)
        #expect(PopulationPrediction(predicted: [], measured: [1, 2]).width > 2)
    }
}
