public import FleetModel

/// Which search runs when. Pure: people's wishes and a runner's reports come in, actions leave in the order in which
/// they must be performed: persist, then run or stop.
///
///     queued ──▶ running ──▶ done, failed
///        │          │
///        └──────────┴──▶ cancelled
///
/// One search runs at a time, in the order of application. A search that ran when the coordinator ended is queued
/// again in its place and begins anew from its seed, so that its result is the same. A name that is applied again
/// replaces the search that had it, once that is over. Reports are of a run's number: those of an earlier run of a
/// name change nothing.
///
/// Bounded by `FleetLimits.searches`; beyond, the oldest that is over is forgotten.
public struct SearchQueue: Sendable {
    public enum Action: Equatable, Sendable {
        /// Make the record durable.
        case save(SearchRecord)
        case forget(String)
        /// Begin with the search; report by its number.
        case run(SearchRecord)
        /// Stop the search of this number; what it reports later is ignored.
        case stop(UInt64)
        case record(String)
    }

    /// Why a wish is not met.
    public struct Refusal: Error, Equatable, Sendable, CustomStringConvertible {
        public let isUnknown: Bool
        public let description: String
    }

    /// What a runner has to say.
    public enum Report: Equatable, Sendable {
        case found(SearchPoint)
        case finished(SearchOutcome)
        case failed(String)
    }

    /// Corrections of a table that telemetry is believed.
    static let scales = 0.01...100.0

    private var searches: [String: SearchRecord]
    private let limit: Int

    /// - Parameter records: as they were stored.
    public init(records: [SearchRecord], limit: Int = FleetLimits.searches) {
        searches = Dictionary(records.map { ($0.name, $0) }, uniquingKeysWith: { $0.number > $1.number ? $0 : $1 })
        self.limit = limit
    }

    /// In the order of application.
    public var records: [SearchRecord] { searches.values.sorted { $0.number < $1.number } }

    /// The coordinator has started: what was running begins anew.
    public mutating func started(atMilliseconds now: UInt64) -> [Action] {
        var actions: [Action] = []
        for var record in records where record.state == .running {
            record.state = .queued
            record.points = []
            record.startedAtMilliseconds = nil
            searches[record.name] = record
            actions += [.save(record), .record("search \(record.name) begins anew")]
        }
        return actions + next(atMilliseconds: now)
    }

    public mutating func submitted(
        _ job: SearchJob, text: String, atMilliseconds now: UInt64
    ) throws(Refusal) -> [Action] {
        if let known = searches[job.name], !known.state.isOver {
            throw Refusal(
                isUnknown: false, description: "search \(job.name) is \(known.state.rawValue); cancel it first")
        }
        var actions: [Action] = []
        if searches[job.name] == nil, searches.count >= limit {
            guard let oldest = records.first(where: \.state.isOver) else {
                throw Refusal(isUnknown: false, description: "\(limit) searches wait or run already")
            }
            searches[oldest.name] = nil
            actions.append(.forget(oldest.name))
        }
        let number = (searches.values.map(\.number).max() ?? 0) + 1
        let record = SearchRecord(job: job, text: text, number: number, submittedAtMilliseconds: now)
        searches[job.name] = record
        return actions + [.save(record), .record("search \(job.name) is queued")] + next(atMilliseconds: now)
    }

    public mutating func cancelled(_ name: String, atMilliseconds now: UInt64) throws(Refusal) -> [Action] {
        guard var record = searches[name] else {
            throw Refusal(isUnknown: true, description: "no search is named \(name.prefix(64))")
        }
        guard !record.state.isOver else {
            throw Refusal(isUnknown: false, description: "search \(name) is \(record.state.rawValue) already")
        }
        let wasRunning = record.state == .running
        record.state = .cancelled
        record.finishedAtMilliseconds = now
        searches[name] = record
        return [.save(record), .record("search \(name) is cancelled")] + (wasRunning ? [.stop(record.number)] : [])
            + next(atMilliseconds: now)
    }

    public mutating func reported(_ report: Report, of number: UInt64, atMilliseconds now: UInt64) -> [Action] {
        guard var record = searches.values.first(where: { $0.number == number }), record.state == .running else {
            return []
        }
        let sentence: String
        switch report {
        case .found(let point):
            guard !record.points.contains(where: { $0.constraint == point.constraint }) else { return [] }
            record.points.append(point)
            searches[record.name] = record
            return [.save(record)]
        case .finished(let outcome):
            record.state = .done
            record.points = outcome.points
            record.outcome = outcome
            sentence = "search \(record.name) is done: \(outcome.points.count) points"
        case .failed(let reason):
            record.state = .failed
            record.failure = reason
            sentence = "search \(record.name) failed: \(reason)"
        }
        record.finishedAtMilliseconds = now
        searches[record.name] = record
        return [.save(record), .record(sentence)] + next(atMilliseconds: now)
    }

    /// Boards run the points of a finished search `ratio` times as slowly as its table says: the table is corrected,
    /// and where that calls for it the search is queued again with the correction.
    public mutating func drifted(_ name: String, by ratio: Double, atMilliseconds now: UInt64) -> [Action] {
        guard var record = searches[name], record.state == .done else { return [] }
        let scale = (record.job.latencyScale ?? 1) * ratio
        guard Self.scales.contains(scale) else { return [] }
        let isOutdated = record.isOutdated(by: ratio)
        record.job.latencyScale = scale
        for place in record.points.indices { record.points[place].predictedLatencyMilliseconds *= ratio }
        searches[name] = record
        let percent = (1_000 * scale).rounded() / 10
        let sentence = "search \(name): boards take \(percent) % of the latency table's milliseconds"
        guard isOutdated, let again = try? submitted(record.job, text: record.text, atMilliseconds: now) else {
            return [.save(record), .record("\(sentence); its points stay")]
        }
        return [.record("\(sentence); it begins anew")] + again
    }

    private mutating func next(atMilliseconds now: UInt64) -> [Action] {
        guard !searches.values.contains(where: { $0.state == .running }),
            var record = records.first(where: { $0.state == .queued })
        else { return [] }
        record.state = .running
        record.startedAtMilliseconds = now
        searches[record.name] = record
        return [.save(record), .run(record)]
    }
}
