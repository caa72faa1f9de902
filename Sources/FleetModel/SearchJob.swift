public import SearchSpace

/// A search for the subnets of one model on one class of boards and one processor: written as YAML, applied with
/// `shoal apply -f`, run by the coordinator. The same job on the same files gives the same result to the bit.
public struct SearchJob: Equatable, Codable, Sendable {
    /// What a subnet may cost; at least one of them.
    public struct Constraint: Equatable, Codable, Sendable {
        public var latencyMilliseconds: Double?
        public var flops: Double?
        /// Of parameters and the largest maps, in 32-bit floats.
        public var memoryBytes: Double?

        public init(latencyMilliseconds: Double? = nil, flops: Double? = nil, memoryBytes: Double? = nil) {
            self.latencyMilliseconds = latencyMilliseconds
            self.flops = flops
            self.memoryBytes = memoryBytes
        }
    }

    public var name: String
    public var model: String
    /// Board class and processor that the latency table must have been measured on.
    public var boardClass: String
    public var processor: String
    /// `ofa-mbv3`, or the path of a supernet package. Paths are the coordinator's, from its root.
    public var space: String
    public var accuracyPredictor: String
    public var latencyTable: String
    public var constraints: [Constraint]
    /// Predicted top-1, 0...1, that every point reaches.
    public var accuracyFloor: Double?
    public var seed: UInt64
    public var generations: Int
    /// A latency table that the search does not read; its points are verified against it where no board can.
    public var verificationTable: String?
    /// What the table's latencies are multiplied by, as telemetry showed; `nil` takes them as they are.
    public var latencyScale: Double?
    /// The same for groups of operators, where what boards measured tells them apart; others have `latencyScale`.
    public var operatorScales: [String: Double]?
    /// The class that the latency table was measured on, where it is another than the job's: its scales are then from
    /// what the job's class was predicted to take.
    public var tableBoardClass: String?

    public init(
        name: String, model: String, boardClass: String, processor: String, space: String, accuracyPredictor: String,
        latencyTable: String, constraints: [Constraint], accuracyFloor: Double? = nil, seed: UInt64 = 1,
        generations: Int = 100, verificationTable: String? = nil
    ) {
        self.name = name
        self.model = model
        self.boardClass = boardClass
        self.processor = processor
        self.space = space
        self.accuracyPredictor = accuracyPredictor
        self.latencyTable = latencyTable
        self.constraints = constraints
        self.accuracyFloor = accuracyFloor
        self.seed = seed
        self.generations = generations
        self.verificationTable = verificationTable
    }
}

/// The best subnet found for one constraint.
public struct SearchPoint: Equatable, Codable, Sendable {
    /// Place of the constraint in the job.
    public var constraint: Int
    public var configuration: SubnetConfiguration
    public var predictedAccuracy: Double
    public var predictedLatencyMilliseconds: Double
    public var flops: Double
    public var memoryBytes: Double
    /// The latency constraint in milliseconds that was searched instead, where none was found within the one asked for.
    public var relaxedTo: Double?
    /// Which constraint could not be kept, and what the best within it is; `nil` also of points of an earlier version.
    public var relaxedBecause: String?
    public var generations: Int
    public var evaluated: Int
    /// The next best, in order; what a board measures where the best does not keep its constraint.
    public var candidates: [SubnetConfiguration]
    /// The same and faster subnets with what is predicted of them, for boards that are slower than their table.
    public var alternatives: [Alternative]?

    public struct Alternative: Equatable, Codable, Sendable {
        public var configuration: SubnetConfiguration
        public var predictedAccuracy: Double
        public var predictedLatencyMilliseconds: Double
        public var flops: Double

        public init(_ subnet: PredictedSubnet, flops: Double) {
            configuration = subnet.configuration
            predictedAccuracy = subnet.accuracy
            predictedLatencyMilliseconds = subnet.latencyMilliseconds
            self.flops = flops
        }

        public var subnet: PredictedSubnet {
            PredictedSubnet(
                configuration: configuration, accuracy: predictedAccuracy,
                latencyMilliseconds: predictedLatencyMilliseconds)
        }
    }

    public init(
        constraint: Int, configuration: SubnetConfiguration, predictedAccuracy: Double,
        predictedLatencyMilliseconds: Double, flops: Double, memoryBytes: Double, relaxedTo: Double?,
        relaxedBecause: String? = nil, generations: Int, evaluated: Int, candidates: [SubnetConfiguration],
        alternatives: [Alternative]? = nil
    ) {
        self.constraint = constraint
        self.configuration = configuration
        self.predictedAccuracy = predictedAccuracy
        self.predictedLatencyMilliseconds = predictedLatencyMilliseconds
        self.flops = flops
        self.memoryBytes = memoryBytes
        self.relaxedTo = relaxedTo
        self.relaxedBecause = relaxedBecause
        self.generations = generations
        self.evaluated = evaluated
        self.candidates = candidates
        self.alternatives = alternatives
    }
}

/// What a search found and from what.
public struct SearchOutcome: Equatable, Codable, Sendable {
    public struct Input: Equatable, Codable, Sendable {
        public var path: String
        /// Of the file, or of a folder's files in the order of their names.
        public var sha256: String

        public init(path: String, sha256: String) {
            self.path = path
            self.sha256 = sha256
        }
    }

    /// A constraint that no subnet keeps.
    public struct Unmet: Equatable, Codable, Sendable {
        /// Its place in the job.
        public var constraint: Int
        public var reason: String

        public init(constraint: Int, reason: String) {
            self.constraint = constraint
            self.reason = reason
        }
    }

    public var softwareVersion: String
    public var seed: UInt64
    /// Space, accuracy predictor and latency table, those that are files.
    public var inputs: [Input]
    /// Version of the kernels that the latency table was measured with, where it says.
    public var engineVersion: String?
    /// How accuracy was predicted.
    public var predictor: String
    /// Rank correlation on measured subnets that the predictor was not fitted to.
    public var predictorSpearman: Double?
    /// In the order of the constraints.
    public var points: [SearchPoint]
    /// In the order of the constraints; `nil` where each has a point.
    public var unmet: [Unmet]?
    public var evaluated: Int
    /// Of these, the subnets whose accuracy was predicted.
    public var accuracyEvaluations: Int
    /// Of the supernet package that was searched; `nil` where the space has none.
    public var supernetSHA256: String?
    /// What a held-back table has shown, or why nothing can; `nil` where boards are to measure.
    public var verification: SearchVerification?

    public init(
        softwareVersion: String, seed: UInt64, inputs: [Input], engineVersion: String?, predictor: String,
        predictorSpearman: Double?, points: [SearchPoint], unmet: [Unmet]? = nil, evaluated: Int,
        accuracyEvaluations: Int,
        supernetSHA256: String? = nil, verification: SearchVerification? = nil
    ) {
        self.softwareVersion = softwareVersion
        self.seed = seed
        self.inputs = inputs
        self.engineVersion = engineVersion
        self.predictor = predictor
        self.predictorSpearman = predictorSpearman
        self.points = points
        self.unmet = unmet
        self.evaluated = evaluated
        self.accuracyEvaluations = accuracyEvaluations
        self.supernetSHA256 = supernetSHA256
        self.verification = verification
    }
}

/// A job and how far it is, as the coordinator keeps it. Times are milliseconds since 1970 by the coordinator's clock.
public struct SearchRecord: Equatable, Codable, Sendable {
    public enum State: String, Codable, Sendable, CaseIterable {
        case queued, running, done, failed, cancelled
        /// Its points are found, and boards measure them.
        case verifying
        /// The points that are published keep their constraints where they were measured; `done` without.
        case verified

        public var isOver: Bool { hasResult || self == .failed || self == .cancelled }
        public var hasResult: Bool { self == .done || self == .verified }
    }

    public var job: SearchJob
    /// As it was written.
    public var text: String
    /// Rises with every application: the order of the queue.
    public var number: UInt64
    public var state: State
    /// Points found so far, by rising latency constraint; all of them once it is done.
    public var points: [SearchPoint]
    public var outcome: SearchOutcome?
    /// What measuring them has shown; `nil` before, and of searches of earlier versions.
    public var verification: SearchVerification?
    /// Why it failed.
    public var failure: String?
    public var submittedAtMilliseconds: UInt64
    public var startedAtMilliseconds: UInt64?
    public var finishedAtMilliseconds: UInt64?

    public var name: String { job.name }

    public init(job: SearchJob, text: String, number: UInt64, submittedAtMilliseconds: UInt64) {
        self.job = job
        self.text = text
        self.number = number
        self.submittedAtMilliseconds = submittedAtMilliseconds
        state = .queued
        points = []
    }
}
