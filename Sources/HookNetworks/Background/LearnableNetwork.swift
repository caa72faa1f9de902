public import SearchSpace

/// A hooked network whose gates learn while another one of the same answers: the two share no memory that changes.
public protocol LearnableNetwork: HookedNetwork {
    /// Replaced between frames.
    var gates: GateSet { get set }
    /// Floats that each gate reads.
    var featureCounts: [Int] { get }

    /// Does one piece of replaying a frame, which takes no longer than to answer it in full.
    /// - Parameter piece: from 0.
    /// - Returns: whether it was the last one.
    func replay(
        _ image: UnsafeBufferPointer<Float>, piece: Int, into samples: inout [GateSamples],
        using generator: inout SeededGenerator
    ) -> Bool
}
