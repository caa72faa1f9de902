import FleetModel
import SearchSpace
import Testing

@testable import CoordinatorCore

@Suite struct ClassMeasurementsTests {
    private let one = SimulatedClass(name: "one")

    @Test func nothingIsTakenFromQuarantinedBoardsAndOtherShapes() throws {
        let (good, bad) = (try one.board(1), try one.board(2))
        let subnets = SimulatedClass.subnets(4, seed: 1)
        var odd = try one.measurement(subnets[0], on: good)
        odd.configuration = SubnetConfiguration(resolution: 28, depths: [1], kernelSizes: [3], expandRatios: [2])
        var broken = odd
        broken.configuration.depths = [7]
        let measured =
            try subnets.map { try one.measurement($0, on: good) }
            + (try subnets.map { try one.measurement($0, on: bad) }) + [odd, broken]

        let all = ClassMeasurements.all(boards: [good, bad], measured: measured, without: [bad.id])

        #expect(all.count == 1 && all[0].requestedCount == 4)
        #expect(all[0].requested.values.allSatisfy { $0.boards == [good.id] })
        #expect(all[0].points.values.allSatisfy { $0.boards == [good.id] })
    }

    @Test func aMeasurementThatNoBoardOfTheClassCanHaveMadeIsLeftOut() throws {
        let board = try one.board()
        let subnets = SimulatedClass.subnets(3, seed: 1)
        var measured = try subnets.map { try one.measurement($0, on: board) }
        measured[1].medianMilliseconds *= 1_000
        #expect(ClassMeasurements.doubt(measured[0], among: [board]) == nil)
        #expect(try #require(ClassMeasurements.doubt(measured[1], among: [board])).contains("ms"))
        #expect(ClassMeasurements.doubt(measured[1], among: []) == nil, "nothing to compare with")
        let all = ClassMeasurements.all(boards: [board], measured: measured)
        #expect(all[0].requestedCount == 2)
    }

    @Test func versionsOfTheEngineAreApart() throws {
        var board = try one.board()
        let subnet = SimulatedClass.subnets(1, seed: 1)[0]
        let before = try one.measurement(subnet, on: board)
        board.engineVersion = "f"
        let all = ClassMeasurements.all(boards: [board], measured: [before])
        #expect(all.map(\.key.engineVersion) == ["e", "f"])
        #expect(all.map(\.requestedCount) == [1, 0])
    }
}
