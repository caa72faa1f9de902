public import FleetModel

/// Which chunk leaves the coordinator next. Pure.
///
/// All boards together get a bounded number of bytes a second (token bucket), so that telemetry does not wait for them;
/// a bounded number of boards is served at once, in turn, chunk by chunk; the others wait in the order in which they
/// came. A board that has a place and asks nothing for a while gives it up.
public struct ChunkQueue<Instant: InstantProtocol>: Sendable
where Instant: Sendable, Instant.Duration == Duration {
    public struct Settings: Sendable {
        public var bytesPerSecond = 8 << 20
        /// Boards that are served at once.
        public var transfers = 8
        /// A place is given up after so long without a question.
        public var idle: Duration = .milliseconds(1_500)
        /// A board that waits is forgotten after so long without a question.
        public var patience: Duration = .seconds(120)

        public init() {}
    }

    public struct Chunk: Equatable, Sendable {
        public var board: BoardID
        public var content: ContentSum
        public var chunk: Int
    }

    private struct Request: Sendable {
        var content: ContentSum
        var chunks: [Int]
        var heard: Instant
    }

    /// What a chunk costs beside its bytes: its proof, headers, encryption.
    private static var overheadBytes: Double { 1_024 }

    private let settings: Settings
    private var requests: [BoardID: Request] = [:]
    /// With a place, the next one first.
    private var served: [BoardID] = []
    /// May name boards that have left.
    private var waiting: [BoardID] = []
    private var budget: Double
    private var filled: Instant

    public init(settings: Settings = Settings(), at now: Instant) {
        precondition(settings.bytesPerSecond > 0 && settings.transfers > 0, "nothing would ever leave")
        self.settings = settings
        (budget, filled) = (0, now)
    }

    public var waitingCount: Int { requests.count - served.count }
    public var servedCount: Int { served.count }

    /// Asks for chunks; those of another content before are forgotten.
    public mutating func asked(_ board: BoardID, _ content: ContentSum, _ chunks: [Int], at now: Instant) {
        let chunks = chunks.prefix(ArtefactLimits.window)
        if var request = requests[board] {
            if request.content != content { (request.content, request.chunks) = (content, []) }
            request.chunks += chunks.filter { !request.chunks.contains($0) }
                .prefix(ArtefactLimits.window - request.chunks.count)
            request.heard = now
            requests[board] = request
            return
        }
        guard requests.count < FleetLimits.boards else { return }
        requests[board] = Request(content: content, chunks: Array(chunks), heard: now)
        waiting.append(board)
    }

    public mutating func left(_ board: BoardID) {
        requests[board] = nil
        served.removeAll { $0 == board }
    }

    /// What may leave now, in order.
    public mutating func due(at now: Instant) -> [Chunk] {
        let perSecond = Double(settings.bytesPerSecond)
        // No more than a fifth of a second at once, whatever the pause before was.
        budget = min(budget + perSecond * (filled.duration(to: now) / .seconds(1)), perSecond / 5)
        filled = now
        for board in served where isIdle(board, at: now) { left(board) }
        admit(at: now)
        var due: [Chunk] = []
        var passed = 0
        while budget > 0, passed < served.count {
            let board = served.removeFirst()
            served.append(board)
            guard var request = requests[board], !request.chunks.isEmpty else {
                passed += 1
                continue
            }
            passed = 0
            due.append(Chunk(board: board, content: request.content, chunk: request.chunks.removeFirst()))
            requests[board] = request
            budget -= Double(ArtefactLimits.chunkBytes) + Self.overheadBytes
        }
        return due
    }

    private func isIdle(_ board: BoardID, at now: Instant) -> Bool {
        requests[board].map { $0.chunks.isEmpty && $0.heard.duration(to: now) >= settings.idle } ?? true
    }

    private mutating func admit(at now: Instant) {
        while served.count < settings.transfers, !waiting.isEmpty {
            let board = waiting.removeFirst()
            guard let request = requests[board], !served.contains(board) else { continue }
            if request.heard.duration(to: now) >= settings.patience {
                requests[board] = nil
            } else {
                served.append(board)
            }
        }
    }
}
