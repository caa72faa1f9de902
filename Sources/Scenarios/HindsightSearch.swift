/// The best fixed points for a scenario that is known beforehand.
public enum HindsightSearch {
    /// Combinations tried at most; beyond, there is no such baseline.
    public static let combinationLimit = 4_096
    /// Frames that all combinations together may bring at most: what bounds the time, at about a microsecond each.
    public static let frameLimit = 50_000_000.0

    /// Why the scenario has no such baseline; `nil` where it has.
    public static func refusal(of scenario: Scenario) -> String? {
        let combinations = combinations(of: scenario)
        guard combinations <= combinationLimit else {
            return "there are more than \(combinationLimit) combinations of points to try"
        }
        let frames = Double(combinations) * scenario.meanFrames
        guard frames <= frameLimit else {
            return "its \(combinations) combinations of points bring \(Int(frames)) frames, more than "
                + "\(Int(frameLimit))"
        }
        return nil
    }

    private static func combinations(of scenario: Scenario) -> Int {
        zip(scenario.models, scenario.lowestPoints).reduce(1) { product, next in
            min(product * max(1, next.0.points.count - next.1), combinationLimit + 1)
        }
    }

    /// Of all combinations of fixed points that keep the accuracy floors, and at least this share of frames on virtual
    /// time, the most accurate one.
    /// - Returns: `nil` where none does, or there is a refusal.
    static func bestStatic(_ scenario: Scenario, attaining goal: Double) -> [Int]? {
        guard refusal(of: scenario) == nil else { return nil }
        let lowest = scenario.lowestPoints
        var best: (points: [Int], accuracy: Double)?
        for number in 0..<combinations(of: scenario) {
            var rest = number
            let points = zip(scenario.models, lowest).map { model, lowest in
                let count = model.points.count - lowest
                defer { rest /= count }
                return lowest + rest % count
            }
            let trace = ScenarioRun.trace(scenario, StaticPolicy(points: points))
            let result = ScenarioReport.result("", trace, scenario)
            guard result.sloAttainment >= goal, result.accuracy > best?.accuracy ?? -1 else { continue }
            best = (points, result.accuracy)
        }
        return best?.points
    }
}
