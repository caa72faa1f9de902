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

    @Test func aHairWorseIsPutUpWith() throws {
        #expect(try #require(try CandidateVerdict().judge([score(1, 0.2019)])).isAccepted)
        #expect(try !#require(try CandidateVerdict().judge([score(1, 0.203)])).isAccepted)
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
