public import SearchSpace

/// One row of a Pareto table: a subnet and what it costs and brings.
public struct OperatingPoint: Equatable, Codable, Sendable {
    public var configuration: SubnetConfiguration
    /// Top-1 on held-back labelled images, 0...1.
    public var accuracy: Double
    /// Median latency on an idle board, one thread.
    public var latencyMilliseconds: Double
    /// Multiply-adds of the subnet, counted as two operations each.
    public var flops: Int

    public init(configuration: SubnetConfiguration, accuracy: Double, latencyMilliseconds: Double, flops: Int) {
        self.configuration = configuration
        self.accuracy = accuracy
        self.latencyMilliseconds = latencyMilliseconds
        self.flops = flops
    }
}

/// The operating points of one model on one class of boards and one processor. Tables never mix processors.
public struct ParetoTable: Equatable, Codable, Sendable {
    public var model: String
    public var boardClass: String
    public var processor: String
    /// Seed of the search that made it.
    public var seed: UInt64
    /// From fastest to most accurate; both latency and accuracy rise strictly.
    public var points: [OperatingPoint]

    public init(model: String, boardClass: String, processor: String, seed: UInt64, points: [OperatingPoint]) {
        self.model = model
        self.boardClass = boardClass
        self.processor = processor
        self.seed = seed
        self.points = points
    }

    /// The points that no other point beats in both latency and accuracy, from fastest to most accurate.
    public static func paretoFront(of points: [OperatingPoint]) -> [OperatingPoint] {
        ParetoFront.places(costs: points.map(\.latencyMilliseconds), values: points.map(\.accuracy)).map { points[$0] }
    }
}
