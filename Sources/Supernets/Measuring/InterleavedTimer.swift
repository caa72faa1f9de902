public import Engine

/// Times several plans in turn, one run each, so that all of them see the same machine.
public enum InterleavedTimer {
    /// Runs of each plan that go before the measured ones.
    public static let warmUpRuns = 3

    /// Milliseconds of every run of one plan, in order.
    public struct Times: Sendable {
        public fileprivate(set) var wall: [Double] = []
        /// Of all threads of this process: what is comparable on one thread where other programs take the processors.
        public fileprivate(set) var processor: [Double] = []
    }

    public static func measure(_ plans: [Plan], repeats: Int, threads: Int = 1) -> [Times] {
        precondition(repeats > 0 && !plans.isEmpty, "\(repeats) repeats of \(plans.count) plans")
        let session = Session(for: plans, threads: threads)
        let images = plans.map { TestImage($0.inputShape) }
        var times = plans.map { _ in Times() }
        for run in 0..<repeats + warmUpRuns {
            for (index, plan) in plans.enumerated() {
                session.activate(plan)
                let processorStart = PlanTimer.processorTime()
                let start = PlanTimer.now()
                _ = session.run(on: images[index].values)
                let end = PlanTimer.now()
                let processorEnd = PlanTimer.processorTime()
                guard run >= warmUpRuns else { continue }
                times[index].wall.append(Double(end - start) / 1e6)
                times[index].processor.append(Double(processorEnd - processorStart) / 1e6)
            }
        }
        return times
    }
}

/// An image of a fixed pattern of values within -1...1, for measurements that need no particular one.
public struct TestImage {
    private let buffer: AlignedBuffer
    public var values: UnsafeBufferPointer<Float> { UnsafeBufferPointer(start: buffer.base, count: buffer.count) }

    public init(_ shape: PlanOperation.Shape) {
        buffer = AlignedBuffer(count: shape.channels * shape.pixels)
        for index in 0..<buffer.count { buffer.base[index] = Float(index % 251) / 125 - 1 }
    }
}
