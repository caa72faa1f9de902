/// What sensors of a working board read. What lies beyond is a broken sensor, and counts as not read.
public enum SensorRange {
    /// Share of the processors' time.
    public static let load = 0.0...1.0
    public static let megahertz = 0.0...1e6
    public static let celsius = -273.15...1_000.0
    /// Share of the highest clock.
    public static let clockShare = 0.0...1_000.0
}

extension ClosedRange<Double> {
    /// The value, if it is within; no number is not.
    public func reading(_ value: Double) -> Double? { contains(value) ? value : nil }
}
