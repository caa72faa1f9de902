import FleetModel
import Testing

@testable import CoordinatorCore

@Suite struct ClassInterferenceTests {
    private func board(_ number: Int, factor: Double?) throws -> BoardDescription {
        var board = try SimulatedClass(name: "a").board(number)
        let own = board.models[0]
        var other = own
        other.name = try #require(ModelName("other"))
        board.models = [own, other]
        board.interference = factor.map { Interference(factors: [own.name.rawValue: ["other": $0]]) }
        return board
    }

    /// What a board that measured nothing is told of its class.
    private func predicted(_ factors: [Double]) throws -> Double? {
        let boards = try factors.enumerated().map { try board($0.offset + 1, factor: $0.element) }
        let last = try board(factors.count + 1, factor: nil)
        return ClassInterference(of: boards).predicted(for: last).factors[last.models[0].name.rawValue]?["other"]
    }

    @Test func theClassIsItsMedian() throws {
        #expect(try abs((predicted([1.1, 1.3]) ?? 0) - 1.2) < 1e-12)
        #expect(try predicted([1.1, 1.2, 90]) == 1.2)
    }

    @Test func ofTwoThatDifferTenfoldNeitherIsBelieved() throws {
        #expect(try predicted([1.1, 90]) == nil)
        #expect(try predicted([]) == nil)
    }
}
