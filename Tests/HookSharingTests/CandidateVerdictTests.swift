import FleetModel
import Testing

@testable import HookSharing

@Suite struct CandidateVerdictTests {
    private func score(_ board: Int, _ loss: Double, before: Double = 0.2, samples: UInt64 = 100) throws
        -> CandidateScore
    {
        CandidateScore(
            board: try boardID(board), samples: samples, loss: loss, lossBefore: before,
            gates: [
                GateScore(
                    samples: samples, loss: loss, constantLoss: 0.3, acceptedDamage: 0.01, acceptedPrediction: 0.02)
            ])
    }

    @Test func theMiddleBoardDecides() throws {
        let verdict = CandidateVerdict()
        let better = try verdict.judge([score(1, 0.18), score(2, 0.19), score(3, 9)])
        #expect(try #require(better).isAccepted)
        let worse = try verdict.judge([score(1, 0.01), score(2, 0.25), score(3, 0.26)])
        #expect(try !#require(worse).isAccepted)
    }

    /// Two of four that lie cannot force a worse one through, however much better they say it is.
    @Test func halfOfTheBoardsCanKeepAVersionAwayAndNotForceOneThrough() throws {
        let lies = try CandidateVerdict().judge([score(1, 0), score(2, 0), score(3, 0.21), score(4, 0.22)])
        #expect(try !#require(lies).isAccepted)
        let kept = try CandidateVerdict().judge([score(1, 0.1), score(2, 0.1), score(3, 9), score(4, 9)])
        #expect(try !#require(kept).isAccepted)
        let three = try CandidateVerdict().judge([score(1, 0.1), score(2, 0.1), score(3, 0.1), score(4, 9)])
        #expect(try #require(three).isAccepted)
    }

    /// However many of half of the boards lie, a doubtful merge takes most of the others; silence counts as no.
    @Test(arguments: 1...9) func ofADoubtfulMergeMostOfTheHonestDecide(asked: Int) throws {
        let liars = asked / 2
        let honest = asked - liars
        for content in 0...honest {
            let lies = try (0..<liars).map { try score($0 + 1, 0) }
            let found = try (0..<honest).map { try score(liars + $0 + 1, $0 < content ? 0.19 : 0.3) }
            let judgement = CandidateVerdict().judge(lies + found, doubtfulOf: asked)
            #expect(try #require(judgement).isAccepted == (2 * content > honest), "\(content) of \(honest) are content")
        }
        let silent = try (1...asked).dropLast(1).map { try score($0, 0.1) }
        let kept = CandidateVerdict().judge(silent, doubtfulOf: asked)?.isAccepted ?? false
        #expect(kept == (2 * (asked - 1) > asked + asked / 2))
    }

    @Test func aHairWorseIsPutUpWith() throws {
        #expect(try #require(try CandidateVerdict().judge([score(1, 0.2019)])).isAccepted)
        #expect(try !#require(try CandidateVerdict().judge([score(1, 0.203)])).isAccepted)
    }

    /// Each a hair worse than the one before, merges of boards that disagree would wander off.
    @Test func ofADoubtfulMergeNoHairIsPutUpWith() throws {
        let same = try CandidateVerdict().judge([score(1, 0.2), score(2, 0.2)], doubtfulOf: 2)
        #expect(try #require(same).isAccepted)
        let hair = try CandidateVerdict().judge([score(1, 0.2), score(2, 0.2001)], doubtfulOf: 2)
        #expect(try !#require(hair).isAccepted)
    }

    @Test func scoresOfNothingDoNotCount() throws {
        #expect(try CandidateVerdict().judge([score(1, 0.1, samples: 15), score(2, .nan)]) == nil)
        #expect(CandidateVerdict().judge([]) == nil)
    }

    @Test func gatesAreJudgedByAllTogether() throws {
        let judged = try #require(try CandidateVerdict().judge([score(2, 0.1), score(1, 0.2, samples: 300)]))
        #expect(judged.boards == [try boardID(1), try boardID(2)])
        #expect(judged.gates.count == 1 && judged.gates[0].samples == 400)
        #expect(abs(judged.gates[0].loss - 0.175) < 1e-12)
    }
}
