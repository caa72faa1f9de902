public import FleetModel
import ResourceAllocation

/// What a policy would change on one board.
public struct AssignmentPreview: Equatable, Sendable {
    public var board: BoardID
    /// As the board is told now and as it would be, in the order of model names; a model that no policy rules is in
    /// neither.
    public var before: [ModelAssignment]
    public var after: [ModelAssignment]
    /// Why the policies could not all be met there; empty where that is no different from now.
    public var infeasible: [String]

    public init(board: BoardID, before: [ModelAssignment], after: [ModelAssignment], infeasible: [String]) {
        (self.board, self.before, self.after, self.infeasible) = (board, before, after, infeasible)
    }
}

extension FleetStateMachine {
    /// Boards that would be told something else were the policy in force in place of the one of its name, or could not
    /// meet what they can meet now; in the order of their names. Decided as `policiesChanged` decides it.
    ///
    /// A policy with windows is taken as within them.
    public func preview(of policy: Policy) -> [AssignmentPreview] {
        var policy = policy
        policy.windows = nil
        return preview { id in policiesInForce(on: id).filter { $0.name != policy.name } + [policy] }
    }

    /// The same were there no policy of that name.
    public func preview(withoutPolicy name: String) -> [AssignmentPreview] {
        preview { id in policiesInForce(on: id).filter { $0.name != name } }
    }

    private func preview(under policies: (BoardID) -> [Policy]) -> [AssignmentPreview] {
        let interference = ClassInterference(of: believed)
        return activeStates.compactMap { state in
            let id = state.board.id
            let plan = AssignmentPlan(
                for: state.board, policies: policies(id), reserve: settings.reserve,
                interference: interference.predicted(for: state.board))
            let infeasible = plan.infeasible.filter { !state.infeasible.contains($0) }
            guard plan.models != state.desired.models || !infeasible.isEmpty else { return nil }
            return AssignmentPreview(
                board: id, before: state.desired.models, after: plan.models, infeasible: infeasible)
        }
    }

    /// By the clock that was read last.
    public func isInForce(_ policy: Policy) -> Bool { policy.isInForce(atSecondsSince1970: clockSeconds) }
}
