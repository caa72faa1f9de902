import CKernels

extension KernelSet {
    /// The most operations per nanosecond that one core does on maps of an element, by multiply-adds between registers
    /// with the instruction that its kernels use.
    /// - Parameter clock: nanoseconds.
    public func measuredPeak(_ element: MapElement, clock: () -> UInt64) -> Double {
        let peak = kernel(CK_OP_PEAK, element)
        let rounds: Int32 = 20_000
        var (result, flops): (Float, Int32) = (0, 0)
        var best = 0.0
        for _ in 0..<50 {
            let nanoseconds = withUnsafeMutablePointer(to: &result) { result in
                withUnsafeMutablePointer(to: &flops) { flops in
                    var call = ck_peak(rounds: rounds, flops: flops, result: result)
                    let start = clock()
                    peak(&call, 0, 1)
                    return max(1, clock() - start)
                }
            }
            best = max(best, Double(flops) * Double(rounds) / Double(nanoseconds))
        }
        return best
    }
}
