/// The gates of a hooked network, ready to run, replaced all at once. Belongs to whoever has it: a gate works in
/// memory of its own.
public final class GateSet {
    /// `nil` where none has passed its validation.
    let gates: [CompiledGate?]
    /// Budgets below which a gate would take more time than its decisions save.
    let smallestBudgets: [Float]

    public init(_ gates: [Gate?], smallestBudgets: [Float]? = nil) {
        self.gates = gates.map { $0.map(CompiledGate.init) }
        self.smallestBudgets = smallestBudgets ?? gates.map { _ in 0 }
    }

    init(of hooks: [HookState.Hook]) {
        gates = hooks.map { $0.usableGate.map(CompiledGate.init) }
        smallestBudgets = hooks.indices.map { GateWorth.smallestBudget(of: $0, in: hooks) }
    }
}
