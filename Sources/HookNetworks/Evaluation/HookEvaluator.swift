public import Engine
import Glibc
import Supernets

/// Measures a hooked network against the plain one: accuracy, divergence, work, and time on one thread.
public struct HookEvaluator {
    /// Sums over images at one budget, or of the plain network.
    public struct Sums: Sendable {
        public internal(set) var correct = 0
        /// Answers with the plain network's class.
        public internal(set) var agreeing = 0
        public internal(set) var damage = 0.0
        public internal(set) var flops = 0
        /// Per image, the shortest of its runs.
        public internal(set) var nanoseconds: UInt64 = 0
        /// The same of the thread's processor time, which other programs disturb less.
        public internal(set) var processorNanoseconds: UInt64 = 0
        public internal(set) var taken = 0
        public internal(set) var decisions = 0
    }

    private let session: Session
    private let network: any HookedNetwork
    public let budgets: [Float]
    private let repeats: Int
    public private(set) var images = 0
    public private(set) var plain = Sums()
    public private(set) var hooked: [Sums]

    /// - Parameter repeats: runs of each image at each budget, of which the shortest counts: other programs take the
    ///   processor now and then.
    public init(_ network: any HookedNetwork, budgets: [Float], repeats: Int) {
        precondition(repeats > 0, "\(repeats) repeats")
        (self.network, self.budgets, self.repeats) = (network, budgets, repeats)
        session = Session(for: [network.plain])
        hooked = budgets.map { _ in Sums() }
    }

    /// Runs the plain network and every budget once untimed, then in turn as often as there are repeats.
    public mutating func evaluate(_ image: UnsafeBufferPointer<Float>, label: Int?) {
        // Not timed: finds the caches cold from whatever prepared the image.
        let full = session.run(network.plain, on: image)
        plain.flops += network.plain.flops
        if full.indexOfMaximum == label { plain.correct += 1 }
        for (index, budget) in budgets.enumerated() {
            hooked[index].add(network.answer(image, budget: budget), full: full, label: label)
        }
        var best = [Instant](repeating: Instant(wall: .max, processor: .max), count: budgets.count + 1)
        for run in 0..<repeats * best.count {
            // Each is now and then the first, and follows another from image to image.
            let turn = (run + images) % best.count
            let start = Instant.now()
            if turn == 0 {
                _ = session.run(network.plain, on: image)
            } else {
                _ = network.answer(image, budget: budgets[turn - 1])
            }
            best[turn].improve(Instant.now().since(start))
        }
        images += 1
        plain.add(best[0])
        for index in budgets.indices { hooked[index].add(best[index + 1]) }
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
        damage += Double(Divergence.totalVariation(full, answer.logits))
        flops += answer.flops
        taken += answer.taken
        decisions += answer.decisions
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
