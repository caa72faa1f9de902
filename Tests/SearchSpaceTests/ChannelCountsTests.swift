import SearchSpace
import Testing

@Suite struct ChannelCountsTests {
    @Test(arguments: [(16, 4, 64), (24, 3, 72), (40, 6, 240), (32, 3, 96), (136, 6, 816), (20, 3, 64)])
    func midIsTheProductRoundedToEight(input: Int, expandRatio: Int, expected: Int) {
        #expect(ChannelCounts.mid(input: input, expandRatio: expandRatio) == expected)
    }

    /// 72 / 4 = 18 rounds to 16, which would lose more than a tenth.
    @Test(arguments: [(72, 24), (64, 16), (96, 24), (120, 32), (480, 120), (672, 168), (960, 240), (408, 104)])
    func squeezeIsAQuarterThatLosesAtMostATenth(mid: Int, expected: Int) {
        #expect(ChannelCounts.squeeze(mid: mid) == expected)
    }

    @Test func nothingIsNarrowerThanTheDivisor() {
        #expect(ChannelCounts.makeDivisible(1) == 8)
        #expect(ChannelCounts.makeDivisible(3, by: 4) == 4)
    }

    @Test func theResultIsDivisibleAndNeverLosesMoreThanATenth() {
        for value in 1...2_000 {
            let result = ChannelCounts.makeDivisible(Double(value))
            #expect(result % 8 == 0 && Double(result) >= 0.9 * Double(value) && result <= value + 8)
        }
    }
}
