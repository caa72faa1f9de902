public import FleetModel

/// Which search runs when. Pure: people's wishes and a runner's reports come in, actions leave in the order in which
/// they must be performed: persist, then run or stop.
///
///     queued ──▶ running ──▶ done, failed
///        │          │  │        ▲
///        │          │  └──▶ verifying ──▶ verified
///        └──────────┴────────┴──▶ cancelled
///
/// One search runs at a time, in the order of application; others may be verified meanwhile. A search that ran when the
/// coordinator ended is queued again in its place and begins anew from its seed, so that its result is the same; one
/// that was being verified goes on with what was measured. A name that is applied again
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
        /// Have boards measure its points.
        case verify(SearchRecord)
        /// Stop that.
        case stopVerifying(UInt64)
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
        /// What boards have measured of its points so far, or in all.
        case measured(SearchVerification)
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
        actions += records.filter { $0.state == .verifying }.map { .verify($0) }
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
        let stops: [Action] =
            switch record.state {
            case .running: [.stop(record.number)]
            case .verifying: [.stopVerifying(record.number)]
            default: []
            }
        record.state = .cancelled
        record.finishedAtMilliseconds = now
        searches[name] = record
        return [.save(record), .record("search \(name) is cancelled")] + stops + next(atMilliseconds: now)
    }

    public mutating func reported(_ report: Report, of number: UInt64, atMilliseconds now: UInt64) -> [Action] {
        guard var record = searches.values.first(where: { $0.number == number }) else { return [] }
        if case .measured(let verification) = report {
            return measured(verification, of: record, atMilliseconds: now)
        }
        guard record.state == .running else { return [] }
        let sentence: String
        switch report {
        case .measured: return []
        case .found(let point):
            guard !record.points.contains(where: { $0.constraint == point.constraint }) else { return [] }
            record.points.append(point)
            searches[record.name] = record
            return [.save(record)]
        case .finished(let outcome):
            record.points = outcome.points
            record.outcome = outcome
            record.verification = outcome.verification
            guard outcome.verification == nil else {
                record.state = outcome.verification?.verified == true ? .verified : .done
                sentence = Self.sentence(record)
                break
            }
            record.state = .verifying
            searches[record.name] = record
            return [
                .save(record),
                .record("search \(record.name) has \(outcome.points.count) points to verify\(Self.unmet(record))"),
                .verify(record),
            ] + next(atMilliseconds: now)
        case .failed(let reason):
            record.state = .failed
            record.failure = reason
            sentence = "search \(record.name) failed: \(reason)"
        }
        record.finishedAtMilliseconds = now
        searches[record.name] = record
        return [.save(record), .record(sentence)] + next(atMilliseconds: now)
    }

    private mutating func measured(
        _ verification: SearchVerification, of search: SearchRecord, atMilliseconds now: UInt64
    ) -> [Action] {
        guard search.state == .verifying else { return [] }
        var record = search
        record.verification = verification
        if verification.isOver {
            record.state = verification.verified ? .verified : .done
            record.finishedAtMilliseconds = now
        }
        searches[record.name] = record
        return [.save(record)] + (verification.isOver ? [.record(Self.sentence(record))] : [])
    }

    private static func sentence(_ record: SearchRecord) -> String {
        let head = "search \(record.name) is \(record.state.rawValue): "
        guard let verification = record.verification, verification.verified else {
            let reason = record.verification?.refusal.map { ", not verified: \($0)" } ?? ""
            return head + "\(record.points.count) points\(unmet(record))\(reason)"
        }
        let left = verification.leftOut.isEmpty ? "" : ", \(verification.leftOut.count) left out"
        let relaxed = Set(record.points.filter { $0.relaxedTo != nil }.map(\.constraint))
        let relaxedCount = verification.points.count { relaxed.contains($0.constraint) }
        let kept =
            switch relaxedCount {
            case 0: ""
            case 1: ", 1 of them a relaxed one"
            default: ", \(relaxedCount) of them relaxed ones"
            }
        return head + "\(verification.points.count) points keep their constraints where measured\(kept)\(left)"
            + unmet(record)
    }

    private static func unmet(_ record: SearchRecord) -> String {
        switch record.outcome?.unmet?.count ?? 0 {
        case 0: ""
        case 1: ", 1 constraint that no subnet keeps"
        case let count: ", \(count) constraints that no subnet keeps"
        }
    }

    /// A table as boards measure it now.
    public struct Correction: Equatable, Sendable {
        /// What the table as it was read is multiplied by.
        public var scale: Double
        /// The same by group of operators; empty where one factor holds for all.
        public var groups: [String: Double]
        /// Milliseconds of the points that were found, by their constraint.
        public var latencies: [Int: Double]

        public init(scale: Double, groups: [String: Double], latencies: [Int: Double]) {
            self.scale = scale
            self.groups = groups
            self.latencies = latencies
        }
    }

    /// Boards run the points of a finished search `ratio` times as slowly as its table says: the table is corrected,
    /// and where that calls for it the search is queued again with the correction.
    public mutating func drifted(_ name: String, by ratio: Double, atMilliseconds now: UInt64) -> [Action] {
        guard let record = searches[name] else { return [] }
        return corrected(
            name,
            by: Correction(
                scale: (record.job.latencyScale ?? 1) * ratio,
                groups: (record.job.operatorScales ?? [:]).mapValues { $0 * ratio },
                latencies: Dictionary(
                    record.points.map { ($0.constraint, $0.predictedLatencyMilliseconds * ratio) },
                    uniquingKeysWith: { first, _ in first })), atMilliseconds: now)
    }

    /// The same with a correction of the table that was fitted to what boards measured.
    public mutating func corrected(
        _ name: String, by correction: Correction, atMilliseconds now: UInt64
    ) -> [Action] {
        guard var record = searches[name], record.state.hasResult else { return [] }
        let all = [correction.scale] + correction.groups.values
        guard all.allSatisfy(Self.scales.contains), correction.latencies.values.allSatisfy({ $0.isFinite && $0 > 0 })
        else { return [] }
        let isOutdated = record.isOutdated(by: correction.latencies)
        record.job.latencyScale = correction.scale
        record.job.operatorScales = correction.groups.isEmpty ? nil : correction.groups
        for place in record.points.indices {
            if let now = correction.latencies[record.points[place].constraint] {
                record.points[place].predictedLatencyMilliseconds = now
            }
        }
        searches[name] = record
        let percent = { (scale: Double) in "\((1_000 * scale).rounded() / 10) %" }
        let parts = correction.groups.sorted { $0.key < $1.key }.map { "\($0.key) \(percent($0.value))" }
        let sentence =
            "search \(name): boards take \(percent(correction.scale)) of the latency table's milliseconds"
            + (parts.isEmpty ? "" : " (\(parts.joined(separator: ", ")))")
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
