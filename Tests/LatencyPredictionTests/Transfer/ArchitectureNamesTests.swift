import SearchSpace
import Testing

@testable import LatencyPrediction

@Suite struct ArchitectureNamesTests {
    private static func areOnlyNames(_ names: [String]) -> Bool {
        ArchitectureNames.areOnlyNames(names, names.map(ArchitectureFeatures.tokens))
    }

    private static func strings(_ count: Int, of alphabet: String, length: Int) -> [String] {
        var generator = SeededGenerator(seed: 9)
        let letters = Array(alphabet)
        return (0..<count).map { _ in
            String((0..<length).map { _ in letters[Int.random(in: 0..<letters.count, using: &generator)] })
        }
    }

    private static func padded(_ number: Int) -> String { String("\(10_000 + number)".dropFirst()) }

    @Test(
        arguments: [
            (100..<500).map { "net\($0)" }, (0..<400).map { "model_" + padded($0) }, (100..<500).map { "\($0)" },
            (0..<30).map { "arch-" + padded($0) + "-v1" }, strings(400, of: "0123456789abcdef", length: 8),
            strings(30, of: "0123456789abcdef", length: 8), strings(400, of: "0123456789ABCDEF", length: 40),
            strings(50, of: "0123456789abcdef", length: 12).map { "net-\($0)" },
            strings(50, of: "0123456789abcdef", length: 12).map { "net_\($0)" },
        ])
    func numbersAndHashesAreNames(names: [String]) {
        #expect(Self.areOnlyNames(names), "\(names[0])")
        let screen = ArchitectureScreen(names)
        #expect(screen.space == .unknown && screen.leftOut.isEmpty)
        #expect(ArchitectureFeatures(names).encoding == .none)
    }

    @Test(
        arguments: [
            strings(200, of: "01234", length: 7), strings(200, of: "012345678", length: 21),
            (0..<1_000).map { String("\(1_000 + $0)".dropFirst()) }, strings(200, of: "abcde", length: 9),
            (0..<81).map { "k\(3 + 2 * ($0 % 3))-e\($0 / 3 % 3)-d\($0 / 9 % 3)-w\($0 / 27)" },
        ])
    func choicesAreNone(names: [String]) {
        #expect(!Self.areOnlyNames(names), "\(names[0])")
        #expect(ArchitectureFeatures(Array(Set(names))).encoding == .generic)
    }

    /// The sources' names need not be as long as the target's.
    @Test func whatSourcesMeasuredOfOtherNumbersIsKept() {
        var sources = BoardMeasurements(architectures: (0..<400).map { "net\($0)" })
        sources.add(board: "a", latencies: (0..<400).map { Double($0 + 1) })
        let space = TransferSpace(sources: [sources], architectures: (200..<600).map { "net\($0)" })
        #expect(space.holds("net3") && space.architectures.count == 600)
        #expect(space.structure.columns == 0)
    }
}
