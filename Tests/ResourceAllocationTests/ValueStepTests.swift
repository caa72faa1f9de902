import SearchSpace
import Testing

@testable import ResourceAllocation

@Suite struct ValueStepTests {
    @Test func roundedAccuraciesShareTheirUnit() {
        let step = ValueStep.common(to: [[5.123, 6.789, 7.001], [5.5, 5.503]])
        #expect(abs(step - 0.001) < 1e-9)
    }

    @Test func picturesCountedTimesPrioritiesShareTheirQuotient() {
        let classes = [3.0, 6, 9].map { priority in [3_001, 3_410, 3_555].map { priority * Double($0) / 3_925 } }
        #expect(abs(ValueStep.common(to: classes) - 3 / 3_925) < 1e-9)
    }

    @Test(arguments: [UInt64(1), 2, .random(in: 0...UInt64.max)])
    func drawnValuesShareNothing(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let classes = (0..<4).map { _ in (0..<10).map { _ in Double.random(in: 0...10, using: &generator) } }
        #expect(ValueStep.common(to: classes) == 0, "seed \(seed)")
    }

    @Test func oneValueHasNoStep() {
        #expect(ValueStep.common(to: [[1.5], [2.25]]) == 0)
        #expect(ValueStep.common(to: []) == 0)
    }

    @Test func valuesNearlyMultiplesAreNone() {
        #expect(ValueStep.common(to: [[1, 1.1, 1.200_001]]) < 0.01)
    }
}
