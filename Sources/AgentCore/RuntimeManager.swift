/// Chooses the operating point for a model's next frame from what the last frames measured.
///
/// The runtime manager of Dynamic-OFA (Lou et al., CVPRW 2021, section 3.3), both ways:
///
/// - `lookUp` estimates how much slower than idle the board is just now and takes at once the most accurate point
///   that would still meet the constraint;
/// - `steps` goes one point down when frames break the constraint, and one up after a quiet while.
///
/// Both hold three laws. A point is affordable when the share of time it keeps the board busy, at the speed seen,
/// leaves `headroom`: under a competing program the single run looks normal while the queue grows, so latency alone
/// tells too late. Falling is immediate, and starts when latency comes near the constraint rather than when it is
/// broken; climbing waits (`climbMilliseconds`). A climb is on trial for as long: if it fails, the point before it
/// comes back at the first sign, the next climb waits twice as long, and one point at a time is tried until the failed
/// one holds, so that a point just out of reach neither breaks frames nor makes the board oscillate. Small points look
/// undisturbed under load and without, so only trying tells when it has ended: waits are bounded, and shrink with every
/// climb that holds. The envelope of the assignment is never left.
///
/// Runs on the inference path: no allocation, no lock.
public struct RuntimeManager: Sendable {
    public enum Mode: String, Sendable, CaseIterable, Decodable { case lookUp, steps }

    public struct Settings: Equatable, Sendable {
        public var mode: Mode
        /// Frames that may arrive per second; bounds what the board must finish.
        public var framesPerSecond: Double
        /// Highest share of the available time that a point may take, 0...1.
        public var headroom: Double = 0.8
        /// Share of the constraint that a point's own run may take at the speed seen, 0...1.
        public var latencyShare: Double = 0.5
        /// Share of the constraint from which a frame's latency counts as strained, 0...1.
        public var strainShare: Double = 0.7
        /// Strained frames in a row before the manager goes down; on trial after a climb one is enough.
        public var tolerance: Int = 2
        /// A point is held for at least this long before the manager goes down again.
        public var settleMilliseconds: Double = 60
        /// Time without a strained frame before the manager climbs.
        public var climbMilliseconds: Double = 1_500
        /// Longest wait after failed climbs; bounds how long the end of a load goes unnoticed.
        public var longestClimbMilliseconds: Double = 3_000
        /// Shortest wait after climbs that succeeded in a row.
        public var shortestClimbMilliseconds: Double = 250

        public init(mode: Mode, framesPerSecond: Double) {
            self.mode = mode
            self.framesPerSecond = framesPerSecond
        }
    }

    /// What the coordinator allows; see `ModelAssignment`.
    public struct Envelope: Equatable, Sendable {
        public var latencyMilliseconds: Double
        public var lowest: Int
        public var highest: Int
        public var preferred: Int

        public init(latencyMilliseconds: Double, lowest: Int, highest: Int, preferred: Int) {
            self.latencyMilliseconds = latencyMilliseconds
            self.lowest = lowest
            self.highest = highest
            self.preferred = preferred
        }
    }

    private let settings: Settings
    /// Milliseconds per run on the idle board, by point, fastest first.
    private let idle: [Double]
    private var envelope: Envelope
    private var speed: SpeedEstimate
    private var strainedInARow = 0
    private var quietSince = 0.0
    private var changedAt = -Double.infinity
    private var trial: Trial?
    private var climbWait: Double
    /// The point that the last failed climb tried; `nil` once a climb to it has succeeded.
    private var failedPoint: Int?
    public private(set) var point: Int
    public private(set) var switches: UInt64 = 0
    /// How much slower than on the idle board the last runs were.
    public var slowdown: Double { speed.slowdown }

    /// - Parameter idleMilliseconds: measured on the idle board, one per operating point, fastest first.
    /// - Precondition: at least one point, all positive.
    public init(settings: Settings, idleMilliseconds: [Double]) {
        precondition(!idleMilliseconds.isEmpty && idleMilliseconds.allSatisfy { $0 > 0 }, "points need latencies")
        precondition(settings.framesPerSecond > 0, "\(settings.framesPerSecond) frames per second")
        self.settings = settings
        idle = idleMilliseconds
        envelope = Envelope(
            latencyMilliseconds: .infinity, lowest: 0, highest: idleMilliseconds.count - 1,
            preferred: idleMilliseconds.count - 1)
        speed = SpeedEstimate(framesPerSecond: settings.framesPerSecond)
        climbWait = settings.climbMilliseconds
        point = idleMilliseconds.count - 1
    }

    /// Takes over a new envelope; the point moves only if it lies outside, or nothing was assigned before.
    public mutating func assignmentChanged(_ new: Envelope, atMilliseconds now: Double) {
        precondition(0 <= new.lowest && new.lowest <= new.highest && new.highest < idle.count, "envelope \(new)")
        let isFirst = envelope.latencyMilliseconds == .infinity
        adopt(new, at: now)
        move(to: isFirst ? new.preferred : point, at: now)
    }

    /// Nothing is assigned any more; only the frame rate bounds the point from now on, as before the first assignment.
    public mutating func assignmentWithdrawn(atMilliseconds now: Double) {
        adopt(.init(latencyMilliseconds: .infinity, lowest: 0, highest: idle.count - 1, preferred: point), at: now)
    }

    private mutating func adopt(_ new: Envelope, at now: Double) {
        envelope = new
        quietSince = now
        climbWait = settings.climbMilliseconds
        trial = nil
        failedPoint = nil
    }

    /// A climb that has not proved itself.
    private struct Trial: Sendable {
        var before: Int
        var since: Double
    }

    /// What one frame measured.
    public struct Frame: Sendable {
        /// From arrival to result.
        public var latencyMilliseconds: Double
        /// From the start of the run to its end.
        public var serviceMilliseconds: Double
        /// Frames given up since the last one.
        public var dropped: Int

        public init(latencyMilliseconds: Double, serviceMilliseconds: Double, dropped: Int) {
            self.latencyMilliseconds = latencyMilliseconds
            self.serviceMilliseconds = serviceMilliseconds
            self.dropped = dropped
        }
    }

    /// - Parameter now: milliseconds of a clock that only rises.
    /// - Returns: the point for the next frame.
    public mutating func frameCompleted(_ frame: Frame, atMilliseconds now: Double) -> Int {
        speed.add(slowdown: frame.serviceMilliseconds / idle[point])
        let limit = settings.strainShare * envelope.latencyMilliseconds
        let isStrained = frame.latencyMilliseconds > limit || frame.dropped > 0
        strainedInARow = isStrained ? strainedInARow + 1 : 0
        if isStrained { quietSince = now }
        if let trial {
            judge(trial, isStrained: isStrained, at: now)
        } else if strainedInARow >= settings.tolerance || frame.dropped > 0 {
            fall(at: now)
        } else if now - quietSince >= climbWait, now - changedAt >= climbWait {
            climb(at: now)
        }
        return point
    }

    private mutating func judge(_ trial: Trial, isStrained: Bool, at now: Double) {
        if isStrained {
            self.trial = nil
            failedPoint = point
            climbWait = min(2 * max(climbWait, settings.climbMilliseconds), settings.longestClimbMilliseconds)
            move(to: trial.before, at: now)
        } else if now - trial.since >= min(climbWait, settings.climbMilliseconds) {
            self.trial = nil
            if let failedPoint, point >= failedPoint { self.failedPoint = nil }
            climbWait = max(min(climbWait, settings.climbMilliseconds) / 3, settings.shortestClimbMilliseconds)
        }
    }

    private mutating func fall(at now: Double) {
        guard now - changedAt >= settings.settleMilliseconds, point > envelope.lowest else { return }
        climbWait = max(climbWait, settings.climbMilliseconds)
        move(to: settings.mode == .lookUp ? min(point - 1, mostAccurateAffordable) : point - 1, at: now)
        strainedInARow = 0
    }

    private mutating func climb(at now: Double) {
        quietSince = now
        guard point < envelope.highest else { return }
        let target = settings.mode == .lookUp && failedPoint == nil ? mostAccurateAffordable : point + 1
        guard target > point, isAffordable(target) else { return }
        trial = Trial(before: point, since: now)
        move(to: target, at: now)
    }

    private var mostAccurateAffordable: Int {
        var candidate = envelope.highest
        while candidate > envelope.lowest, !isAffordable(candidate) { candidate -= 1 }
        return candidate
    }

    private func isAffordable(_ candidate: Int) -> Bool {
        let service = idle[candidate] * speed.slowdown
        return service * settings.framesPerSecond <= settings.headroom * 1_000
            && service <= settings.latencyShare * envelope.latencyMilliseconds
    }

    private mutating func move(to target: Int, at now: Double) {
        let target = min(max(target, envelope.lowest), envelope.highest)
        guard target != point else { return }
        point = target
        changedAt = now
        switches += 1
    }
}

/// How much slower than idle the board runs, from the last runs: a mean over half a second, but at least 16 runs and at
/// most 48.
///
/// The mean, not the median: a competing program takes the processor in slices, so that most runs look undisturbed and
/// a few last very long; only their sum shows the share that is left.
struct SpeedEstimate: Sendable {
    private let weight: Double
    private(set) var slowdown = 1.0

    init(framesPerSecond: Double) { weight = 1 / min(max(framesPerSecond / 2, 16), 48) }

    mutating func add(slowdown sample: Double) {
        guard sample.isFinite, sample > 0 else { return }
        slowdown += (sample - slowdown) * weight
    }
}
