public import HookSharing
public import WireProtocol

/// What an agent says about gates of one network that its board learns with others, and what it fetches. Pure: time and
/// orders come in, actions leave.
///
///     announced, another version or candidate ──▶ wanted 0 ──part──▶ wanted 1 ──…──▶ right sum ──▶ adopt or score
///     learned ──▶ all parts, again after `resend` ──acknowledged──▶ nothing
///
/// One version is fetched at a time; the newest announcement counts. What does not have the announced sum is thrown
/// away, and comes again with the next announcement. Updates leave at a bounded rate, one at a time.
public struct GateSharingSession<Instant: InstantProtocol>: Sendable
where Instant: Sendable, Instant.Duration == Duration {
    public struct Settings: Sendable {
        /// Least time between two updates.
        public var interval: Duration = .seconds(60)
        /// Before an update that was not acknowledged, or a part that did not come, is spoken of again.
        public var resend: Duration = .seconds(10)

        public init() {}
    }

    public enum Action: Equatable, Sendable {
        case send(GateReport)
        /// Take the version over; `using` when it decides, or `refused`.
        case adopt(version: UInt64, values: [Float], gates: [GateScore])
        /// Find out what it is worth here, then call `scored`.
        case score(version: UInt64, values: [Float])
        /// For people: what came does not have the announced sum.
        case damaged(version: UInt64)
    }

    private struct Fetch: Sendable {
        var version: UInt64
        var isCandidate: Bool
        var sha256: String
        var gates: [GateScore]
        var values: [Float] = []
        var asked: Instant
    }

    private struct Update: Sendable {
        var parts: [GateUpdatePart]
        var sent: Instant?
    }

    private let settings: Settings
    private let modelSHA256: String
    private let hookSHA256: String
    private let parameters: Int
    private let gates: Int
    public private(set) var version: UInt64
    private var isConnected = false
    private var fetch: Fetch?
    /// Given to the board, which does not decide by it yet.
    private var adopting: UInt64?
    private var update: Update?
    private var lastUpdate: Instant?

    /// - Parameter version: in use at the start; 0 for the hooks that all boards begin with.
    public init(
        settings: Settings = Settings(), modelSHA256: String, hookSHA256: String, parameters: Int, gates: Int,
        version: UInt64
    ) {
        (self.settings, self.modelSHA256, self.hookSHA256) = (settings, modelSHA256, hookSHA256)
        (self.parameters, self.gates, self.version) = (parameters, gates, version)
    }

    /// Whether the order is about these gates.
    public func concerns(_ order: GateOrder) -> Bool {
        order.modelSHA256 == modelSHA256 && order.hookSHA256 == hookSHA256
    }

    private func report(_ content: GateReport.Content) -> Action {
        .send(GateReport(modelSHA256: modelSHA256, hookSHA256: hookSHA256, content))
    }

    private var joining: Action { report(.joined(parameters: parameters, gates: gates, version: version)) }

    // MARK: Connection

    public mutating func sessionStarted() -> [Action] {
        isConnected = true
        update?.sent = nil
        return [joining]
    }

    public mutating func sessionLost() {
        isConnected = false
        fetch = nil
    }

    // MARK: Orders

    public mutating func received(_ order: GateOrder.Content, at now: Instant) -> [Action] {
        guard isConnected else { return [] }
        switch order {
        case .acknowledged(let number):
            if update?.parts.first?.number == number { update = nil }
            return []
        case .announced(let number, let isCandidate, let sum, let gates):
            return announced(number, isCandidate, sum, gates, at: now)
        case .part(let number, let part, let values): return partReceived(number, part, values, at: now)
        }
    }

    private mutating func announced(
        _ number: UInt64, _ isCandidate: Bool, _ sum: String, _ gates: [GateScore], at now: Instant
    ) -> [Action] {
        guard isCandidate || number != version || adopting != nil else { return [joining] }
        if let fetch, fetch.version == number, fetch.sha256 == sum, fetch.isCandidate == isCandidate { return [] }
        guard isCandidate || number != adopting else { return [] }
        if !isCandidate, number == 0 {
            fetch = nil
            adopting = 0
            return [.adopt(version: 0, values: [Float](repeating: 0, count: parameters), gates: [])]
        }
        fetch = Fetch(version: number, isCandidate: isCandidate, sha256: sum, gates: gates, asked: now)
        return [report(.wanted(version: number, part: 0))]
    }

    private mutating func partReceived(
        _ number: UInt64, _ part: Int, _ values: [Float], at now: Instant
    ) -> [Action] {
        guard var fetch, fetch.version == number else { return [] }
        let range = SharingLimits.range(of: part, parameters: parameters)
        guard fetch.values.count == range.lowerBound, values.count == range.count, !values.isEmpty else { return [] }
        fetch.values += values
        fetch.asked = now
        self.fetch = fetch
        guard fetch.values.count == parameters else {
            return [report(.wanted(version: number, part: part + 1))]
        }
        self.fetch = nil
        guard ParameterSum.sha256(fetch.values) == fetch.sha256 else { return [.damaged(version: number)] }
        guard !fetch.isCandidate else { return [.score(version: number, values: fetch.values)] }
        adopting = number
        return [.adopt(version: number, values: fetch.values, gates: fetch.gates)]
    }

    // MARK: What the board does

    private mutating func adopted(_ number: UInt64) -> [Action] {
        version = number
        if adopting == number { adopting = nil }
        // What was learned from another version and is not on its way yet is of no use.
        if update?.parts.first?.baseVersion != number, update?.sent == nil { update = nil }
        return isConnected ? [joining] : []
    }

    /// What the board decides by, told again and again.
    public mutating func using(_ number: UInt64) -> [Action] {
        number == version && number != adopting ? [] : adopted(number)
    }

    /// The version does not fit: it comes again with the next announcement.
    public mutating func refused(_ number: UInt64) { if adopting == number { adopting = nil } }

    public func scored(
        _ number: UInt64, samples: UInt64, loss: Double, lossBefore: Double, gates: [GateScore]
    ) -> [Action] {
        let possible = 0...SharingLimits.loss
        guard isConnected, possible.contains(loss), possible.contains(lossBefore) else { return [] }
        return [
            report(.scored(version: number, samples: samples, loss: loss, lossBefore: lossBefore, gates: gates))
        ]
    }

    /// Whether an update would leave now.
    public func mayUpdate(at now: Instant) -> Bool {
        isConnected && update == nil && lastUpdate.map { $0.duration(to: now) >= settings.interval } ?? true
    }

    /// - Parameter number: above that of every update before, also those before the last start.
    public mutating func learned(
        number: UInt64, baseVersion: UInt64, delta: [Float], samples: UInt64, loss: Double, at now: Instant
    ) -> [Action] {
        precondition(delta.count == parameters, "\(delta.count) parameters for \(parameters)")
        let parts = (0..<SharingLimits.partCount(parameters)).map { part in
            GateUpdatePart(
                number: number, baseVersion: baseVersion, samples: samples, loss: loss, parameters: parameters,
                part: part, values: Array(delta[SharingLimits.range(of: part, parameters: parameters)]))
        }
        update = Update(parts: parts)
        lastUpdate = now
        return updateDue(at: now)
    }

    private mutating func updateDue(at now: Instant) -> [Action] {
        guard isConnected, let update else { return [] }
        if let sent = update.sent, sent.duration(to: now) < settings.resend { return [] }
        self.update?.sent = now
        return update.parts.map { report(.part($0)) }
    }

    public mutating func timerFired(at now: Instant) -> [Action] {
        var actions = updateDue(at: now)
        if let fetch, fetch.asked.duration(to: now) >= settings.resend {
            self.fetch?.asked = now
            actions.append(
                report(.wanted(version: fetch.version, part: fetch.values.count / SharingLimits.parametersPerPart)))
        }
        return actions
    }
}
