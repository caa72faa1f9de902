import SearchInputs
import SearchSpace
import Testing

@Suite struct PredictionStudyTests {
    /// Cells of NAS-Bench-201 on three boards, each with its own price for each operation.
    private static func table(_ strange: [String] = []) -> String {
        var generator = SeededGenerator(seed: 11)
        var cells: Set<String> = []
        while cells.count < 120 {
            cells.insert((0..<6).map { _ in "\(Int.random(in: 0..<5, using: &generator))" }.joined())
        }
        var rows = cells.sorted().map { cell in
            let prices = [[0.1, 0.4, 2, 6, 1], [0, 0.3, 3, 7, 2], [0.2, 0.2, 1, 9, 1.5]]
            let times = prices.map { price in cell.reduce(5.0) { $0 + price[$1.wholeNumberValue ?? 0] } }
            return ([cell] + times.map { "\($0)" }).joined(separator: ",")
        }
        rows.insert(contentsOf: strange.map { "\($0),3,4,5" }, at: 60)
        return (["architecture,a,b,c"] + rows).joined(separator: "\n") + "\n"
    }

    private func run(_ text: String, sources: String? = nil) throws -> PredictionStudy.Summary {
        let fixture = try SearchInputsFixture()
        defer { fixture.remove() }
        let path = try fixture.write("t.csv", text)
        let known = try sources.map { try fixture.write("s.csv", $0) } ?? path
        return try PredictionStudy(samples: 8, seed: 2, repeats: 3).run(sources: [known], target: path) { _, _ in }
    }

    /// One strange row is named with its line, and costs the others nothing.
    @Test func aRowThatIsNotUnderstoodIsNamedAndLeftOut() throws {
        let (plain, mixed) = try (run(Self.table()), run(Self.table(["resnet-50"])))
        #expect(plain.leftOut.isEmpty)
        let left = try #require(mixed.leftOut.first)
        #expect(mixed.leftOut.count == 1 && left.rows == 1 && left.ofRows == 121)
        #expect(left.first.map(\.line) == [62] && left.first.map(\.architecture) == ["resnet-50"])
        #expect(left.text.contains("NAS-Bench-201"))
        #expect(mixed.boards.map(\.spearman) == plain.boards.map(\.spearman))
        #expect(try #require(mixed.spearman) > 0.97)
    }

    @Test func aTableThatIsMostlyNotUnderstoodIsRefused() throws {
        let strange = (0..<200).map { "net\(String(repeating: "x", count: $0))" }
        #expect {
            try run(Self.table(strange))
        } throws: {
            "\($0)".contains("of 320 rows only 120") && "\($0)".contains("line 62: net")
        }
    }

    @Test func namesThatTellNothingAreSaidToBeSo() throws {
        let rows = Self.table().split(separator: "\n").dropFirst().enumerated().map { place, row in
            "net\(place)" + row.drop { $0 != "," }
        }
        let summary = try run((["architecture,a,b,c"] + rows).joined(separator: "\n") + "\n")
        #expect(summary.leftOut.isEmpty && summary.warnings.count == 1)
        #expect(summary.warnings.first?.contains("names tell nothing") == true)
        #expect(try run(Self.table()).warnings.isEmpty)
    }

    /// Names of one length are described by their digits no more than those of several, and none is left out.
    @Test func sourcesOfOtherNumbersAreUsed() throws {
        let rows = Self.table().split(separator: "\n").dropFirst().map { String($0.drop { $0 != "," }) }
        func text(_ numbers: Range<Int>) -> String {
            (["architecture,a,b,c"] + numbers.map { "net\($0)" + rows[$0 - 50] }).joined(separator: "\n") + "\n"
        }
        let summary = try run(text(100..<170), sources: text(50..<170).replacing(",a,b,c", with: ",d,e,f"))
        #expect(summary.leftOut.isEmpty && summary.warnings.count == 1)
        #expect(try #require(summary.spearman) > 0.97)
    }

    /// A board of too few values is named, and the others are predicted as without it.
    @Test func aBoardOfTooFewValuesIsNamedAndTheOthersArePredicted() throws {
        let plain = Self.table()
        let lines = plain.split(separator: "\n").enumerated().map { line, text in
            text + (line == 0 ? ",few" : line < 10 ? ",3" : ",-1")
        }
        let summary = try run(lines.joined(separator: "\n") + "\n", sources: plain)
        #expect(summary.boards.compactMap(\.board) == ["a", "b", "c"])
        #expect(summary.unpredicted.map(\.board) == ["few"])
        #expect(summary.warnings.contains { $0.contains("board few is not predicted: 9 measurements") })
        #expect(try summary.spearman == run(plain).spearman)

        let alone = plain.split(separator: "\n").prefix(5).joined(separator: "\n") + "\n"
        #expect {
            try run(alone, sources: plain)
        } throws: {
            "\($0)".contains("t.csv: board a is not predicted: 4 measurements")
        }
    }

    @Test func theWorstBoardIsNamed() throws {
        let summary = try run(Self.table())
        let least = summary.boards.min { ($0.spearman ?? 1) < ($1.spearman ?? 1) }
        #expect(summary.worst == least?.board && summary.worst != nil)
    }
}
