import SearchSpace
import Testing

@Suite struct RankStatisticsTests {
    @Test func tiesShareTheMeanOfTheirRanks() {
        #expect(RankStatistics.averageRanks([10, 20, 10, 30, 10]) == [2, 4, 2, 5, 2])
        #expect(RankStatistics.averageRanks([]) == [])
    }

    @Test func spearmanIsOneForAnyRisingFunction() throws {
        let x = [3.0, 1, 4, 1.5, 9]
        #expect(try #require(RankStatistics.spearman(x, x.map { $0 * $0 * $0 })) == 1)
        #expect(try #require(RankStatistics.spearman(x, x.map { -$0 })) == -1)
    }

    /// Ranks 1, 2.5, 2.5, 4 against 1, 3, 2, 4: Pearson of the ranks is 4.5 / sqrt(4.5 x 5).
    @Test func spearmanWithTiesIsPearsonOfTheRanks() throws {
        let value = try #require(RankStatistics.spearman([1, 2, 2, 3], [1, 3, 2, 4]))
        #expect(abs(value - 4.5 / (4.5 * 5.0).squareRoot()) < 1e-12)
    }

    @Test func spearmanIsUndefinedWithoutSpread() {
        #expect(RankStatistics.spearman([], []) == nil)
        #expect(RankStatistics.spearman([1], [2]) == nil)
        #expect(RankStatistics.spearman([1, 1, 1], [1, 2, 3]) == nil)
    }

    @Test(arguments: [(0.0, 1.0), (0.25, 1.75), (0.5, 2.5), (0.9, 3.7), (1.0, 4.0)])
    func quantilesInterpolate(fraction: Double, expected: Double) throws {
        #expect(abs(try #require(RankStatistics.quantile([4, 1, 3, 2], fraction)) - expected) < 1e-12)
    }

    @Test func nothingHasNoQuantile() {
        #expect(RankStatistics.quantile([], 0.5) == nil)
        #expect(RankStatistics.median([5]) == 5)
    }
}
