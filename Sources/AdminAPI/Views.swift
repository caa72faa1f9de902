public import FleetModel

/// Answers of the interface. Times are milliseconds since 1970, sizes bytes.
public struct StatusView: Codable, Equatable, Sendable {
    public var version: String
    public var startedAtMilliseconds: UInt64
    public var fleetEndpoint: String
    public var enrolmentEndpoint: String
    public var boardsEnrolled: Int
    public var boardsConnected: Int
    public var telemetryRecords: Int
    /// Frames dropped since the start, by reason.
    public var droppedFrames: [String: UInt64]
    /// `nil` where no metrics are served.
    public var metricsURL: String?
    /// The coordinator's clock as it answered; `nil` of one that does not say it.
    public var atMilliseconds: UInt64?
    /// Coordinators that carry boards' messages to this one; `nil` where there are none.
    public var fronts: [FrontView]?

    public init(
        version: String, startedAtMilliseconds: UInt64, fleetEndpoint: String, enrolmentEndpoint: String,
        boardsEnrolled: Int, boardsConnected: Int, telemetryRecords: Int, droppedFrames: [String: UInt64],
        metricsURL: String? = nil, atMilliseconds: UInt64? = nil, fronts: [FrontView]? = nil
    ) {
        self.version = version
        self.startedAtMilliseconds = startedAtMilliseconds
        self.fleetEndpoint = fleetEndpoint
        self.enrolmentEndpoint = enrolmentEndpoint
        self.boardsEnrolled = boardsEnrolled
        self.boardsConnected = boardsConnected
        self.telemetryRecords = telemetryRecords
        self.droppedFrames = droppedFrames
        self.metricsURL = metricsURL
        self.atMilliseconds = atMilliseconds
        self.fronts = fronts
    }
}

/// A coordinator that does not lead, as it told of itself last: it takes boards in for the one that does.
public struct FrontView: Codable, Equatable, Sendable {
    public var fleetEndpoint: String
    public var enrolmentEndpoint: String
    /// That spoke through it last.
    public var boards: Int
    /// Since its start.
    public var framesReceived: UInt64
    public var framesSent: UInt64
    /// Since its start, by reason.
    public var droppedFrames: [String: UInt64]

    public init(
        fleetEndpoint: String, enrolmentEndpoint: String, boards: Int, framesReceived: UInt64, framesSent: UInt64,
        droppedFrames: [String: UInt64]
    ) {
        self.fleetEndpoint = fleetEndpoint
        self.enrolmentEndpoint = enrolmentEndpoint
        self.boards = boards
        self.framesReceived = framesReceived
        self.framesSent = framesSent
        self.droppedFrames = droppedFrames
    }
}

public struct BoardView: Codable, Equatable, Sendable {
    public struct Model: Codable, Equatable, Sendable {
        public var name: String
        public var framesPerSecond: Double
        public var points: [PointView]

        public init(name: String, framesPerSecond: Double, points: [PointView]) {
            self.name = name
            self.framesPerSecond = framesPerSecond
            self.points = points
        }
    }

    public var name: String
    public var boardClass: String
    /// enrolled, connected, suspect or lost.
    public var status: String
    public var labels: [String: String]
    public var cores: Double
    public var memoryBytes: UInt64
    public var engineVersion: String
    public var lastSeenMilliseconds: UInt64
    public var incarnation: UInt64
    public var desiredGeneration: UInt64
    public var reportedGeneration: UInt64
    public var telemetryRecords: Int
    /// Records whose neighbours are stored but which themselves are not.
    public var telemetryGaps: Int
    /// Why the policies cannot all be met there.
    public var infeasible: [String]
    /// Telemetry records refused since the coordinator's start.
    public var refusedRecords: UInt64
    public var models: [Model]
    /// How many times as long a model takes beside a neighbour, as measured on the board: by model, then neighbour.
    public var interference: [String: [String: Double]]?
    /// Why nothing is learned from its numbers; `nil` where it is learned from.
    public var quarantine: Quarantine?

    public struct Quarantine: Codable, Equatable, Sendable {
        public var reason: String
        public var sinceMilliseconds: UInt64

        public init(reason: String, sinceMilliseconds: UInt64) {
            (self.reason, self.sinceMilliseconds) = (reason, sinceMilliseconds)
        }
    }
    /// Power that its models may draw; `nil` where nobody said it.
    public var watts: Double?
    /// How it holds models to their shares of the CPU time, by its newest telemetry; `nil` while no share is limited.
    public var shares: ShareTelemetry?
    /// Its clock over that at which points were measured, by its newest telemetry; `nil` where it is not known.
    public var clockShare: Double?
    /// Whether people want it left alone; `nil` of a coordinator that does not say it.
    public var isDrained: Bool?
    /// Since when it has its key; `nil` of a coordinator that does not say it.
    public var keySinceMilliseconds: UInt64?
    /// `nil` while its key stays.
    public var keyChange: KeyChange?

    public init(
        name: String, boardClass: String, status: String, labels: [String: String], cores: Double,
        memoryBytes: UInt64, engineVersion: String, lastSeenMilliseconds: UInt64, incarnation: UInt64,
        desiredGeneration: UInt64, reportedGeneration: UInt64, telemetryRecords: Int, telemetryGaps: Int,
        infeasible: [String], refusedRecords: UInt64, models: [Model], interference: [String: [String: Double]]? = nil,
        quarantine: Quarantine? = nil,
        watts: Double? = nil, shares: ShareTelemetry? = nil, clockShare: Double? = nil,
        isDrained: Bool? = nil, keySinceMilliseconds: UInt64? = nil, keyChange: KeyChange? = nil
    ) {
        (self.isDrained, self.keySinceMilliseconds, self.keyChange) = (isDrained, keySinceMilliseconds, keyChange)
        self.name = name
        self.boardClass = boardClass
        self.status = status
        self.labels = labels
        self.cores = cores
        self.memoryBytes = memoryBytes
        self.engineVersion = engineVersion
        self.lastSeenMilliseconds = lastSeenMilliseconds
        self.incarnation = incarnation
        self.desiredGeneration = desiredGeneration
        self.reportedGeneration = reportedGeneration
        self.telemetryRecords = telemetryRecords
        self.telemetryGaps = telemetryGaps
        self.infeasible = infeasible
        self.refusedRecords = refusedRecords
        self.models = models
        self.interference = interference
        self.quarantine = quarantine
        (self.watts, self.shares, self.clockShare) = (watts, shares, clockShare)
    }
}

/// An operating point as people read it.
public struct PointView: Codable, Equatable, Sendable {
    public var subnet: String
    public var accuracy: Double
    public var latencyMilliseconds: Double
    public var flops: Int
    /// `fp32`, `bf16` or `int8`, threads of a frame and the hook network's budget; `nil` where the table does not tell.
    public var precision: String?
    public var threads: Int?
    public var hookBudget: Double?

    public init(
        subnet: String, accuracy: Double, latencyMilliseconds: Double, flops: Int, precision: String? = nil,
        threads: Int? = nil, hookBudget: Double? = nil
    ) {
        self.subnet = subnet
        self.accuracy = accuracy
        self.latencyMilliseconds = latencyMilliseconds
        self.flops = flops
        (self.precision, self.threads, self.hookBudget) = (precision, threads, hookBudget)
    }

    public init(_ point: OperatingPoint) {
        self.init(
            subnet: "\(point.configuration)", accuracy: point.accuracy,
            latencyMilliseconds: point.latencyMilliseconds, flops: point.flops, precision: point.demand?.precision,
            threads: point.demand?.threads, hookBudget: point.demand?.hookBudget)
    }
}

/// One model on one board: what is wanted and what the latest window shows.
public struct ModelView: Codable, Equatable, Sendable {
    public var board: String
    public var model: String
    public var activePoint: Int?
    public var pointCount: Int
    public var subnet: String?
    /// `nil` where nothing is asked of the model.
    public var constraintMilliseconds: Double?
    public var p50Milliseconds: Double?
    public var p99Milliseconds: Double?
    /// Over the newest 600 windows: frames within the constraint, of all that arrived under one.
    public var sloAttainment: Double?
    /// Over the newest 600 windows: right answers, of the labelled frames.
    public var accuracy: Double?
    /// Over the newest 600 windows: of the operating points that ran, weighed by frames.
    public var expectedAccuracy: Double?
    /// What `attainedAccuracy` is made of: labels where there are any, else points.
    public var accuracySource: Attainment.Source?
    /// Over the newest 600 windows: SLO attainment times accuracy, measured or expected.
    public var attainedAccuracy: Double?
    public var switches: Int
    public var frames: Int
    public var dropped: Int
    /// Hooks in the newest window; their decisions are of the newest 600. `nil` where the model has none.
    public var hooks: HookTelemetry?

    public init(
        board: String, model: String, activePoint: Int?, pointCount: Int, subnet: String?,
        constraintMilliseconds: Double?, p50Milliseconds: Double?, p99Milliseconds: Double?, sloAttainment: Double?,
        accuracy: Double?, switches: Int, frames: Int, dropped: Int, hooks: HookTelemetry? = nil,
        expectedAccuracy: Double? = nil, accuracySource: Attainment.Source? = nil, attainedAccuracy: Double? = nil
    ) {
        self.board = board
        self.model = model
        self.activePoint = activePoint
        self.pointCount = pointCount
        self.subnet = subnet
        self.constraintMilliseconds = constraintMilliseconds
        self.p50Milliseconds = p50Milliseconds
        self.p99Milliseconds = p99Milliseconds
        self.sloAttainment = sloAttainment
        self.accuracy = accuracy
        (self.expectedAccuracy, self.accuracySource) = (expectedAccuracy, accuracySource)
        self.attainedAccuracy = attainedAccuracy
        self.switches = switches
        self.frames = frames
        self.dropped = dropped
        self.hooks = hooks
    }
}

public struct PolicyView: Codable, Equatable, Sendable {
    public var name: String
    public var version: Int
    public var text: String
    public var boards: [String]

    public init(name: String, version: Int, text: String, boards: [String]) {
        self.name = name
        self.version = version
        self.text = text
        self.boards = boards
    }
}

public struct AssignmentView: Codable, Equatable, Sendable {
    public struct Model: Codable, Equatable, Sendable {
        public var model: String
        public var constraintMilliseconds: Double
        public var percentile: Double
        public var lowestPoint: Int
        public var highestPoint: Int
        public var preferredPoint: Int
        public var priority: Int
        /// Of the operating point, on average; `nil` without a limit.
        public var switchesPerMinute: Double?
        /// At most, of the board's CPU time, 0...1; `nil` without a limit.
        public var cpuShare: Double?
        /// That rules the model; `nil` where it is not known.
        public var policy: String?
        /// That policy's, 0...1; `nil` without one.
        public var accuracyFloor: Double?
        /// What `preferredPoint` is in the board's table; `nil` where that is not known.
        public var preferred: PointView?

        public init(
            model: String, constraintMilliseconds: Double, percentile: Double, lowestPoint: Int, highestPoint: Int,
            preferredPoint: Int, priority: Int, switchesPerMinute: Double? = nil, cpuShare: Double? = nil,
            policy: String? = nil, accuracyFloor: Double? = nil, preferred: PointView? = nil
        ) {
            self.model = model
            self.constraintMilliseconds = constraintMilliseconds
            self.percentile = percentile
            self.lowestPoint = lowestPoint
            self.highestPoint = highestPoint
            self.preferredPoint = preferredPoint
            self.priority = priority
            self.switchesPerMinute = switchesPerMinute
            self.cpuShare = cpuShare
            (self.policy, self.accuracyFloor, self.preferred) = (policy, accuracyFloor, preferred)
        }
    }

    public var board: String
    public var generation: UInt64
    public var reportedGeneration: UInt64
    public var models: [Model]
    /// Why the policies cannot all be met there, where the least bad points are assigned all the same; `nil` of a
    /// coordinator that does not say it.
    public var infeasible: [String]?

    public init(
        board: String, generation: UInt64, reportedGeneration: UInt64, models: [Model], infeasible: [String]? = nil
    ) {
        self.board = board
        self.generation = generation
        self.reportedGeneration = reportedGeneration
        self.models = models
        self.infeasible = infeasible
    }
}

/// One stored window: the record as the board measured it.
public struct TelemetryWindowView: Codable, Equatable, Sendable {
    public var board: String
    public var receivedAtMilliseconds: UInt64
    public var record: TelemetryRecord
    /// By model: accuracy of the point of the window's last frame, as the board's table says now, 0...1. Models
    /// whose table has no such point are left out; `nil` from coordinators that do not tell.
    public var pointAccuracies: [String: Double]?

    public init(
        board: String, receivedAtMilliseconds: UInt64, record: TelemetryRecord, pointAccuracies: [String: Double]? = nil
    ) {
        self.board = board
        self.receivedAtMilliseconds = receivedAtMilliseconds
        self.record = record
        self.pointAccuracies = pointAccuracies
    }
}

public struct ApplyRequest: Codable, Equatable, Sendable {
    /// Name of the file, for messages.
    public var file: String
    public var text: String
    public var dryRun: Bool

    public init(file: String, text: String, dryRun: Bool) {
        self.file = file
        self.text = text
        self.dryRun = dryRun
    }
}

public struct ApplyResult: Codable, Equatable, Sendable {
    public var policy: String
    public var version: Int
    public var dryRun: Bool
    /// The text is applied already: the version is the one that it has.
    public var isUnchanged: Bool
    /// Boards that the policy selects.
    public var boards: [String]
    /// What the person should know: boards without the model, constraints that cannot be met.
    public var warnings: [String]

    public init(
        policy: String, version: Int, dryRun: Bool, isUnchanged: Bool = false, boards: [String], warnings: [String]
    ) {
        self.policy = policy
        self.version = version
        self.dryRun = dryRun
        self.isUnchanged = isUnchanged
        self.boards = boards
        self.warnings = warnings
    }
}

public struct TokenRequest: Codable, Equatable, Sendable {
    public var uses: Int
    public var validSeconds: Int
    /// That a board must carry to enrol with it; `nil`: any board may.
    public var labels: [String: String]?

    public init(uses: Int, validSeconds: Int, labels: [String: String]? = nil) {
        self.labels = labels
        self.uses = uses
        self.validSeconds = validSeconds
    }
}

/// All that a new board needs: shown once, stored nowhere but as a hash.
public struct TokenView: Codable, Equatable, Sendable {
    public var token: String
    public var enrolmentEndpoint: String
    public var fleetEndpoint: String
    public var serverPublicKey: String
    public var expiresAtMilliseconds: UInt64
    /// Of all coordinators that take boards in; `nil`: the one alone.
    public var enrolmentEndpoints: [String]?
    public var fleetEndpoints: [String]?
    /// That a board must carry to enrol with it; `nil`: any board may.
    public var labels: [String: String]?

    public init(
        token: String, enrolmentEndpoint: String, fleetEndpoint: String, serverPublicKey: String,
        expiresAtMilliseconds: UInt64, enrolmentEndpoints: [String]? = nil, fleetEndpoints: [String]? = nil,
        labels: [String: String]? = nil
    ) {
        self.labels = labels
        self.token = token
        self.enrolmentEndpoint = enrolmentEndpoint
        self.fleetEndpoint = fleetEndpoint
        self.serverPublicKey = serverPublicKey
        self.expiresAtMilliseconds = expiresAtMilliseconds
        self.enrolmentEndpoints = enrolmentEndpoints
        self.fleetEndpoints = fleetEndpoints
    }
}

/// A board that may speak no more.
public struct BoardRevocation: Codable, Equatable, Sendable {
    public var board: String
    /// `true` where nothing has changed; `nil` otherwise.
    public var dryRun: Bool?

    public init(board: String, dryRun: Bool? = nil) { (self.board, self.dryRun) = (board, dryRun) }
}
