/// Runs plans, one at a time, in one arena. Belongs to one thread.
public final class Session {
    private let arena: AlignedBuffer

    /// An arena that every one of the plans fits into, so that switching between them allocates nothing.
    public init(for plans: [Plan]) {
        arena = AlignedBuffer(count: plans.map(\.arenaCount).max() ?? 0)
    }

    public var arenaBytes: Int { arena.byteCount }

    /// Computes the plan for a planar image (channel, row, column), already normalised.
    /// - Returns: the output, valid until the next run.
    /// - Precondition: the plan is among those that the session was made for, or needs no larger arena.
    public func run(_ plan: Plan, on image: UnsafeBufferPointer<Float>) -> UnsafeBufferPointer<Float> {
        precondition(plan.arenaCount <= arena.count, "the plan needs an arena of \(plan.arenaCount) floats")
        plan.place(image, in: arena.base)
        plan.operations.withUnsafeBufferPointer { operations in
            for index in 0..<operations.count { operations[index].perform(in: arena.base) }
        }
        return plan.output(in: arena.base)
    }

    /// Like `run`, and adds each group's time in nanoseconds to `times`, by the clock handed in.
    public func run(
        _ plan: Plan, on image: UnsafeBufferPointer<Float>, adding times: inout [UInt64], clock: () -> UInt64
    ) {
        precondition(plan.arenaCount <= arena.count && times.count == plan.groups.count, "times for another plan")
        plan.place(image, in: arena.base)
        var start = clock()
        for index in plan.operations.indices {
            plan.operations[index].perform(in: arena.base)
            let isLast = index + 1 == plan.operations.count || plan.steps[index + 1].group != plan.steps[index].group
            guard isLast else { continue }
            let end = clock()
            times[plan.steps[index].group] += end - start
            start = end
        }
    }
}
