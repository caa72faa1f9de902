public import FleetModel

/// What one board gives to its models together.
public struct BoardBudget: Equatable, Codable, Sendable {
    /// CPU time the agent may use, in cores.
    public var cores: Double
    /// Share of it kept free for bursts and for the agent itself, 0..<1.
    public var reserve: Double
    /// Whether nothing that the board may choose by itself goes into the reserve: somebody said it. A usual reserve is
    /// what the board's manager meets bursts with.
    public var isReserveKept: Bool
    /// `nil` where memory is no constraint.
    public var memoryBytes: UInt64?
    /// Power; `nil` where energy is no constraint.
    public var watts: Double?

    /// Share of the CPU time that stays free where neither the board nor a policy says it: for bursts, and for what
    /// else runs there.
    public static let usualReserve = 0.1

    /// - Precondition: `cores` is positive and finite, `reserve` is 0..<1, `watts` finite and not negative.
    public init(
        cores: Double, reserve: Double, isReserveKept: Bool = false, memoryBytes: UInt64? = nil, watts: Double? = nil
    ) {
        precondition(cores.isFinite && cores > 0, "a board has CPU time")
        precondition((0..<1).contains(reserve), "the reserve is a share below 1")
        precondition(watts.map { $0.isFinite && $0 >= 0 } ?? true, "power is finite and not negative")
        self.cores = cores
        self.reserve = reserve
        self.isReserveKept = isReserveKept
        self.memoryBytes = memoryBytes
        self.watts = watts
    }

    /// A board's resources less what its policy and its own file reserve. A reserve above what there is leaves nothing.
    public init(cores: Double, memoryBytes: UInt64?, watts: Double?, less reserve: BoardReserve, cpuReserve: Double) {
        self.init(
            cores: cores, reserve: reserve.cpu ?? cpuReserve, isReserveKept: reserve.cpu != nil,
            memoryBytes: memoryBytes.map { $0 - min($0, reserve.memoryBytes) },
            watts: watts.map { max(0, $0 - reserve.watts) })
    }

    /// What the models may use together, in cores.
    public var usableCores: Double { cores * (1 - reserve) }

    /// In the order of `AllocationRequest.costs`.
    var capacity: MultipleChoiceKnapsack.Costs {
        .init(usableCores, memoryBytes.map { Double($0) } ?? .infinity, watts ?? .infinity, .infinity)
    }

    /// Without the memory and power of such costs; all CPU time stays.
    func lessMemoryAndPower(_ costs: MultipleChoiceKnapsack.Costs) -> BoardBudget {
        var left = self
        left.memoryBytes = memoryBytes.map { $0 - min($0, UInt64(costs[1].rounded(.up))) }
        left.watts = watts.map { max(0, $0 - costs[2]) }
        return left
    }
}

/// One model that wants its share of a board.
public struct AllocationRequest: Equatable, Sendable {
    public var policy: ModelPolicy
    /// As measured on the board when the model ran alone.
    public var points: [OperatingPoint]
    public var framesPerSecond: Double
    /// How much longer it takes beside its neighbours, in latency and CPU time.
    public var slowdown: Double
    /// Kept in memory at every point.
    public var memoryBytes: UInt64

    public init(
        policy: ModelPolicy, points: [OperatingPoint], framesPerSecond: Double, slowdown: Double = 1,
        memoryBytes: UInt64 = 0
    ) {
        self.policy = policy
        self.points = points
        self.framesPerSecond = framesPerSecond
        self.slowdown = slowdown
        self.memoryBytes = memoryBytes
    }

    /// CPU time that a point takes when every frame is computed, in cores.
    func cores(at point: Int) -> Double { points[point].cpuMilliseconds * slowdown * framesPerSecond / 1_000 }

    /// Latency at the constraint's percentile, beside the neighbours.
    func latencyMilliseconds(at point: Int) -> Double {
        points[point].latencyMilliseconds(atPercentile: policy.latency.percentile) * slowdown
    }

    /// Share of the time between frames that one frame takes; a stream is computed frame by frame.
    func occupancy(at point: Int) -> Double {
        points[point].latencyMilliseconds * slowdown * framesPerSecond / 1_000
    }

    func bytes(at point: Int) -> Double { Double(memoryBytes) + Double(points[point].demand?.memoryBytes ?? 0) }

    func millijoules(at point: Int) -> Double { points[point].demand?.energyMillijoules ?? 0 }

    func watts(at point: Int) -> Double { millijoules(at: point) * framesPerSecond / 1_000 }

    func costs(at point: Int) -> MultipleChoiceKnapsack.Costs {
        .init(cores(at: point), bytes(at: point), watts(at: point), 0)
    }

    func value(of point: Int) -> Double { Double(policy.priority) * points[point].accuracy }
}

/// How a board is shared among its models.
public struct Allocation: Equatable, Codable, Sendable {
    /// One per model that has an operating point at all, in the order of names.
    public var models: [ModelAllocation]
    /// Sum over the models of priority x accuracy of the preferred points.
    public var objective: Double
    /// No permitted choice is worth more; the objective itself where nothing is left to gain.
    public var upperBound: Double
    /// CPU time of the preferred points together, in cores.
    public var cores: Double
    /// Why the policy cannot be met in full; empty when it is met.
    public var infeasible: [Infeasibility]
    /// Whether no choice's priority-weighted mean accuracy is higher by `Allocator.accuracyTolerance`. False only when
    /// the search hit a limit of states or work; `upperBound` says then what may be missed.
    public var isProvenOptimal: Bool
    /// States that the search looked at; a measure of its work that does not depend on the machine.
    public var exploredStates: Int

    public init(
        models: [ModelAllocation], objective: Double, upperBound: Double, cores: Double, infeasible: [Infeasibility],
        isProvenOptimal: Bool, exploredStates: Int
    ) {
        self.models = models
        self.objective = objective
        self.upperBound = upperBound
        self.cores = cores
        self.infeasible = infeasible
        self.isProvenOptimal = isProvenOptimal
        self.exploredStates = exploredStates
    }
}

/// One model's envelope; points are positions in its table.
public struct ModelAllocation: Equatable, Codable, Sendable {
    public var model: String
    public var lowestPoint: Int
    public var highestPoint: Int
    public var preferredPoint: Int
    /// CPU time of the preferred point, in cores.
    public var cores: Double
    /// Latency of the preferred point at the constraint's percentile, beside the neighbours.
    public var latencyMilliseconds: Double
    public var memoryBytes: UInt64
    public var watts: Double

    public init(
        model: String, lowestPoint: Int, highestPoint: Int, preferredPoint: Int, cores: Double,
        latencyMilliseconds: Double, memoryBytes: UInt64 = 0, watts: Double = 0
    ) {
        self.model = model
        self.lowestPoint = lowestPoint
        self.highestPoint = highestPoint
        self.preferredPoint = preferredPoint
        self.cores = cores
        self.latencyMilliseconds = latencyMilliseconds
        self.memoryBytes = memoryBytes
        self.watts = watts
    }
}

/// One reason why a policy cannot be met on a board.
public struct Infeasibility: Error, Equatable, Codable, Sendable, CustomStringConvertible {
    public enum Constraint: String, Codable, Sendable {
        case operatingPoints, latency, frameRate, cpuShare, memory, energy, accuracyFloor, cpu, power
        /// No resource alone is short, but several are together.
        case combined
    }

    public var constraint: Constraint
    /// `nil` when it concerns all models together.
    public var model: String?
    /// One sentence with the figures.
    public var reason: String

    public init(constraint: Constraint, model: String?, reason: String) {
        self.constraint = constraint
        self.model = model
        self.reason = reason
    }

    public var description: String { reason }

    /// With `model` as `null` where it concerns all.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(constraint, forKey: .constraint)
        try container.encode(model, forKey: .model)
        try container.encode(reason, forKey: .reason)
    }
}
