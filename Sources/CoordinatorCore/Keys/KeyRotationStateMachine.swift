public import FleetModel
public import WireProtocol

/// One board's change of its CURVE key, as the coordinator decides it. Pure: what is decided comes back as actions, in
/// the order in which they must be performed; where the first one, `save`, fails, nothing has happened: the shell keeps
/// the value from before, and whatever led here comes again.
///
///     wanted ──the board tells its new key──▶ both may speak ──hello with the new key──▶ changed
///        └───────────── time is over ─────────────┴──▶ given up, with the old key
///
/// The board holds the key in force in every state: it gives the old key up only when it was welcomed over a connection
/// of the new one, and it is welcomed only once that is durably the key in force here. So a restart of either side at
/// any moment, and any loss, leaves a key that both know (`KeyRotationInterleavingTests` goes through them all).
public struct KeyRotationStateMachine<Instant: InstantProtocol>: Sendable
where Instant: Sendable, Instant.Duration == Duration {
    public enum Action: Equatable, Sendable {
        /// The key in force and the rotation that goes on, durably, before what follows.
        case save(key: String, rotation: BoardKeyRotation?)
        /// May speak for the board from now on.
        case allow(key: String)
        case forbid(key: String)
        case send(KeyOrder)
        case record(FleetEvent.Kind, String)
    }

    /// First pause before an order is said again; doubles up to the longest.
    private static var pause: Duration { .seconds(1) }
    private static var longestPause: Duration { .seconds(30) }

    /// In force.
    public private(set) var key: String
    /// `nil` while no change goes on.
    public private(set) var rotation: BoardKeyRotation?
    private var sent: Instant?
    private var pause: Duration

    /// As it is stored.
    public init(key: String, rotation: BoardKeyRotation?) {
        (self.key, self.rotation) = (key, rotation)
        pause = Self.pause
    }

    /// Somebody wants another key. A change that goes on is given more time, and keeps its new key.
    /// - Parameter number: that no rotation of the board had before.
    public mutating func wanted(number: UInt64, untilMilliseconds: UInt64, at now: Instant) -> [Action] {
        var next = rotation ?? BoardKeyRotation(number: number, untilMilliseconds: untilMilliseconds)
        next.untilMilliseconds = untilMilliseconds
        rotation = next
        pause = Self.pause
        return [.save(key: key, rotation: next)] + order(at: now)
    }

    /// The board says hello over a connection of that key. To be performed before it is welcomed.
    public mutating func boardGreeted(with used: String, at now: Instant) -> [Action] {
        guard let rotation else { return [] }
        guard used == rotation.nextKey else {
            pause = Self.pause
            return order(at: now)
        }
        let old = key
        (key, self.rotation) = (used, nil)
        return [
            .save(key: used, rotation: nil), .forbid(key: old),
            .record(.keyRotated, "the board speaks with its new key; the old one is refused"),
        ]
    }

    /// The board tells the key that it has made.
    /// - Parameter isTaken: whether the key is another board's.
    public mutating func told(_ report: KeyReport, isTaken: Bool, at now: Instant) -> [Action] {
        // One of a rotation that is over: the hello that ended it is on its way to the board's knowledge.
        guard var next = rotation, next.number == report.number, report.key != key else { return [] }
        guard next.nextKey != report.key else { return order(at: now) }
        guard !isTaken else { return [.record(.keyRotationFailed, "the board tells a key that is another board's")] }
        // A board that lost what it had made makes another.
        let lost = next.nextKey
        next.nextKey = report.key
        rotation = next
        pause = Self.pause
        var actions = [Action.save(key: key, rotation: next)]
        if let lost { actions.append(.forbid(key: lost)) }
        actions.append(.allow(key: report.key))
        return actions + order(at: now)
    }

    /// Gives up what takes too long, and says again what was not answered.
    public mutating func timerFired(
        atMilliseconds clock: UInt64, isConnected: Bool, at now: Instant
    ) -> [Action] {
        guard let rotation else { return [] }
        guard clock < rotation.untilMilliseconds else {
            self.rotation = nil
            let reason =
                rotation.nextKey == nil ? "the board told no new key" : "the board never spoke with its new key"
            var actions = [Action.save(key: key, rotation: nil)]
            if let next = rotation.nextKey { actions.append(.forbid(key: next)) }
            return actions + [.record(.keyRotationFailed, "\(reason) in time; its old key stays")]
        }
        guard isConnected, sent.map({ $0.duration(to: now) >= pause }) ?? true else { return [] }
        pause = min(pause * 2, Self.longestPause)
        return order(at: now)
    }

    private mutating func order(at now: Instant) -> [Action] {
        guard let rotation else { return [] }
        sent = now
        let content = rotation.nextKey.map { KeyOrder.Content.accepted(key: $0) } ?? .wanted
        return [.send(KeyOrder(number: rotation.number, content))]
    }
}
