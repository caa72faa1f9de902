import FleetModel
import Testing

@testable import CoordinatorCore

@Suite struct FigureRepairTests {
    private func board(_ number: Int = 1, _ change: (inout [OperatingPoint]) -> Void = { _ in }) throws
        -> BoardDescription
    {
        var board = try SimulatedClass(name: "a").board(number)
        change(&board.models[0].points)
        return board
    }

    @Test func possibleFiguresStayAndNobodyIsAsked() throws {
        let board = try board()
        let (same, impossible) = FigureRepair.repaired(board, before: nil) {
            Issue.record("others are looked at")
            return []
        }
        #expect(same == board && impossible.isEmpty)
    }

    @Test(arguments: [Double.nan, -1, 0, .infinity, -.infinity, 1e9])
    func impossibleFiguresGetAStandIn(figure: Double) throws {
        let broken = try board { points in
            points[2].latencyMilliseconds = figure
            points[3].accuracy = figure == 0 ? -1 : figure
        }
        let peers = try (2...4).map { try board($0) }
        let middle = peers.map { $0.models[0].points[2].latencyMilliseconds }.sorted()[1]

        let byClass = FigureRepair.repaired(broken, before: nil) { peers }
        #expect(byClass.impossible.count == 2)
        #expect(byClass.board.models[0].points[2].latencyMilliseconds == middle)
        #expect(byClass.board.models[0].points[3].accuracy == 0.9)
        try byClass.board.validate()
        let before = try board { $0[2].latencyMilliseconds = 7 }
        let byPast = FigureRepair.repaired(broken, before: before) { [] }
        #expect(byPast.board.models[0].points[2].latencyMilliseconds == 7)
        let byOwn = FigureRepair.repaired(broken, before: nil) { [] }
        try byOwn.board.validate()
        #expect(byOwn.board.models[0].points[2].latencyMilliseconds < 100)
        let nothing = try board { points in
            for place in points.indices { points[place].latencyMilliseconds = figure }
        }
        let least = FigureRepair.repaired(nothing, before: nil) { [] }
        try least.board.validate()
        #expect(
            least.board.models[0].points.allSatisfy {
                $0.latencyMilliseconds == BoardDescription.latencyLimitMilliseconds
            })
    }

    @Test(arguments: [Double.nan, -1, .infinity, -.infinity, 1e18])
    func whatABoardSaysOfItselfGetsAStandInToo(figure: Double) throws {
        var broken = try board()
        let name = broken.models[0].name.rawValue
        (broken.cores, broken.watts, broken.models[0].framesPerSecond) = (figure, figure, figure)
        broken.interference = Interference(factors: [name: ["neighbour": figure]])
        broken.models[0].points[1].demand = PointDemand(
            cpuMilliseconds: figure, energyMillijoules: figure,
            percentiles: [
                LatencyConstraint(milliseconds: 5, percentile: 99),
                LatencyConstraint(milliseconds: figure, percentile: 50),
            ])
        let before = try board()
        let (repaired, impossible) = FigureRepair.repaired(broken, before: before) { [] }
        try repaired.validate()
        #expect(impossible.count == 7, "\(impossible)")
        #expect(repaired.cores == before.cores && repaired.watts == before.watts)
        #expect(repaired.models[0].framesPerSecond == before.models[0].framesPerSecond)
        #expect(repaired.models[0].points[1].demand?.percentiles.map(\.percentile) == [99])
        #expect(repaired.interference?.factors[name]?.isEmpty == true)
        let alone = FigureRepair.repaired(broken, before: nil) { [] }.board
        try alone.validate()
        #expect(alone.cores == 1 && alone.watts == nil)
    }

    /// Nobody can tell which of them is wrong, so none is kept.
    @Test func percentilesThatFallAreNotKept() throws {
        var broken = try board()
        broken.models[0].points[1].demand = PointDemand(
            memoryBytes: 7,
            percentiles: [
                LatencyConstraint(milliseconds: 9, percentile: 99), LatencyConstraint(milliseconds: 19, percentile: 95),
            ])
        let (repaired, impossible) = FigureRepair.repaired(broken, before: nil) { [] }
        try repaired.validate()
        #expect(impossible == ["\(broken.models[0].name): p99 is 9 ms, below p95, which is 19 ms"])
        #expect(repaired.models[0].points[1].demand == PointDemand(memoryBytes: 7))
    }
}
