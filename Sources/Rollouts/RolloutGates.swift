public import FleetModel

/// One gate and what was measured for it.
public struct RolloutFinding: Equatable, Codable, Sendable, CustomStringConvertible {
    public enum Gate: String, Codable, Sendable, CaseIterable {
        case accuracyDrop, attainmentDrop, p50Ratio, p99Ratio, restartsPerBoard
        /// The same setting as `accuracyDrop`, by the frames whose right answer is known.
        case labelledAccuracyDrop
    }

    public var gate: Gate
    /// `nil` where it is about boards.
    public var model: String?
    /// In the gate's own terms: accuracy and attainment 0...1, milliseconds, starts per board.
    public var past: Double
    public var present: Double
    /// The worst that `present` may be.
    public var limit: Double
    public var isViolated: Bool

    public init(gate: Gate, model: String?, past: Double, present: Double, limit: Double, isViolated: Bool) {
        self.gate = gate
        self.model = model
        self.past = past
        self.present = present
        self.limit = limit
        self.isViolated = isViolated
    }

    public var description: String {
        let subject = model.map { " of \($0)" } ?? ""
        return "\(gate.rawValue)\(subject): \(Figure.text(present, places: 4)) after \(Figure.text(past, places: 4)), "
            + "allowed is \(Figure.text(limit, places: 4))"
    }
}

/// What the gates say of a group now.
public struct RolloutVerdict: Equatable, Codable, Sendable {
    public var findings: [RolloutFinding]
    /// Why some gate cannot be judged yet.
    public var missing: [String]

    public init(findings: [RolloutFinding] = [], missing: [String] = []) {
        self.findings = findings
        self.missing = missing
    }

    public var violations: [RolloutFinding] { findings.filter(\.isViolated) }
}

extension RolloutGates {
    private var comparesModels: Bool {
        accuracyDrop != nil || attainmentDrop != nil || p50Ratio != nil || p99Ratio != nil
    }

    /// - Parameter boards: past and present of each of the group's boards that has the new version.
    public func verdict(of boards: [(past: RolloutMeasures, present: RolloutMeasures)]) -> RolloutVerdict {
        var verdict = RolloutVerdict()
        if let restartsPerBoard, !boards.isEmpty { verdict.findings.append(restarts(boards, restartsPerBoard)) }
        guard comparesModels else { return verdict }
        let names = Set(boards.flatMap { Array($0.past.models.keys) + Array($0.present.models.keys) })
        if names.isEmpty { verdict.missing.append("no model was measured") }
        for name in names.sorted() {
            let pairs: [Pair] = boards.compactMap { board -> Pair? in
                guard let past = board.past.models[name], let present = board.present.models[name] else { return nil }
                return (past, present)
            }
            let frames = pairs.reduce(0) { $0 + min($1.past.frames, $1.present.frames) }
            guard frames >= UInt64(max(1, leastFrames)) else {
                verdict.missing.append("\(name): \(frames) of \(leastFrames) frames before and after")
                continue
            }
            judge(name, pairs, &verdict)
        }
        return verdict
    }

    private typealias Pair = (past: RolloutMeasures.Model, present: RolloutMeasures.Model)

    private func judge(_ name: String, _ pairs: [Pair], _ verdict: inout RolloutVerdict) {
        func compare(
            _ gate: RolloutFinding.Gate, _ setting: Double?, _ value: (RolloutMeasures.Model) -> Double?,
            limit: (Double, Double) -> Double, isWorse: (Double, Double) -> Bool
        ) {
            guard let setting else { return }
            guard let means = Self.means(pairs, value) else {
                verdict.missing.append("\(name): nothing to judge \(gate.rawValue) by")
                return
            }
            let bound = limit(means.past, setting)
            verdict.findings.append(
                RolloutFinding(
                    gate: gate, model: name, past: means.past, present: means.present, limit: bound,
                    isViolated: isWorse(means.present, bound)))
        }
        // A difference in the last bit is no fall.
        let tolerance = 1e-9
        compare(.accuracyDrop, accuracyDrop, \.accuracy, limit: -) { $0 < $1 - tolerance }
        if let accuracyDrop { judgeLabelled(name, pairs, accuracyDrop, &verdict) }
        compare(.attainmentDrop, attainmentDrop, \.attainment, limit: -) { $0 < $1 - tolerance }
        compare(.p50Ratio, p50Ratio, \.p50, limit: *) { $0 > $1 + tolerance }
        compare(.p99Ratio, p99Ratio, \.p99, limit: *) { $0 > $1 + tolerance }
    }

    /// What was answered, where enough of it can be told right or wrong: a file on the boards may harm though its
    /// points promise as much as before. Two standard errors of the difference are luck, and no fall.
    private func judgeLabelled(_ name: String, _ pairs: [Pair], _ drop: Double, _ verdict: inout RolloutVerdict) {
        let told = pairs.filter { $0.past.labelled > 0 && $0.present.labelled > 0 }
        let counts = told.reduce((past: 0.0, present: 0.0)) {
            ($0.past + Double($1.past.labelled), $0.present + Double($1.present.labelled))
        }
        guard min(counts.past, counts.present) >= Double(max(1, leastFrames)),
            let means = Self.means(told, \.answered)
        else { return }
        let luck = (means.past * (1 - means.past) / counts.past + means.present * (1 - means.present) / counts.present)
            .squareRoot()
        let limit = means.past - drop - 2 * luck
        verdict.findings.append(
            RolloutFinding(
                gate: .labelledAccuracyDrop, model: name, past: means.past, present: means.present, limit: limit,
                isViolated: means.present < limit - 1e-9))
    }

    /// Each board with the same weight on both sides.
    private static func means(
        _ pairs: [Pair], _ value: (RolloutMeasures.Model) -> Double?
    ) -> (past: Double, present: Double)? {
        var (weights, past, present) = (0.0, 0.0, 0.0)
        for pair in pairs {
            guard let before = value(pair.past), let after = value(pair.present) else { continue }
            let weight = Double(min(pair.past.frames, pair.present.frames))
            (weights, past, present) = (weights + weight, past + weight * before, present + weight * after)
        }
        return weights > 0 ? (past / weights, present / weights) : nil
    }

    private func restarts(
        _ boards: [(past: RolloutMeasures, present: RolloutMeasures)], _ allowed: Double
    ) -> RolloutFinding {
        let count = Double(boards.count)
        let expected = boards.reduce(0.0) { sum, board in
            guard board.past.milliseconds > 0 else { return sum }
            let rate = Double(board.past.restarts) / Double(board.past.milliseconds)
            return sum + rate * Double(board.present.milliseconds)
        }
        let found = Double(boards.reduce(0) { $0 + $1.present.restarts }) / count
        let limit = expected / count + allowed
        return RolloutFinding(
            gate: .restartsPerBoard, model: nil, past: expected / count, present: found, limit: limit,
            isViolated: found > limit + 1e-9)
    }
}
