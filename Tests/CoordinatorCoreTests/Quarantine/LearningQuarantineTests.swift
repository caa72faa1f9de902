import FleetModel
import Testing

@testable import CoordinatorCore

@Suite struct LearningQuarantineTests {
    private let start = ContinuousClock.now

    @Test func aBoardIsTakenInOnceAndReleasedAfterItsTimeWithoutFindings() throws {
        var quarantine = LearningQuarantine<ContinuousClock.Instant>(saneFor: .seconds(60))
        let board = try #require(BoardID("a"))
        #expect(quarantine.found([board: "odd"], at: start, sinceSeconds: 5) == [.taken(board, "odd")])
        #expect(quarantine.found([board: "odder"], at: start + .seconds(30), sinceSeconds: 35).isEmpty)
        #expect(quarantine.timerFired(at: start + .seconds(89)).isEmpty)
        #expect(quarantine.entries[board]?.reason == "odder" && quarantine.entries[board]?.sinceSeconds == 5)
        #expect(quarantine.timerFired(at: start + .seconds(90)) == [.released(board)])
        #expect(quarantine.timerFired(at: start + .seconds(91)).isEmpty && quarantine.entries.isEmpty)
    }
}
