/// Which of several coordinators a board speaks to. Pure: events and instants in, addresses to dial out.
///
/// Every board has an order of its own (rendezvous hashing, Thaler and Ravishankar 1998: the addresses by a hash of
/// board and address), so that boards spread evenly, and those of an address that goes away spread over the others.
///
///     first ──no connection for `patience`, or no answer──▶ next of the order, round and round
///     another, connected for `homecoming` (more and more, drawn between once and twice of it) ──▶ first
///
/// With one address nothing is ever dialled but that.
public struct AddressChoice<Instant: InstantProtocol>: Sendable where Instant: Sendable, Instant.Duration == Duration {
    public struct Settings: Sendable {
        /// How long an address is given to take a connection: a handshake over a satellite takes half of it.
        public var patience: Duration = .seconds(5)
        /// How long a board that had to leave its first address stays away from it; doubles with each return that
        /// fails.
        public var homecoming: Duration = .seconds(60)
        public var longestHomecoming: Duration = .seconds(3_600)

        public init() {}
    }

    /// Most preferred first.
    public let order: [String]
    public private(set) var current: String
    private let settings: Settings
    private var place = 0
    private var isConnected = false
    /// Of the address or the loss of its connection.
    private var since: Instant
    private var homecoming: Duration
    private var homeAt: Instant?

    /// - Parameters:
    ///   - board: whose order it is.
    ///   - addresses: at least one; repeated ones count once.
    public init(of addresses: [String], for board: String, settings: Settings = .init(), at now: Instant) {
        precondition(!addresses.isEmpty, "a board needs an address")
        order = Self.order(of: addresses, for: board)
        current = order[0]
        self.settings = settings
        since = now
        homecoming = settings.homecoming
    }

    /// Highest hash first; equal ones by name.
    public static func order(of addresses: [String], for board: String) -> [String] {
        Set(addresses).map { (hash: hash(board, $0), address: $0) }
            .sorted { ($0.hash, $0.address) > ($1.hash, $1.address) }.map(\.address)
    }

    // MARK: Events

    public mutating func connected(at now: Instant, using generator: inout some RandomNumberGenerator) {
        isConnected = true
        since = now
        guard place != 0 else {
            (homeAt, homecoming) = (nil, settings.homecoming)
            return
        }
        guard homeAt == nil else { return }
        homeAt = now.advanced(by: homecoming * Double.random(in: 1...2, using: &generator))
        homecoming = min(homecoming * 2, settings.longestHomecoming)
    }

    public mutating func connectionLost(at now: Instant) {
        guard isConnected else { return }
        isConnected = false
        since = now
    }

    /// Nobody behind the address answers, connected or not.
    /// - Returns: the address to dial now, or `nil`.
    public mutating func unanswered(at now: Instant) -> String? { next(at: now) }

    /// - Returns: the address to dial now, or `nil`.
    public mutating func timerFired(at now: Instant) -> String? {
        guard let due = nextDeadline, now >= due else { return nil }
        guard isConnected else { return next(at: now) }
        place = order.count - 1
        return next(at: now)
    }

    /// `nil` while there is nothing to wait for.
    public var nextDeadline: Instant? {
        guard order.count > 1 else { return nil }
        return isConnected ? homeAt : since.advanced(by: settings.patience)
    }

    private mutating func next(at now: Instant) -> String? {
        guard order.count > 1 else { return nil }
        place = (place + 1) % order.count
        (current, isConnected, since, homeAt) = (order[place], false, now, nil)
        return current
    }

    // MARK: Hashing

    /// FNV-1a over both, 64 bits, then the finalizer of SplitMix64 (Steele, Lea and Flood 2014): FNV alone leaves
    /// names that differ in their last character close together.
    private static func hash(_ board: String, _ address: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in Array(board.utf8) + [0] + Array(address.utf8) {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
        }
        hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
        return hash ^ (hash >> 31)
    }
}
