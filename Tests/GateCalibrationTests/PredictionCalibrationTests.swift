import Testing

@testable import GateCalibration

@Suite struct PredictionCalibrationTests {
    @Test func withoutPredictionsThereIsNoError() {
        let none = PredictionCalibration()
        #expect(none.error == nil && none.brierScore == nil && none.meanPrediction == nil)
    }

    /// Of thirty answers ten predicted 0.1 and did 0 or 0.2: right on the mean. Ten predicted 0.4 did 0.1: 0.3 off. Ten
    /// predicted 0.8 did 1: 0.2 off. The mean distance is a third of 0.5.
    @Test func theErrorIsTheMeanDistanceOverBinsOfEqualCounts() throws {
        var calibration = PredictionCalibration()
        for index in 0..<10 {
            calibration.add(prediction: 0.8, damage: 1)
            calibration.add(prediction: 0.1, damage: index < 5 ? 0 : 0.2)
            calibration.add(prediction: 0.4, damage: 0.1)
        }
        #expect(abs(try #require(calibration.error) - 0.5 / 3) < 1e-6)
        let brier = (0.01 * 10 + 0.09 * 10 + 0.04 * 10) / 30
        #expect(abs(try #require(calibration.brierScore) - brier) < 1e-6)
        #expect(abs(try #require(calibration.meanPrediction) - 1.3 / 3) < 1e-6 && calibration.count == 30)
    }

    /// A constant is calibrated where it is the mean, in whatever order it comes; different predictions have bins of
    /// their own.
    @Test func equalPredictionsShareABin() throws {
        var calibration = PredictionCalibration()
        for index in 0..<40 { calibration.add(prediction: 0.5, damage: index % 2 == 0 ? 0 : 1) }
        #expect(calibration.error == 0 && calibration.brierScore == 0.25)
        var pair = PredictionCalibration()
        pair.add(prediction: 0.75, damage: 0.5)
        pair.add(prediction: 0.25, damage: 0.5)
        #expect(pair.error == 0.25, "one above and one below do not cancel")
    }

    /// A hundred different predictions, each 0.1 too high: fifteen bins, all 0.1 off.
    @Test func everyAnswerIsInOneBin() throws {
        var calibration = PredictionCalibration()
        for index in 0..<100 {
            let damage = Float(index) / 200
            calibration.add(prediction: damage + 0.1, damage: damage)
        }
        #expect(abs(try #require(calibration.error) - 0.1) < 1e-5)
        #expect(abs(try #require(calibration.brierScore) - 0.01) < 1e-5)
    }

    /// Half of the answers with a confidence of 0.9 are right, all of those with 0.6: 0.4 and 0.4 off.
    @Test func confidenceIsHeldAgainstHowOftenItIsRight() throws {
        var calibration = ConfidenceCalibration()
        #expect(calibration.error == nil)
        for index in 0..<100 { calibration.add(0.9, isCorrect: index % 2 == 0) }
        for _ in 0..<300 { calibration.add(0.6, isCorrect: true) }
        #expect(abs(try #require(calibration.error) - 0.4) < 1e-9)
        calibration.add(1, isCorrect: true)
    }
}
