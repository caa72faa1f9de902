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
    /// What else the point asks of the board; `nil` where only its latency is known.
    public var demand: PointDemand?

    public init(
        configuration: SubnetConfiguration, accuracy: Double, latencyMilliseconds: Double, flops: Int,
        demand: PointDemand? = nil
    ) {
        self.configuration = configuration
        self.accuracy = accuracy
        self.latencyMilliseconds = latencyMilliseconds
        self.flops = flops
        self.demand = demand
    }

    /// CPU time of one frame on an idle board: latency times threads unless it was measured.
    public var cpuMilliseconds: Double {
        demand?.cpuMilliseconds ?? latencyMilliseconds * Double(demand?.threads ?? 1)
    }

    /// The latency that `percentile` per cent of frames keep on an idle board: the lowest percentile measured that
    /// covers it, or the highest there is. The latency itself where no percentile was measured.
    public func latencyMilliseconds(atPercentile percentile: Double) -> Double {
        let tails = demand?.percentiles ?? []
        let covering = tails.filter { $0.percentile >= percentile }.min { $0.percentile < $1.percentile }
        let tail = covering ?? tails.max { $0.percentile < $1.percentile }
        return max(latencyMilliseconds, tail?.milliseconds ?? latencyMilliseconds)
    }
}

/// What a point asks of a board besides one thread's time.
public struct PointDemand: Equatable, Codable, Sendable {
    /// `fp32`, `bf16` or `int8`.
    public var precision: String?
    /// Threads that one frame runs on.
    public var threads: Int
    /// Budget of the hook network, as its trainer counts damage.
    public var hookBudget: Double?
    /// CPU time of one frame over all threads; `nil` takes latency times threads.
    public var cpuMilliseconds: Double?
    /// Beyond what the model keeps in memory at any point.
    public var memoryBytes: UInt64
    /// Energy of one frame.
    public var energyMillijoules: Double
    /// Latencies of other percentiles than the median.
    public var percentiles: [LatencyConstraint]

    public init(
        precision: String? = nil, threads: Int = 1, hookBudget: Double? = nil, cpuMilliseconds: Double? = nil,
        memoryBytes: UInt64 = 0, energyMillijoules: Double = 0, percentiles: [LatencyConstraint] = []
    ) {
        self.precision = precision
        self.threads = threads
        self.hookBudget = hookBudget
        self.cpuMilliseconds = cpuMilliseconds
        self.memoryBytes = memoryBytes
        self.energyMillijoules = energyMillijoules
        self.percentiles = percentiles
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
