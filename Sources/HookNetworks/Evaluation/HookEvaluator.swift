public import Engine
public import GateCalibration
import Glibc
import Supernets

/// Measures hooked networks against the plain one: accuracy, divergence, calibration, work, and time on one thread.
///
/// Times are those of a stream: images come in groups, and each network, the plain one too, runs a whole group after
/// one image that does not count, so that it finds the caches as its own frames leave them, not as another network
/// does. Networks take turns from group to group, so that all see the same machine.
public struct HookEvaluator {
    /// Images of a group.
    public static let groupCount = 16

    /// Sums over images at one budget, or of the plain network.
    public struct Sums: Sendable {
        public internal(set) var correct = 0
        /// Answers with the plain network's class.
        public internal(set) var agreeing = 0
        /// Total variation distances.
        public internal(set) var moved = 0.0
        /// Damages as the budget counts them, and their squares.
        public internal(set) var damage = 0.0
        var squaredDamage = 0.0
        /// Of answers that a gate has predicted the damage of.
        public internal(set) var predictions = PredictionCalibration()
        public internal(set) var flops = 0
        /// Per image, the shortest of its runs.
        public internal(set) var nanoseconds: UInt64 = 0
        /// The same of the thread's processor time, which other programs disturb less.
        public internal(set) var processorNanoseconds: UInt64 = 0
        public internal(set) var taken = 0
        public internal(set) var decisions = 0
        /// Of each hook, images where its decision was taken.
        public internal(set) var takenByHook: [Int] = []
        public internal(set) var calibration = ConfidenceCalibration()
    }

    /// A network at a budget.
    public struct Candidate {
        public let network: any HookedNetwork
        public let budget: Float

        public init(_ network: any HookedNetwork, budget: Float) { (self.network, self.budget) = (network, budget) }
    }

    private let session: Session
    private let network: Plan
    public let candidates: [Candidate]
    private let repeats: Int
    private var groups = 0
    /// Before an image is run, for the readings of its frame; its position among all images.
    public var prepare: (Int, FrameReadings) -> Void = { _, _ in }
    public private(set) var images = 0
    public private(set) var plain = Sums()
    /// By candidate.
    public private(set) var hooked: [Sums]

    /// - Parameter repeats: runs of each image by each candidate, of which the shortest counts: other programs take
    ///   the processor now and then.
    public init(_ candidates: [Candidate], plain: Plan, repeats: Int) {
        precondition(repeats > 0, "\(repeats) repeats")
        (self.candidates, network, self.repeats) = (candidates, plain, repeats)
        session = Session(for: [plain])
        hooked = candidates.map { _ in Sums() }
    }

    /// Runs everything on every image once for its answer, then in turn as often as there are repeats for its time.
    public mutating func evaluate(_ group: [UnsafeBufferPointer<Float>], labels: [Int]?) {
        guard let last = group.last else { return }
        for (position, image) in group.enumerated() {
            let (full, label) = (session.run(network, on: image), labels?[position])
            plain.flops += network.flops
            if full.indexOfMaximum == label { plain.correct += 1 }
            if let label {
                plain.calibration.add(Double(Softmax(full).largest), isCorrect: full.indexOfMaximum == label)
            }
            for (index, candidate) in candidates.enumerated() {
                ready(candidate, position)
                let answer = candidate.network.answer(image, budget: candidate.budget)
                hooked[index].add(answer, full: full, label: label)
                hooked[index].add(candidate.network.damage(of: answer, full: full), answer.predictedDamage)
                hooked[index].add(candidate.network.decisions)
            }
        }
        for turn in 0...candidates.count {
            let one = (turn + groups) % (candidates.count + 1)
            var best = [Instant](repeating: Instant(wall: .max, processor: .max), count: group.count)
            for _ in 0..<repeats {
                run(one, last)
                for (position, image) in group.enumerated() {
                    if one > 0 { ready(candidates[one - 1], position) }
                    let start = Instant.now()
                    run(one, image)
                    best[position].improve(Instant.now().since(start))
                }
            }
            for time in best { if one == 0 { plain.add(time) } else { hooked[one - 1].add(time) } }
        }
        images += group.count
        groups += 1
    }

    private func ready(_ candidate: Candidate, _ position: Int) {
        if let readings = candidate.network.readings { prepare(images + position, readings) }
    }

    private func run(_ one: Int, _ image: UnsafeBufferPointer<Float>) {
        if one == 0 {
            _ = session.run(network, on: image)
        } else {
            _ = candidates[one - 1].network.answer(image, budget: candidates[one - 1].budget)
        }
    }

    /// Gated over plain.
    public func latencyRatio(_ index: Int) -> Double {
        Double(hooked[index].nanoseconds) / Double(max(1, plain.nanoseconds))
    }

    /// The same by the thread's processor time.
    public func processorRatio(_ index: Int) -> Double {
        Double(hooked[index].processorNanoseconds) / Double(max(1, plain.processorNanoseconds))
    }

    public func flopsRatio(_ index: Int) -> Double { Double(hooked[index].flops) / Double(max(1, plain.flops)) }
}

extension HookEvaluator.Sums {
    mutating func add(_ answer: HookedAnswer, full: UnsafeBufferPointer<Float>, label: Int?) {
        let best = answer.logits.indexOfMaximum
        if best == label { correct += 1 }
        if best == full.indexOfMaximum { agreeing += 1 }
        moved += Double(Divergence.totalVariation(full, answer.logits))
        flops += answer.flops
        taken += answer.taken
        decisions += answer.decisions
        if let label { calibration.add(Double(Softmax(answer.logits).largest), isCorrect: best == label) }
    }

    mutating func add(_ damage: Float, _ prediction: Float?) {
        self.damage += Double(damage)
        squaredDamage += Double(damage) * Double(damage)
        if let prediction { predictions.add(prediction: prediction, damage: damage) }
    }

    /// Standard error of the mean of counted damages.
    public func damageError(images: Int) -> Double {
        guard images > 1 else { return 0 }
        let mean = damage / Double(images)
        return (max(0, squaredDamage / Double(images) - mean * mean) / Double(images - 1)).squareRoot()
    }

    mutating func add(_ decisions: UnsafeBufferPointer<Float>) {
        if takenByHook.isEmpty { takenByHook = decisions.map { _ in 0 } }
        for index in decisions.indices where decisions[index] > 0 { takenByHook[index] += 1 }
    }

    fileprivate mutating func add(_ time: Instant) {
        nanoseconds += time.wall
        processorNanoseconds += time.processor
    }

    public var skipRatio: Double { decisions == 0 ? 0 : Double(taken) / Double(decisions) }
}

/// A time by two clocks, in nanoseconds.
private struct Instant {
    var wall: UInt64
    var processor: UInt64

    static func now() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Instant(
            wall: PlanTimer.now(), processor: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    func since(_ start: Instant) -> Instant {
        Instant(wall: wall - start.wall, processor: processor - start.processor)
    }

    mutating func improve(_ other: Instant) {
        wall = min(wall, other.wall)
        processor = min(processor, other.processor)
    }
}
