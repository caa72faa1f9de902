import CKernels

extension InstructionSet {
    /// The most floating-point operations per nanosecond that one core does, by multiply-adds between registers.
    /// - Parameter clock: nanoseconds.
    public func measuredPeak(clock: () -> UInt64) -> Double {
        let rounds: Int32 = 20_000
        var result: Float = 0
        var best = 0.0
        for _ in 0..<50 {
            let start = clock()
            let flops = ck_peak(code, rounds, &result)
            let nanoseconds = max(1, clock() - start)
            best = max(best, Double(flops) * Double(rounds) / Double(nanoseconds))
        }
        return best
    }
}
