package import AdminAPI
package import FleetModel
import Foundation

/// Searches as text for people: rows of tables and lines of a description.
package enum SearchReport {
    package static let header = ["SEARCH", "STATE", "POINTS", "GENERATION", "SEED", "MODEL", "CLASS/PROCESSOR"]
    package static let pointHeader = [
        "CONSTRAINT", "PREDICTED ms", "ACCURACY", "MFLOPs", "MiB", "RELAXED TO", "GENERATIONS", "SUBNET",
    ]

    package static func row(_ view: SearchView) -> [String] {
        let search = view.search
        return [
            search.name, search.state.rawValue, "\(search.points.count)/\(search.job.constraints.count)",
            view.generation.map(String.init) ?? "-", "\(search.job.seed)", search.job.model,
            "\(search.job.boardClass)/\(search.job.processor)",
        ]
    }

    /// What stands above the table of points.
    package static func lines(_ view: SearchView) -> [String] {
        let (search, job) = (view.search, view.search.job)
        let progress =
            view.generation.map { ", generation \($0) (\(job.generations) before a constraint is relaxed)" } ?? ""
        var lines = [
            "search       \(job.name), \(search.state.rawValue), \(search.points.count) of "
                + "\(job.constraints.count) constraints\(progress)",
            "for          \(job.model) on \(job.boardClass)/\(job.processor)",
            "space        \(job.space)", "predictor    \(job.accuracyPredictor)", "table        \(job.latencyTable)",
            "seed         \(job.seed)",
        ]
        if let failure = search.failure { lines.append("failed       \(failure)") }
        if let start = search.startedAtMilliseconds, let end = search.finishedAtMilliseconds, end >= start {
            lines.append("took         \(number(Double(end - start) / 1_000, 2)) s")
        }
        lines += unmet(search) + relaxations(search) + verification(search)
        guard let outcome = search.outcome else { return lines }
        let quality = outcome.predictorSpearman.map { ", Spearman \(number($0, 3)) on unseen subnets" } ?? ""
        lines += [
            "evaluated    \(outcome.evaluated) subnets, accuracy of \(outcome.accuracyEvaluations)",
            "accuracy by  \(outcome.predictor)\(quality)",
            "software     \(outcome.softwareVersion), table's engine \(outcome.engineVersion ?? "not said")",
        ]
        return lines + outcome.inputs.map { "sha256       \($0.sha256)  \($0.path)" }
    }

    /// Constraints that no subnet keeps, and why.
    private static func unmet(_ search: SearchRecord) -> [String] {
        (search.outcome?.unmet ?? []).compactMap { one in
            guard search.job.constraints.indices.contains(one.constraint) else { return nil }
            return "no subnet    \(text(search.job.constraints[one.constraint])): \(one.reason)"
        }
    }

    /// Why a point does not keep the latency that was asked for.
    private static func relaxations(_ search: SearchRecord) -> [String] {
        search.points.compactMap { point in
            guard let reason = point.relaxedBecause, search.job.constraints.indices.contains(point.constraint) else {
                return nil
            }
            return "relaxed      \(text(search.job.constraints[point.constraint])): \(reason)"
        }
    }

    /// `verified: no` with why, or what measuring has shown.
    private static func verification(_ search: SearchRecord) -> [String] {
        guard let verification = search.verification else {
            return search.state == .done ? ["verified     no"] : []
        }
        let count = "\(verification.measurements.count) measurements"
        let leftOut = verification.leftOut.map { one in
            let asked =
                search.job.constraints.indices.contains(one.constraint)
                ? text(search.job.constraints[one.constraint]) : "\(one.constraint)"
            return "left out     \(asked): \(one.reason)"
        }
        if let refusal = verification.refusal { return ["verified     no: \(refusal)"] + leftOut }
        guard verification.verified else { return ["verified     not yet, \(count) so far"] }
        let by =
            verification.against == SearchVerification.boards
            ? Set(verification.measurements.compactMap(\.board?.rawValue)).sorted().joined(separator: ", ")
            : verification.against
        return ["verified     yes, \(verification.points.count) points in \(count) by \(by)"] + leftOut
    }

    package static let verifiedHeader = [
        "CONSTRAINT", "MEASURED ms", "PREDICTED ms", "ACCURACY", "MEASUREMENTS", "SUBNET",
    ]

    /// The points that are published.
    package static func verifiedRows(_ search: SearchRecord) -> [[String]] {
        (search.verification?.points ?? []).map { point in
            [
                text(search.job.constraints[point.constraint]), number(point.measuredLatencyMilliseconds, 3),
                number(point.predictedLatencyMilliseconds, 3), number(point.predictedAccuracy, 4),
                "\(point.measurements)", "\(point.configuration)",
            ]
        }
    }

    /// Constraint by constraint; those without a point yet are there too.
    package static func pointRows(_ search: SearchRecord) -> [[String]] {
        search.job.constraints.indices.map { place in
            let asked = text(search.job.constraints[place])
            guard let point = search.points.first(where: { $0.constraint == place }) else {
                return [asked, "-", "-", "-", "-", "-", "-", "-"]
            }
            return [
                asked, number(point.predictedLatencyMilliseconds, 3), number(point.predictedAccuracy, 4),
                number(point.flops / 1e6, 1), number(point.memoryBytes / 1_048_576, 2),
                point.relaxedTo.map { number($0, 3) } ?? "-", "\(point.generations)", "\(point.configuration)",
            ]
        }
    }

    private static func text(_ constraint: SearchJob.Constraint) -> String {
        [
            constraint.latencyMilliseconds.map { "\(number($0, 3)) ms" },
            constraint.flops.map { "\(number($0 / 1e6, 1)) MFLOPs" },
            constraint.memoryBytes.map { "\(number($0 / 1_048_576, 2)) MiB" },
        ].compactMap(\.self).joined(separator: ", ")
    }
}

/// Latency predictors as text for people.
package enum PredictorReport {
    package static let header = [
        "PREDICTOR", "BOARDS", "SAMPLES", "MARGIN %", "COVERAGE %", "SPEARMAN", "MEDIAN ERROR %", "FROM",
    ]
    package static let sampleHeader = ["BOARD", "MEASURED ms", "PREDICTED ms", "WITHIN", "SUBNET"]

    /// Measurements below which the share that lies within the margin says nothing.
    private static let fewestChecked = 5

    private static func coverage(_ share: Double?, of checked: Int) -> String {
        checked < fewestChecked ? "-" : percent(share)
    }

    /// Of a class that measured little itself, what is predicted with what others lend.
    package static func row(_ view: LatencyPredictorView) -> [String] {
        if let transfer = view.transfer, transfer.isUsed {
            return [
                view.name, "\(view.boards.count)", "\(transfer.measured)", percent(transfer.relativeMargin),
                coverage(transfer.coverage, of: transfer.checked), transfer.spearman.map { number($0, 3) } ?? "-",
                percent(transfer.medianRelativeError), TransferReport.origin(transfer),
            ]
        }
        return [
            view.name, "\(view.boards.count)", "\(view.samples.count)", percent(view.relativeMargin),
            coverage(view.coverage, of: view.samples.count), view.spearman.map { number($0, 3) } ?? "-",
            percent(view.medianRelativeError),
            view.refusal ?? view.basis,
        ]
    }

    package static func lines(_ view: LatencyPredictorView) -> [String] {
        var lines = [
            "predictor    \(view.name)", "boards       \(view.boards.joined(separator: ", "))",
            "engines      \(view.engineVersions.joined(separator: ", "))", "from         \(view.basis)",
        ]
        if let refusal = view.refusal {
            return lines + ["none         \(refusal)"] + (view.transfer.map(TransferReport.lines) ?? [])
        }
        if let slope = view.slope, let intercept = view.intercept {
            lines.append("line         \(number(intercept, 4)) ms + \(slope) x the above")
        }
        return lines + [
            "margin       \(percent(view.relativeMargin)) %, stated to hold \(percent(view.statedCoverage)) % of new"
                + " measurements",
            "held         \(percent(view.coverage)) % of \(view.samples.count) that were left out",
        ] + (view.transfer.map(TransferReport.lines) ?? [])
    }

    package static func sampleRows(_ view: LatencyPredictorView) -> [[String]] {
        view.samples.map {
            [
                $0.board, number($0.measuredMilliseconds, 3), number($0.predictedMilliseconds, 3),
                $0.isWithinMargin ? "yes" : "no", $0.subnet,
            ]
        }
    }

}

func percent(_ share: Double?) -> String { share.map { number(100 * $0, 1) } ?? "-" }

func number(_ value: Double, _ places: Int) -> String { String(format: "%.\(places)f", value) }
