public import AgentCore

/// What happens to a board and its models in the course of time; read from a TOML file (`Scenario.parse`).
public struct Scenario: Equatable, Sendable {
    public enum Arrivals: Equatable, Sendable {
        /// A frame every 1 / framesPerSecond.
        case periodic
        /// Frames come independently of each other at that mean rate.
        case poisson
    }

    public struct Point: Equatable, Sendable {
        /// Top-1, 0...1.
        public var accuracy: Double
        /// Run time of one frame on the idle board.
        public var latencyMilliseconds: Double

        public init(accuracy: Double, latencyMilliseconds: Double) {
            self.accuracy = accuracy
            self.latencyMilliseconds = latencyMilliseconds
        }
    }

    public struct Model: Equatable, Sendable {
        public var name: String
        public var priority: Int
        public var framesPerSecond: Double
        public var arrivals: Arrivals
        public var constraintMilliseconds: Double
        public var percentile: Double
        public var mode: BoardManager.Mode
        public var accuracyFloor: Double?
        /// When the model comes to the board and leaves it.
        public var arrivesSeconds: Double
        public var leavesSeconds: Double
        /// Fastest first; accuracy rises with the run time. Empty where `package` says what runs, until that was
        /// measured.
        public var points: [Point]
        /// What runs in real time; without it something that takes as long as the points say.
        public var package: ModelFiles?
    }

    /// The files of a supernet, relative to the scenario's folder unless they start with a slash.
    public struct ModelFiles: Equatable, Sendable {
        public var package: String
        /// As `shoal calibrate` writes them: subnets with their accuracy.
        public var operatingPoints: String
        public var statistics: String?

        public init(package: String, operatingPoints: String, statistics: String?) {
            self.package = package
            self.operatingPoints = operatingPoints
            self.statistics = statistics
        }
    }

    public enum LoadKind: String, Equatable, Sendable {
        /// Other programs on the same processor.
        case competition
        /// The processor itself becomes slower.
        case throttling
    }

    /// Something that slows every run down while it lasts; several at once multiply.
    public struct Load: Equatable, Sendable {
        public var kind: LoadKind
        public var startSeconds: Double
        public var endSeconds: Double
        /// Factor on run times at the start, and at the end, with a straight line between.
        public var slowdown: Double
        public var endSlowdown: Double
    }

    public var name: String
    public var seconds: Double
    public var seed: UInt64
    /// Run times vary by this standard deviation, as a share.
    public var jitter: Double
    public var models: [Model]
    public var loads: [Load]

    /// How much slower than idle the board runs at this time, for one reason or for all.
    public func slowdown(by kind: LoadKind? = nil, atSeconds time: Double) -> Double {
        loads.reduce(1) { product, load in
            guard kind == nil || kind == load.kind, load.startSeconds <= time, time < load.endSeconds else {
                return product
            }
            let share = (time - load.startSeconds) / (load.endSeconds - load.startSeconds)
            return product * (load.slowdown + share * (load.endSlowdown - load.slowdown))
        }
    }

    /// When something changes at once: starts and ends of loads, models that come and leave, between start and end.
    public var stepsSeconds: [Double] {
        let times =
            models.flatMap { [$0.arrivesSeconds, $0.leavesSeconds] }
            + loads.flatMap { [$0.startSeconds, $0.endSeconds] }
        return Set(times).filter { $0 > 0 && $0 < seconds }.sorted()
    }

    /// Frames of all models, on average where arrivals are drawn.
    var meanFrames: Double {
        models.reduce(0) { $0 + $1.framesPerSecond * ($1.leavesSeconds - $1.arrivesSeconds) }
    }

    public func isPresent(_ model: Int, atSeconds time: Double) -> Bool {
        models[model].arrivesSeconds <= time && time < models[model].leavesSeconds
    }
}
