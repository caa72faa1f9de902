import SearchSpace
import Testing

@Suite struct ParetoFrontTests {
    @Test func theFrontIsWhatNothingDominates() {
        let costs = [3.0, 1, 2, 2, 4, 1]
        let values = [5.0, 1, 3, 4, 5, 1]
        #expect(ParetoFront.places(costs: costs, values: values) == [1, 3, 0])
        #expect(ParetoFront.places(costs: [], values: []) == [])
    }

    /// Steps (1, 1), (2, 4), (3, 5) up to (5, 0): 4 x 1 + 3 x 3 + 2 x 1.
    @Test func hypervolumeIsTheAreaUnderTheSteps() {
        let volume = ParetoFront.hypervolume(
            costs: [2, 1, 3, 2.5], values: [4, 1, 5, 2], referenceCost: 5, referenceValue: 0)
        #expect(volume == 15)
    }

    @Test func pointsBeyondTheReferenceDoNotCount() {
        #expect(ParetoFront.hypervolume(costs: [6], values: [9], referenceCost: 5, referenceValue: 0) == 0)
        #expect(ParetoFront.hypervolume(costs: [1], values: [-1], referenceCost: 5, referenceValue: 0) == 0)
        #expect(ParetoFront.hypervolume(costs: [], values: [], referenceCost: 5, referenceValue: 0) == 0)
    }

    @Test func moreNonDominatedPointsNeverShrinkTheVolume() {
        var generator = SeededGenerator(seed: 31)
        var (costs, values): ([Double], [Double]) = ([], [])
        var last = 0.0
        for _ in 0..<100 {
            costs.append(Double.random(in: 0...1, using: &generator))
            values.append(Double.random(in: 0...1, using: &generator))
            let volume = ParetoFront.hypervolume(costs: costs, values: values, referenceCost: 1, referenceValue: 0)
            #expect(volume >= last - 1e-12 && volume <= 1)
            last = volume
        }
    }
}
