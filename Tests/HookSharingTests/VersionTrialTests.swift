import FleetModel
import Testing

@testable import HookSharing

@Suite struct VersionTrialTests {
    @Test(arguments: [1, 2, 3, 4, 5, 8, 10, 21, 1_000])
    func everyBoardIsInOneGroupAndTheFirstIsSmall(count: Int) throws {
        let boards = try (1...count).map(boardID)
        let groups = VersionTrial.groups(of: boards)
        #expect(groups.flatMap { $0 } == boards && groups.allSatisfy { !$0.isEmpty })
        #expect(groups[0].count == max(1, (count + 9) / 10) && groups.count <= 3)
    }

    @Test func boardsAreReachedGroupByGroup() throws {
        let boards = try (1...4).map(boardID)
        var trial = VersionTrial(version: 5, before: 3, groups: [[boards[0]], [boards[1]], Array(boards[2...])])
        #expect(boards.map(trial.target) == [5, 3, 3, 3] && trial.watched == [boards[0]] && !trial.isLast)
        trial.current = 1
        #expect(boards.map(trial.target) == [5, 5, 3, 3])
        trial.current = 2
        #expect(boards.map(trial.target) == [5, 5, 5, 5] && trial.isLast)
        #expect(try trial.target(of: boardID(9)) == 3, "one that came later is reached when the trial is over")
    }
}
