import FleetModel
import Testing

@testable import CoordinatorCore

@Suite struct LearningQuarantineTests {
    private let start = ContinuousClock.now

    @Test func aBoardIsTakenInOnceAndReleasedAfterItsTimeWithoutFindings() throws {
        var quarantine = LearningQuarantine<ContinuousClock.Instant>(saneFor: .seconds(60), at: start)
        let board = try #require(BoardID("a"))
        #expect(quarantine.found([board: "odd"], at: start, sinceSeconds: 5) == [.taken(board, "odd")])
        #expect(quarantine.found([board: "odder"], at: start + .seconds(30), sinceSeconds: 35).isEmpty)
        #expect(quarantine.timerFired(at: start + .seconds(89)).isEmpty)
        #expect(quarantine.entries[board]?.reason == "odder" && quarantine.entries[board]?.sinceSeconds == 5)
        #expect(quarantine.timerFired(at: start + .seconds(90)) == [.released(board)])
        #expect(quarantine.timerFired(at: start + .seconds(91)).isEmpty && quarantine.entries.isEmpty)
    }

    @Test func oneOddWindowIsPutUpWithAndASecondSoonIsNot() throws {
        var quarantine = LearningQuarantine<ContinuousClock.Instant>(saneFor: .seconds(60), at: start)
        let (board, other) = (try #require(BoardID("a")), try #require(BoardID("b")))
        #expect(quarantine.oddWindows(0, of: board, at: start) == false)
        #expect(quarantine.oddWindows(1, of: board, at: start) == false)
        #expect(quarantine.oddWindows(1, of: other, at: start + .seconds(1)) == false)
        #expect(quarantine.oddWindows(1, of: board, at: start + .seconds(59)) == true)
        #expect(quarantine.oddWindows(1, of: board, at: start + .seconds(120)) == false, "a minute and a second later")
        let third = try #require(BoardID("c"))
        #expect(quarantine.oddWindows(2, of: third, at: start) == true)
        quarantine.forget(board)
        #expect(quarantine.oddWindows(1, of: board, at: start + .seconds(121)) == false)
    }
}
