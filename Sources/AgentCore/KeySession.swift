public import WireProtocol

/// What a board does about its CURVE keys while the coordinator wants another one. Pure: keys themselves are the
/// shell's; this knows which of them there are and which one the connection is made with.
///
/// A new key is on the disk before it is told, and takes the old one's place on the disk once the coordinator has
/// welcomed the board over a connection made with it. In between the board holds both, and where a hello is not
/// answered it connects with the other one: whichever of the two the coordinator knows, one of them it does.
public struct KeySession: Equatable, Sendable {
    public enum Key: Equatable, Sendable { case current, next }

    public enum Action: Equatable, Sendable {
        /// Make a pair and keep it durably beside the one in force, then call `keyMade`.
        case makeKey
        /// Tell the next key.
        case tell(number: UInt64)
        case connect(with: Key)
        /// The next key takes the place of the one in force, durably; then call `keyAdopted`.
        case adopt
    }

    /// Whether there is a next key.
    public private(set) var hasNext: Bool
    /// What the connection is made with.
    public private(set) var used = Key.current
    /// Whose telling waits for the key.
    private var number: UInt64?

    /// - Parameter hasNext: whether one is left of an earlier start.
    public init(hasNext: Bool) { self.hasNext = hasNext }

    /// - Parameter isNext: whether the key that an order accepts is the next one.
    public mutating func received(_ order: KeyOrder, isNext: (String) -> Bool) -> [Action] {
        switch order.content {
        case .wanted:
            // Whoever is connected with the next key is known by it.
            guard used == .current else { return [] }
            guard !hasNext else { return [.tell(number: order.number)] }
            number = order.number
            return [.makeKey]
        case .accepted(let key):
            guard hasNext, used == .current, isNext(key) else { return [] }
            used = .next
            return [.connect(with: .next)]
        }
    }

    /// The next key is on the disk.
    public mutating func keyMade() -> [Action] {
        hasNext = true
        defer { number = nil }
        return number.map { [Action.tell(number: $0)] } ?? []
    }

    /// The coordinator has welcomed the board over the connection in use.
    public func sessionStarted() -> [Action] { used == .next ? [.adopt] : [] }

    /// The next key is the one in force on the disk, and no other is there.
    public mutating func keyAdopted() { (hasNext, used) = (false, .current) }

    /// The connection could not be made: the one before stays.
    public mutating func connectionFailed() { used = used == .current ? .next : .current }

    /// Nobody answered a hello: perhaps the key is not, or not yet, or no longer known.
    public mutating func helloUnanswered() -> [Action] {
        guard hasNext else { return [] }
        used = used == .current ? .next : .current
        return [.connect(with: used)]
    }
}
