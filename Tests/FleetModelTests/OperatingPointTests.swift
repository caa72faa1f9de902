import FleetModel
import SearchSpace
import Testing

@Suite struct OperatingPointTests {
    /// On random points: the front rises, belongs to the input, and no input point beats any of it.
    @Test(arguments: [UInt64(1), 2, 3, .random(in: 0...UInt64.max)])
    func frontRisesAndIsUnbeaten(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let points = (0..<200).map { _ in
            Samples.point(
                Double(Int.random(in: 1...50, using: &generator)),
                Double(Int.random(in: 0...50, using: &generator)) / 50)
        }

        let front = ParetoTable.paretoFront(of: points)

        #expect(!front.isEmpty, "seed \(seed)")
        for (faster, slower) in zip(front, front.dropFirst()) {
            #expect(faster.latencyMilliseconds < slower.latencyMilliseconds, "seed \(seed)")
            #expect(faster.accuracy < slower.accuracy, "seed \(seed)")
        }
        for kept in front {
            #expect(points.contains(kept), "seed \(seed)")
            let isBeaten = points.contains {
                $0.latencyMilliseconds <= kept.latencyMilliseconds && $0.accuracy > kept.accuracy
                    || $0.latencyMilliseconds < kept.latencyMilliseconds && $0.accuracy >= kept.accuracy
            }
            #expect(!isBeaten, "seed \(seed): \(kept)")
        }
        for point in points {
            let isCovered = front.contains {
                $0.latencyMilliseconds <= point.latencyMilliseconds && $0.accuracy >= point.accuracy
            }
            #expect(isCovered, "seed \(seed): \(point)")
        }
        #expect(ParetoTable.paretoFront(of: front) == front, "seed \(seed)")
        #expect(ParetoTable.paretoFront(of: points.reversed()).map(\.accuracy) == front.map(\.accuracy), "seed \(seed)")
    }

    @Test func frontOfNothingIsEmpty() {
        #expect(ParetoTable.paretoFront(of: []).isEmpty)
    }
}
