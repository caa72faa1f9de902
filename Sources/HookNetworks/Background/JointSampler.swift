import GateCalibration
import SearchSpace

/// Measures what the gates of a learner damage together, beside their learning: now and then a frame is not sampled but
/// answered at some rungs of the ladder of budgets, each to its end. No gate learns from such a frame.
struct JointSampler {
    /// Frames from one that is measured to the next.
    static let interval = 6
    /// Rungs from one that a frame is answered at to the next.
    static let stride = 4
    /// Images that what was measured counts as once there are other gates: enough to hold budgets until more is known.
    static let memory = DamageCurve.fewestImages
    /// Measured frames after which budgets are held anew.
    static let republishing = 20

    private(set) var curve: DamageCurve
    /// Whether the frame that is being replayed is measured.
    private(set) var isMeasuring = false
    /// Frames measured so far.
    private(set) var measured = 0
    private var frames = 0
    private var first = 0
    private var full: [Float] = []

    init(_ curve: DamageCurve?) { self.curve = curve ?? DamageCurve() }

    /// - Parameter decides: whether there is a gate to be measured.
    mutating func frameBegan(decides: Bool, using generator: inout SeededGenerator) {
        frames += 1
        isMeasuring = decides && frames % Self.interval == 0
        if isMeasuring { first = Int.random(in: 0..<Self.stride, using: &generator) }
    }

    /// Answers the frame in full first, then at one rung a piece.
    /// - Parameter network: whose gates are held to budgets as they are asked for.
    /// - Returns: whether it was the last piece.
    mutating func measure(_ network: any HookedNetwork, _ image: UnsafeBufferPointer<Float>, piece: Int) -> Bool {
        guard piece > 0 else {
            full = Array(network.answer(image, budget: -1).logits)
            return false
        }
        let rung = first + (piece - 1) * Self.stride
        curve.add(network, image, full: full, at: rung)
        guard rung + Self.stride >= DamageCurve.rungs.count else { return false }
        measured += 1
        return true
    }

    /// Whether so much was measured since the last time that budgets are to be held anew.
    var isDue: Bool { measured > 0 && measured % Self.republishing == 0 }

    /// What others did says less and less about what these do.
    mutating func gatesChanged() { curve.fade(to: Self.memory) }
}
