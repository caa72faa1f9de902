package import CKernels

/// Runs plans, one at a time, in one arena. Belongs to one thread, which calls it.
public final class Session {
    let arena: AlignedBuffer
    /// `nil` on one thread, where nothing is shared or waited for.
    private let team: ThreadTeam?
    /// Operations of the longest plan.
    private let capacity: Int
    /// The plan that `run(on:)` computes.
    public private(set) var active: Plan?

    /// An arena that every one of the plans fits into, so that switching between them allocates nothing.
    /// - Parameter threads: how many share each inference, the caller's included.
    public init(for plans: [Plan], threads: Int = 1) {
        precondition(threads > 0, "\(threads) threads")
        arena = AlignedBuffer(count: plans.map(\.arenaCount).max() ?? 0)
        capacity = plans.map(\.operations.count).max() ?? 0
        team = threads == 1 ? nil : ThreadTeam(threads: threads, capacity: capacity)
    }

    public var arenaBytes: Int { arena.byteCount }

    /// Makes a plan the active one, between two runs: the whole of a switch.
    /// - Precondition: the plan is among those that the session was made for, or needs no larger arena.
    public func activate(_ plan: Plan) {
        precondition(plan.arenaCount <= arena.count, "the plan needs an arena of \(plan.arenaCount) floats")
        active = plan
    }

    /// Computes the active plan.
    /// - Precondition: a plan was activated.
    public func run(on image: UnsafeBufferPointer<Float>) -> UnsafeBufferPointer<Float> {
        guard let active else { preconditionFailure("no plan was activated") }
        return run(active, on: image)
    }

    /// Computes the plan for a planar image (channel, row, column), already normalised.
    /// - Returns: the output, in the session's arena: valid until the next run and as long as the session lives.
    /// - Precondition: the plan is among those that the session was made for, or needs no larger arena.
    public func run(_ plan: Plan, on image: UnsafeBufferPointer<Float>) -> UnsafeBufferPointer<Float> {
        precondition(plan.arenaCount <= arena.count, "the plan needs an arena of \(plan.arenaCount) floats")
        plan.place(image, in: arena.base)
        perform(plan)
        return plan.output(in: arena.base)
    }

    /// Computes a plan of several inputs, the first one an image like any other.
    /// - Returns: the outputs, in the session's arena: valid until the next run and as long as the session lives.
    public func run(_ plan: Plan, on inputs: [UnsafeBufferPointer<Float>]) -> [UnsafeBufferPointer<Float>] {
        precondition(plan.arenaCount <= arena.count, "the plan needs an arena of \(plan.arenaCount) floats")
        precondition(inputs.count == plan.inputs.count + 1, "\(inputs.count) inputs")
        plan.place(inputs[0], in: arena.base)
        for index in plan.inputs.indices { plan.place(inputs[index + 1], at: index, in: arena.base) }
        perform(plan)
        return plan.outputs.indices.map { plan.output($0, in: arena.base) }
    }

    private func perform(_ plan: Plan) {
        plan.operations.withUnsafeBufferPointer { operations in
            if let team {
                precondition(operations.count <= capacity, "a plan of \(operations.count) operations")
                team.run(operations, in: arena.base)
            } else {
                for index in 0..<operations.count { operations[index].perform(in: arena.base) }
            }
        }
    }

    /// Calls a kernel on its own, in parts where threads share the session and the work is worth it.
    package func share(_ parameters: ck_product, of flops: Int, with function: ck_function) {
        if let team, flops >= 1 << 20 {
            team.run(function, parameters)
        } else {
            withUnsafePointer(to: parameters) { function($0, 0, 1) }
        }
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

    /// Like `run` on the caller's thread alone, and writes when each operation begins and the last one ends.
    /// - Parameter instants: by the clock handed in; one more than the plan has operations.
    public func run(
        _ plan: Plan, on image: UnsafeBufferPointer<Float>, writing instants: inout [UInt64], clock: () -> UInt64
    ) {
        precondition(plan.arenaCount <= arena.count, "the plan needs an arena of \(plan.arenaCount) floats")
        precondition(instants.count == plan.operations.count + 1, "instants for another plan")
        plan.place(image, in: arena.base)
        instants[0] = clock()
        for index in plan.operations.indices {
            plan.operations[index].perform(in: arena.base)
            instants[index + 1] = clock()
        }
    }
}
