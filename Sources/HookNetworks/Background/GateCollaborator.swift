/// Learns gates together with other boards, in place of training them from nothing. Called on the learner's thread
/// alone.
public protocol GateCollaborator: Sendable {
    /// Trains on this board's samples, by hook.
    /// - Parameter mayGoOn: asked between pieces of work; the training is given up where it says no.
    /// - Returns: the gates of this board, by hook; `nil` where it was given up.
    func train(_ samples: [GateSamples], seed: UInt64, mayGoOn: () -> Bool) -> [Gate?]?
    /// Does what other boards' gates ask for between two frames.
    /// - Returns: gates to go on with, by hook, where there are newer ones.
    func attend(_ samples: [GateSamples]) -> [Gate?]?
    /// The gates that were returned last are with the thread that decides by them.
    func published()
}
