/// How a board gets one artefact, chunk by chunk. Pure: time and chunks come in, actions leave.
///
///     missing ──ask──▶ asked ──right chunk──▶ keeping ──kept──▶ kept; all kept ──▶ verify the whole
///        ▲               │ silence                 │ not kept
///        └───────────────┴─────────────────────────┘
///
/// At most `window` chunks are asked for and not kept. A chunk is handed on only once its proof leads to the signed
/// root, so that nothing else is ever written; one that does not is counted and asked for again with the next silence,
/// so that a hostile answer does not make this ask faster. Silences grow: the coordinator serves a bounded number
/// of boards at once, and others wait for their turn.
public struct ArtefactTransfer<Instant: InstantProtocol>: Sendable
where Instant: Sendable, Instant.Duration == Duration {
    public struct Settings: Sendable {
        /// Chunks that are asked for and not kept.
        public var window = 8
        /// After so long without a right chunk what is missing is asked for again; doubles up to `longestResend`.
        public var resend: Duration = .seconds(2)
        public var longestResend: Duration = .seconds(30)
        /// How long a chunk that the disk did not take keeps everything waiting.
        public var diskPause: Duration = .seconds(10)

        public init() {}
    }

    public enum Action: Equatable, Sendable {
        case ask([Int])
        /// Write the chunk, then call `chunkKept` or `chunkNotKept`.
        case keep(Int, [UInt8])
        /// Sum the whole.
        case verifyWhole
    }

    private enum Chunk: UInt8, Sendable { case missing, asked, keeping, kept }

    public let manifest: ArtefactManifest
    private let settings: Settings
    private var chunks: [Chunk]
    /// Chunks before this one are not missing.
    private var firstMissing = 0
    private var open = 0
    public private(set) var keptBytes = 0
    private var keptChunks = 0
    /// Chunks whose bytes or proof were wrong.
    public private(set) var wrongChunks = 0
    private var quietSince: Instant
    private var pause: Duration
    /// Nothing is asked before.
    private var notBefore: Instant?

    /// - Parameter kept: chunks that are on the disk, verified.
    public init(
        _ manifest: ArtefactManifest, kept: [Int], settings: Settings = Settings(), at now: Instant
    ) {
        precondition((1...ArtefactLimits.window).contains(settings.window), "a window of \(settings.window)")
        (self.manifest, self.settings) = (manifest, settings)
        chunks = [Chunk](repeating: .missing, count: manifest.chunkCount)
        (quietSince, pause) = (now, settings.resend)
        for chunk in kept where chunks.indices.contains(chunk) { note(kept: chunk) }
    }

    public var isComplete: Bool { keptChunks == chunks.count }

    private mutating func note(kept chunk: Int) {
        guard chunks[chunk] != .kept else { return }
        if chunks[chunk] != .missing { open -= 1 }
        chunks[chunk] = .kept
        keptChunks += 1
        keptBytes += manifest.range(of: chunk).count
    }

    // MARK: Events

    /// The connection is new: what was asked for on the one before does not come.
    public mutating func sessionStarted(at now: Instant) -> [Action] {
        forgetAsked()
        (quietSince, pause) = (now, settings.resend)
        return isComplete ? [.verifyWhole] : ask(at: now)
    }

    /// Verified before it is handed on.
    public mutating func chunkReceived(
        _ chunk: Int, bytes: [UInt8], proof: [ContentSum], at now: Instant
    ) -> [Action] {
        // Repeated, late, or never asked for.
        guard chunks.indices.contains(chunk), chunks[chunk] == .asked else { return [] }
        guard manifest.verifies(bytes, as: chunk, proof: proof) else {
            wrongChunks += 1
            return []
        }
        (quietSince, pause) = (now, settings.resend)
        chunks[chunk] = .keeping
        return [.keep(chunk, bytes)]
    }

    public mutating func chunkKept(_ chunk: Int, at now: Instant) -> [Action] {
        guard chunks.indices.contains(chunk), chunks[chunk] == .keeping else { return [] }
        note(kept: chunk)
        if isComplete { return [.verifyWhole] }
        // In halves of the window: fewer messages, and never an idle coordinator.
        return open <= settings.window / 2 ? ask(at: now) : []
    }

    /// The disk is full or broken: it is left in peace for a while.
    public mutating func chunkNotKept(_ chunk: Int, at now: Instant) {
        guard chunks.indices.contains(chunk), chunks[chunk] == .keeping else { return }
        release(chunk)
        notBefore = now.advanced(by: settings.diskPause)
    }

    public mutating func timerFired(at now: Instant) -> [Action] {
        if let notBefore, now < notBefore { return [] }
        if notBefore != nil {
            notBefore = nil
            forgetAsked()
            quietSince = now
            return ask(at: now)
        }
        guard !isComplete, quietSince.duration(to: now) >= pause else { return [] }
        quietSince = now
        pause = min(pause * 2, settings.longestResend)
        forgetAsked()
        return ask(at: now)
    }

    // MARK: Asking

    private mutating func release(_ chunk: Int) {
        chunks[chunk] = .missing
        open -= 1
        firstMissing = min(firstMissing, chunk)
    }

    private mutating func forgetAsked() {
        for chunk in chunks.indices where chunks[chunk] == .asked { release(chunk) }
    }

    private mutating func ask(at now: Instant) -> [Action] {
        if let notBefore, now < notBefore { return [] }
        var asked: [Int] = []
        while firstMissing < chunks.count, open < settings.window {
            if chunks[firstMissing] == .missing {
                chunks[firstMissing] = .asked
                open += 1
                asked.append(firstMissing)
            }
            firstMissing += 1
        }
        return asked.isEmpty ? [] : [.ask(asked)]
    }
}
