public import FleetModel

/// The CPU time that one board gives to its models.
public struct CPUBudget: Equatable, Codable, Sendable {
    /// CPU time the agent may use, in cores.
    public var cores: Double
    /// Share of it kept free for bursts and for the agent itself, 0..<1.
    public var reserve: Double

    /// - Precondition: `cores` is positive and finite, `reserve` is 0..<1.
    public init(cores: Double, reserve: Double) {
        precondition(cores.isFinite && cores > 0, "a board has CPU time")
        precondition((0..<1).contains(reserve), "the reserve is a share below 1")
        self.cores = cores
        self.reserve = reserve
    }

    /// What the models may use together, in cores.
    public var usableCores: Double { cores * (1 - reserve) }
}

/// One model that wants its share of a board.
public struct AllocationRequest: Equatable, Sendable {
    public var policy: ModelPolicy
    /// From fastest to most accurate, as measured on the board.
    public var points: [OperatingPoint]
    public var framesPerSecond: Double

    public init(policy: ModelPolicy, points: [OperatingPoint], framesPerSecond: Double) {
        self.policy = policy
        self.points = points
        self.framesPerSecond = framesPerSecond
    }

    /// CPU time that a point takes when every frame is computed, in cores; one thread per frame.
    func cores(at point: Int) -> Double { points[point].latencyMilliseconds * framesPerSecond / 1_000 }

    func value(of point: Int) -> Double { Double(policy.priority) * points[point].accuracy }

    func meetsLatency(_ point: Int) -> Bool { points[point].latencyMilliseconds <= policy.latency.milliseconds }

    func meetsFloor(_ point: Int) -> Bool { points[point].accuracy >= policy.accuracyFloor ?? 0 }
}

/// How a board's CPU time is shared among its models.
public struct Allocation: Equatable, Codable, Sendable {
    /// One per model that has an operating point at all, in the order of names.
    public var models: [ModelAllocation]
    /// Sum over the models of priority x accuracy of the preferred points.
    public var objective: Double
    /// CPU time of the preferred points together, in cores.
    public var cores: Double
    /// Why the policy cannot be met in full; empty when it is met.
    public var infeasible: [Infeasibility]
    /// Whether the preferred points are proven best. False only when the search hit its limit of states, which no
    /// board-sized problem does.
    public var isProvenOptimal: Bool
    /// States that the search looked at; a measure of its work that does not depend on the machine.
    public var exploredStates: Int

    public init(
        models: [ModelAllocation], objective: Double, cores: Double, infeasible: [Infeasibility],
        isProvenOptimal: Bool, exploredStates: Int
    ) {
        self.models = models
        self.objective = objective
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

    public init(model: String, lowestPoint: Int, highestPoint: Int, preferredPoint: Int, cores: Double) {
        self.model = model
        self.lowestPoint = lowestPoint
        self.highestPoint = highestPoint
        self.preferredPoint = preferredPoint
        self.cores = cores
    }
}

/// One reason why a policy cannot be met on a board.
public struct Infeasibility: Error, Equatable, Codable, Sendable, CustomStringConvertible {
    public enum Constraint: String, Codable, Sendable {
        case operatingPoints, latency, accuracyFloor, cpu
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
}
