/// Channel counts of OFA blocks.
public enum ChannelCounts {
    /// The nearest multiple of `divisor` that does not lose more than a tenth, as in MobileNet's reference code.
    public static func makeDivisible(_ value: Double, by divisor: Int = 8) -> Int {
        let rounded = max(divisor, Int(value + Double(divisor) / 2) / divisor * divisor)
        return Double(rounded) < 0.9 * value ? rounded + divisor : rounded
    }

    /// Channels between expand and project convolution.
    public static func mid(input: Int, expandRatio: Int) -> Int {
        makeDivisible(Double(input * expandRatio))
    }

    /// Channels between the two squeeze-and-excite convolutions.
    public static func squeeze(mid: Int) -> Int { makeDivisible(Double(mid) / 4) }
}
