public import FleetModel

/// Recognises frames that were heard before. Within a session the sequence only rises; a session that was replaced
/// by a newer one stays refused. Pure: the verdicts follow from the order of the frames alone.
///
///     unknown session ──frame──▶ current ──frame of another unknown session──▶ replaced (refused)
///
/// Bounded in both directions: at most `peerLimit` peers, and per peer the last `FleetLimits.replacedSessions`
/// sessions. A session replaced before those could be taken up again; CURVE's own nonces stop that on the network,
/// so the guard has to hold only against a peer's own mistakes.
public struct ReplayGuard<Peer: Hashable & Sendable>: Sendable {
    public enum Verdict: Equatable, Sendable {
        case fresh
        /// The sequence did not rise.
        case replayed
        /// The session was replaced by a newer one.
        case superseded
        case peerLimitReached
    }

    private struct Track: Sendable {
        var session: UInt64
        var sequence: UInt64
        /// Oldest first.
        var replaced: [UInt64] = []
    }

    private let peerLimit: Int
    private var tracks: [Peer: Track] = [:]

    public init(peerLimit: Int = FleetLimits.boards) {
        precondition(peerLimit > 0, "a guard needs room for a peer")
        self.peerLimit = peerLimit
    }

    public mutating func frameReceived(_ header: FrameHeader, from peer: Peer) -> Verdict {
        guard var track = tracks[peer] else {
            guard tracks.count < peerLimit else { return .peerLimitReached }
            tracks[peer] = Track(session: header.session, sequence: header.sequence)
            return .fresh
        }
        if header.session == track.session {
            guard header.sequence > track.sequence else { return .replayed }
        } else {
            guard !track.replaced.contains(header.session) else { return .superseded }
            track.replaced.append(track.session)
            if track.replaced.count > FleetLimits.replacedSessions { track.replaced.removeFirst() }
            track.session = header.session
        }
        track.sequence = header.sequence
        tracks[peer] = track
        return .fresh
    }

    /// For a peer that left for good, so that its place is free.
    public mutating func forget(_ peer: Peer) { tracks[peer] = nil }
}
