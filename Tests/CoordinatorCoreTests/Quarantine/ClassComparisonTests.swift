import FleetModel
import Testing

@testable import CoordinatorCore

@Suite struct ClassComparisonTests {
    private func boards(_ counts: [String: Int], times: [String: Double] = [:]) throws -> [BoardDescription] {
        try counts.sorted { $0.key < $1.key }.flatMap { name, count in
            try (1...count).map { number in
                var board = try SimulatedClass(name: name, noise: 0.2).board(number)
                let factor = times[board.id.rawValue] ?? 1
                for place in board.models[0].points.indices {
                    board.models[0].points[place].latencyMilliseconds *= factor
                }
                return board
            }
        }
    }

    private func named(_ counts: [String: Int], times: [String: Double] = [:]) throws -> [String] {
        ClassComparison(try boards(counts, times: times)).findings.keys.map(\.rawValue).sorted()
    }

    @Test(arguments: [1_000, 20, 0.05, 0.001])
    func fewerThanHalfOfAClassAreNamed(factor: Double) throws {
        #expect(try named(["a": 3], times: ["a-2": factor]) == ["a-2"])
        #expect(
            try named(["a": 7], times: ["a-2": factor, "a-5": factor, "a-7": 1 / factor]) == ["a-2", "a-5", "a-7"])
    }

    @Test func whatBoardsOfAClassDifferByIsPutUpWith() throws {
        #expect(try named(["a": 5, "b": 2, "c": 1], times: ["a-1": 4, "a-2": 0.3, "b-1": 5]).isEmpty)
    }

    @Test func ofTwoTheOneThatTheRestOfTheFleetSpeaksAgainstIsNamedElseBoth() throws {
        #expect(try named(["a": 2], times: ["a-1": 1_000]) == ["a-1", "a-2"])
        #expect(try named(["a": 2, "b": 3], times: ["a-1": 1_000]) == ["a-1"])
        #expect(try named(["a": 2, "b": 3], times: ["a-2": 0.001]) == ["a-2"])
        #expect(try named(["a": 2, "b": 2], times: ["a-2": 0.001]) == ["a-1", "a-2"], "two say too little")
    }

    @Test func aBoardAloneIsComparedWithOtherClassesByAThousand() throws {
        #expect(try named(["a": 1], times: ["a-1": 1e5]).isEmpty, "nothing to compare with")
        #expect(try named(["a": 1, "b": 3], times: ["a-1": 100]).isEmpty, "classes differ")
        #expect(try named(["a": 1, "b": 3], times: ["a-1": 5_000]) == ["a-1"])
    }

    @Test func pointsOfOneSubnetAreOneBoardsWord() {
        #expect(ClassComparison([Samples.board()]).findings.isEmpty)
    }
}
