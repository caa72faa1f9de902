public import GateCalibration

/// The gates of a hooked network, ready to run, replaced all at once. Belongs to whoever has it: a gate works in
/// memory of its own.
public final class GateSet {
    /// `nil` where none has passed its validation.
    let gates: [CompiledGate?]
    /// Budgets below which a gate would take more time than its decisions save.
    let smallestBudgets: [Float]
    /// What they are held to where a budget is asked for.
    let budgets: BudgetMap

    public convenience init(
        _ gates: [Gate?], smallestBudgets: [Float]? = nil, budgets: BudgetMap = .identity
    ) {
        self.init(
            compiled: gates.map { $0.map(CompiledGate.init) }, smallestBudgets ?? gates.map { _ in 0 }, budgets)
    }

    convenience init(of hooks: [HookState.Hook], budgets: BudgetMap) {
        self.init(
            hooks.map(\.usableGate),
            smallestBudgets: hooks.indices.map { GateWorth.smallestBudget(of: $0, in: hooks) }, budgets: budgets)
    }

    private init(compiled gates: [CompiledGate?], _ smallestBudgets: [Float], _ budgets: BudgetMap) {
        (self.gates, self.smallestBudgets, self.budgets) = (gates, smallestBudgets, budgets)
    }

    /// The same gates, in the same memory, held to every budget as it is asked for.
    var unmapped: GateSet { GateSet(compiled: gates, smallestBudgets, .identity) }
}
