public import FleetModel

/// Boards that people want left alone: they stay connected and go on telling, but are told nothing new.
extension FleetStateMachine {
    /// What models of the board are asked is taken back, as any change of its assignment; or given anew.
    /// - Returns: nothing where the board is not known, or that is how it is already.
    public mutating func boardDrained(_ id: BoardID, _ isDrained: Bool, at now: Instant) -> [Action] {
        guard let state = boards[id]?.state, state.isDrained != isDrained else { return [] }
        boards[id]?.state.isDrained = isDrained
        let event =
            isDrained
            ? Action.record(.boardDrained, id, "drained: its assignment is withdrawn, and nothing new is asked of it")
            : .record(.boardUndrained, id, "takes part again")
        return [event] + assign(id, at: now)
    }

    /// Boards that take part, in the order of their names.
    public var activeStates: [BoardState] { states.filter { !$0.isDrained } }
}
