import Foundation
import LatencyPrediction
import SearchSpace
import Testing

@Suite struct LatencyCalibrationTests {
    @Test func anExactLineIsFoundWithoutMargin() throws {
        let samples = (1...8).map { LatencyCalibration.Sample(predicted: Double($0), measured: 3 + 2 * Double($0)) }
        let calibration = try LatencyCalibration(samples: samples)
        #expect(abs(calibration.slope - 2) < 1e-12 && abs(calibration.intercept - 3) < 1e-12)
        #expect(calibration.relativeMargin < 1e-12)
        #expect(calibration.spearman == 1)
        #expect(abs(calibration.calibrate(10) - 23) < 1e-12)
    }

    @Test func oneWildMeasurementDoesNotMoveTheLine() throws {
        var samples = (1...9).map { LatencyCalibration.Sample(predicted: Double($0), measured: 2 * Double($0)) }
        samples[4] = .init(predicted: 5, measured: 500)
        let calibration = try LatencyCalibration(samples: samples)
        #expect(abs(calibration.slope - 2) < 1e-9 && abs(calibration.intercept) < 1e-9)
    }

    /// Of new measurements with the same noise, the stated share lies within the interval, on average over fits.
    @Test func theMarginHoldsItsStatedCoverage() throws {
        var generator = SeededGenerator(seed: 61)
        func draw() -> LatencyCalibration.Sample {
            let predicted = Double.random(in: 20...80, using: &generator)
            let noise = Double.random(in: -0.1...0.1, using: &generator)
            return .init(predicted: predicted, measured: (5 + 1.3 * predicted) * (1 + noise))
        }
        var (within, total) = (0, 0)
        for _ in 0..<150 {
            let calibration = try LatencyCalibration(samples: (0..<20).map { _ in draw() })
            #expect(calibration.coverage == 0.9)
            for _ in 0..<20 {
                let new = draw()
                total += 1
                if calibration.interval(new.predicted).contains(new.measured) { within += 1 }
            }
        }
        let share = Double(within) / Double(total)
        #expect(share > 0.87 && share < 0.98, "seed 61: \(share)")
    }

    @Test func fewSamplesStateTheCoverageTheyCanSupport() throws {
        let samples = (1...4).map { LatencyCalibration.Sample(predicted: Double($0), measured: Double($0)) }
        #expect(try LatencyCalibration(samples: samples).coverage == 0.8)
    }

    @Test func samplesThatFitNothingAreRefused() {
        let good = (1...5).map { LatencyCalibration.Sample(predicted: Double($0), measured: Double($0)) }
        func refused(_ samples: [LatencyCalibration.Sample]) -> Bool {
            do {
                _ = try LatencyCalibration(samples: samples)
                return false
            } catch {
                guard case .unusableSamples = error else { return false }
                return true
            }
        }
        #expect(!refused(good))
        #expect(refused(Array(good.prefix(3))))
        #expect(refused(good + [.init(predicted: .nan, measured: 1)]))
        #expect(refused(good + [.init(predicted: 1, measured: -1)]))
        #expect(refused(good + [.init(predicted: 1, measured: 0)]))
        #expect(refused(good + [.init(predicted: .infinity, measured: 1)]))
        #expect(refused(good.map { .init(predicted: 3, measured: $0.measured) }))
        #expect(refused(good.map { .init(predicted: $0.predicted, measured: 10 - $0.measured) }))
    }

    @Test func samplesAreLimited() throws {
        let limit = LatencyCalibration.sampleLimit
        let samples = (1...(limit + 1)).map { LatencyCalibration.Sample(predicted: Double($0), measured: Double($0)) }
        #expect(throws: LatencyRefusal.self) { try LatencyCalibration(samples: samples) }
        #expect(try LatencyCalibration(samples: Array(samples.prefix(limit))).sampleCount == limit)
    }

    @Test func calibratedLatencyIsNeverNegative() throws {
        let samples = (3...9).map { LatencyCalibration.Sample(predicted: Double($0), measured: 2 * Double($0) - 5) }
        let calibration = try LatencyCalibration(samples: samples)
        #expect(calibration.calibrate(0) == 0)
        #expect(calibration.interval(0) == 0...0)
    }

    @Test func survivesJSONAndRefusesImpossibleFiguresThere() throws {
        let samples = (1...8).map { LatencyCalibration.Sample(predicted: Double($0), measured: 3 + 2 * Double($0)) }
        let calibration = try LatencyCalibration(samples: samples)
        let data = try JSONEncoder().encode(calibration)
        #expect(try JSONDecoder().decode(LatencyCalibration.self, from: data) == calibration)
        let json = #"{"intercept":0,"slope":1,"relativeMargin":-1,"coverage":0.9,"sampleCount":9}"#
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(LatencyCalibration.self, from: Data(json.utf8))
        }
    }
}
