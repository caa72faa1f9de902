import CKernels

/// The caller's thread and some helpers that share the operations of one plan after another.
///
/// Owned by one session; the helpers sleep while there is nothing to run, and end with it.
final class ThreadTeam {
    private let team: OpaquePointer
    private let threads: Int

    /// - Parameters:
    ///   - threads: the caller included; at least two.
    ///   - capacity: operations of the longest plan.
    init(threads: Int, capacity: Int) {
        guard let team = ck_team_create(Int32(threads), Int32(max(1, capacity))) else {
            preconditionFailure("the system gives no \(threads) threads")
        }
        self.team = team
        self.threads = threads
    }

    deinit { ck_team_destroy(team) }

    private struct Run {
        let operations: UnsafeBufferPointer<PlanOperation>
        let arena: UnsafeMutablePointer<Float>
    }

    func run(_ operations: UnsafeBufferPointer<PlanOperation>, in arena: UnsafeMutablePointer<Float>) {
        for index in 0..<operations.count {
            ck_team_cut(team, Int32(index), operations[index].parts(threads: threads))
        }
        var run = Run(operations: operations, arena: arena)
        ck_team_run(
            team, Int32(operations.count),
            { context, index, part, parts in
                guard let run = context?.assumingMemoryBound(to: Run.self) else { return }
                run.pointee.operations[Int(index)].perform(in: run.pointee.arena, part: part, of: parts)
            }, &run)
    }

    private struct Call {
        let function: ck_function
        let parameters: ck_product
    }

    /// One kernel, cut into four parts for each thread.
    func run(_ function: ck_function, _ parameters: ck_product) {
        ck_team_cut(team, 0, Int32(4 * threads))
        var call = Call(function: function, parameters: parameters)
        ck_team_run(
            team, 1,
            { context, _, part, parts in
                guard let call = context?.assumingMemoryBound(to: Call.self) else { return }
                withUnsafePointer(to: call.pointee.parameters) { call.pointee.function($0, part, parts) }
            }, &call)
    }
}
