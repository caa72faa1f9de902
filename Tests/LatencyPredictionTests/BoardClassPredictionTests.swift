import SearchSpace
import Testing

@testable import LatencyPrediction

@Suite struct BoardClassPredictionTests {
    /// Boards whose speeds differ by a share, each measuring the same architectures with noise.
    private func measurements(
        boards: Int, architectures: Int, spread: Double, noise: Double, seed: UInt64
    ) -> [BoardClassPrediction.Measurement] {
        var generator = SeededGenerator(seed: seed)
        return (0..<boards).flatMap { board in
            let speed = 1 + Double.random(in: -spread...spread, using: &generator)
            return (1...architectures).map { architecture -> BoardClassPrediction.Measurement in
                let basis = Double(architecture)
                let factor = 1 + Double.random(in: -noise...noise, using: &generator)
                return BoardClassPrediction.Measurement(
                    board: "b\(board)", architecture: "a\(architecture)", basis: basis,
                    milliseconds: (0.5 + 3 * basis) * speed * factor)
            }
        }
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func theMarginHoldsOnBoardsLeftOut(seed: UInt64) throws {
        let prediction = try BoardClassPrediction(
            measurements(boards: 30, architectures: 10, spread: 0.1, noise: 0.05, seed: seed))
        #expect(prediction.heldOut.count == 300)
        let coverage = try #require(prediction.coverage)
        #expect((0.8...1).contains(coverage), "seed \(seed): \(coverage)")
        #expect(abs(prediction.calibration.slope - 3) < 0.3)
        #expect(try #require(prediction.spearman) > 0.95)
    }

    @Test func theOrderOfMeasurementsDoesNotMatter() throws {
        let measured = measurements(boards: 5, architectures: 7, spread: 0.1, noise: 0.1, seed: 4)
        var generator = SeededGenerator(seed: 9)
        #expect(
            try BoardClassPrediction(measured) == BoardClassPrediction(measured.shuffled(using: &generator)))
    }

    /// A board that is left out has no part in what predicts it.
    @Test func aWildBoardIsNotPredictedByItself() throws {
        var measured = measurements(boards: 6, architectures: 8, spread: 0.01, noise: 0.01, seed: 5)
        measured += (1...8).map {
            .init(board: "wild", architecture: "a\($0)", basis: Double($0), milliseconds: 100 * Double($0))
        }
        let prediction = try BoardClassPrediction(measured)
        let wild = prediction.heldOut.filter { $0.measurement.board == "wild" }
        #expect(wild.count == 8 && wild.allSatisfy { !$0.isWithinMargin })
        #expect(prediction.heldOut.filter { $0.measurement.board != "wild" }.allSatisfy { $0.milliseconds < 30 })
    }

    @Test func limitsHold() throws {
        let prediction = try BoardClassPrediction(
            measurements(
                boards: BoardClassPrediction.boardLimit + 3, architectures: 4, spread: 0.1, noise: 0.1, seed: 6))
        #expect(prediction.boards.count == BoardClassPrediction.boardLimit)
        #expect(prediction.calibration.sampleCount == BoardClassPrediction.sampleLimit)
    }

    @Test func tooFewMeasurementsAreRefused() {
        #expect(throws: LatencyRefusal.self) {
            try BoardClassPrediction(measurements(boards: 1, architectures: 3, spread: 0, noise: 0, seed: 7))
        }
    }
}
