public import SearchSpace

/// A subnet as a board measured it on request: kept beyond the search that asked for it, because it tells of the
/// board's class.
public struct MeasuredSubnet: Equatable, Codable, Sendable {
    public var board: BoardID
    public var boardClass: String
    public var model: ModelName
    public var supernetSHA256: String
    public var engineVersion: String
    public var configuration: SubnetConfiguration
    /// 0 where the coordinator does not know the supernet's operators.
    public var flops: Double
    /// Median of the medians of batches, and the lowest and highest of these.
    public var medianMilliseconds: Double
    public var lowestMilliseconds: Double
    public var highestMilliseconds: Double
    /// Since 1970 by the coordinator's clock.
    public var atMilliseconds: UInt64
    /// What was predicted for it from other measurements before it was asked for; `nil` where nothing was.
    public var expected: Expectation?

    /// A predicted latency with its margin.
    public struct Expectation: Equatable, Codable, Sendable {
        public var milliseconds: Double
        public var lowestMilliseconds: Double
        public var highestMilliseconds: Double

        public init(milliseconds: Double, lowestMilliseconds: Double, highestMilliseconds: Double) {
            self.milliseconds = milliseconds
            self.lowestMilliseconds = lowestMilliseconds
            self.highestMilliseconds = highestMilliseconds
        }
    }

    public init(
        board: BoardID, boardClass: String, model: ModelName, supernetSHA256: String, engineVersion: String,
        configuration: SubnetConfiguration, flops: Double, medianMilliseconds: Double,
        lowestMilliseconds: Double, highestMilliseconds: Double, atMilliseconds: UInt64, expected: Expectation? = nil
    ) {
        self.board = board
        self.boardClass = boardClass
        self.model = model
        self.supernetSHA256 = supernetSHA256
        self.engineVersion = engineVersion
        self.configuration = configuration
        self.flops = flops
        self.medianMilliseconds = medianMilliseconds
        self.lowestMilliseconds = lowestMilliseconds
        self.highestMilliseconds = highestMilliseconds
        self.atMilliseconds = atMilliseconds
        self.expected = expected
    }
}
