import FleetModel

/// How policies fared in a scenario.
public struct ScenarioReport: Equatable, Codable, Sendable {
    public struct ModelResult: Equatable, Codable, Sendable {
        public var model: String
        /// Completed: with those dropped they are all that arrived.
        public var frames: Int
        public var dropped: Int
        public var sloAttainment: Double
        /// Of frames completed; `nil` when none was.
        public var accuracy: Double?
        public var p50Milliseconds: Double?
        public var p99Milliseconds: Double?
        /// Run times of its points on the idle board.
        public var pointMilliseconds: [Double]
    }

    public struct Result: Equatable, Codable, Sendable {
        public var policy: String
        /// Share of all frames that arrived which were completed within their constraint.
        public var sloAttainment: Double
        /// Priority-weighted mean top-1 over frames completed, expected from the points' accuracies.
        public var accuracy: Double
        /// The same with frames that missed their constraint or never ran counted as wrong.
        public var accuracyWithMisses: Double
        public var switchesPerSecond: Double
        /// Outside `settleMilliseconds` after the start and each step, and outside ramps; `nil` where less than
        /// `leastSteadySeconds` are left.
        public var steadySwitchesPerSecond: Double?
        /// After the step that took longest, until every model keeps its percentile again; 0 when there was none,
        /// `nil` when it never recovered. Cluster/Scenarios/README.md says what counts.
        public var recoveryMilliseconds: Double?
        public var frames: Int
        public var dropped: Int
        public var models: [ModelResult]
        /// From looking for a frame to its point, and from its end to the plan for the next; `nil` on virtual time.
        public var decisionMicroseconds: Decisions?
    }

    public struct Decisions: Equatable, Codable, Sendable {
        public var mean: Double
        public var p99: Double
        public var max: Double
    }

    /// After a step switches are expected for so long.
    public static let settleMilliseconds = 2_000.0
    /// In less time a single switch would be a high rate.
    public static let leastSteadySeconds = 5.0

    public var scenario: String
    public var seed: UInt64
    public var seconds: Double
    /// `virtual`: run times come from the file's tables. `real`: frames run on this machine.
    public var time: String
    /// `managed` is the product; the others are what it is compared with.
    public var results: [Result]
    /// Policies that were wanted and could not be compared, each with the reason.
    public var leftOut: [LeftOut]
    /// What stood in for throttling, and why; `nil` where it was as the scenario means it.
    public var throttling: String?

    public struct LeftOut: Equatable, Codable, Sendable {
        public var policy: String
        public var reason: String
    }

    /// The policies that can be compared, in the order of `results`.
    public static let policies = [
        "managed", "static-best-fit", "static-smallest", "evict-lowest-priority", "static-in-hindsight",
    ]

    /// Lives through the scenario once per policy on virtual time.
    /// - Precondition: every model has points.
    public static func simulated(
        _ scenario: Scenario, policies: [String] = policies
    ) -> (report: ScenarioReport, plots: [String: String]) {
        lived(scenario, time: "virtual", policies: policies) { _ in VirtualBoard(scenario) }
    }

    /// Lives through the scenario once per policy.
    /// - Parameters:
    ///   - policies: those wanted, of `policies`.
    ///   - board: makes the board that lives through it with this policy, at its start.
    public static func lived<Board: ScenarioBoard, Failure: Error>(
        _ scenario: Scenario, time: String, policies: [String], on board: (_ policy: String) throws(Failure) -> Board
    ) throws(Failure) -> (report: ScenarioReport, plots: [String: String]) {
        // No policy's frames are kept beside the next one's: they are what a long scenario's memory goes to.
        var (results, plots): ([Result], [String: String]) = ([], [:])
        var leftOut: [LeftOut] = []
        for policy in Self.policies where policies.contains(policy) {
            if let trace = try trace(scenario, policy, on: board) {
                results.append(result(policy, trace, scenario))
                plots[policy] = ScenarioPlot(scenario, trace, title: "\(scenario.name), \(policy)").svg
            } else {
                let reason = HindsightSearch.refusal(of: scenario) ?? "no fixed points keep as many frames as managed"
                leftOut.append(.init(policy: policy, reason: reason))
            }
        }
        let report = ScenarioReport(
            scenario: scenario.name, seed: scenario.seed, seconds: scenario.seconds, time: time,
            results: results, leftOut: leftOut)
        return (report, plots)
    }

    /// - Returns: `nil` where no fixed points attain as much as the product does on virtual time, or there are too many
    ///   to try.
    private static func trace<Board: ScenarioBoard, Failure: Error>(
        _ scenario: Scenario, _ policy: String, on board: (_ policy: String) throws(Failure) -> Board
    ) throws(Failure) -> RunTrace? {
        let decisions: any ScenarioPolicy
        switch policy {
        case "managed": decisions = ManagedPolicy(scenario)
        case "static-best-fit": decisions = StaticPolicy.bestFit(scenario)
        case "static-smallest": decisions = StaticPolicy.smallest(scenario)
        case "evict-lowest-priority": decisions = EvictingPolicy(scenario)
        default:
            let goal = result("managed", ScenarioRun.trace(scenario, ManagedPolicy(scenario)), scenario)
            guard let best = HindsightSearch.bestStatic(scenario, attaining: goal.sloAttainment) else { return nil }
            decisions = StaticPolicy(points: best)
        }
        return trace(scenario, decisions, on: try board(policy))
    }

    private static func trace(
        _ scenario: Scenario, _ policy: some ScenarioPolicy, on board: some ScenarioBoard
    ) -> RunTrace { ScenarioRun.trace(scenario, policy, on: board) }

    static func result(_ policy: String, _ trace: RunTrace, _ scenario: Scenario) -> Result {
        let models = scenario.models.indices.map { modelResult($0, trace, scenario) }
        let arrived = models.reduce(0) { $0 + $1.frames + $1.dropped }
        let kept = trace.frames.count(where: \.isKept)
        var (value, keptValue, weight, allWeight) = (0.0, 0.0, 0.0, 0.0)
        for frame in trace.frames {
            let model = scenario.models[frame.model]
            let share = Double(model.priority)
            value += share * model.points[frame.point].accuracy
            if frame.isKept { keptValue += share * model.points[frame.point].accuracy }
            weight += share
        }
        for (model, result) in zip(scenario.models, models) {
            allWeight += Double(model.priority * (result.frames + result.dropped))
        }
        return Result(
            policy: policy, sloAttainment: arrived == 0 ? 1 : Double(kept) / Double(arrived),
            accuracy: weight == 0 ? 0 : value / weight, accuracyWithMisses: allWeight == 0 ? 0 : keptValue / allWeight,
            switchesPerSecond: Double(trace.switches.count) / scenario.seconds,
            steadySwitchesPerSecond: steadySwitchesPerSecond(trace, scenario),
            recoveryMilliseconds: Recovery(trace, scenario).worst, frames: trace.frames.count,
            dropped: models.reduce(0) { $0 + $1.dropped }, models: models,
            decisionMicroseconds: decisions(trace.decisions))
    }

    private static func steadySwitchesPerSecond(_ trace: RunTrace, _ scenario: Scenario) -> Double? {
        let windows = (0..<Int(scenario.seconds * 10)).count { isSettled(Double($0) * 100, scenario) }
        let seconds = Double(windows) / 10
        guard seconds >= leastSteadySeconds else { return nil }
        return Double(trace.switches.count { isSettled($0.time, scenario) }) / seconds
    }

    private static func decisions(_ nanoseconds: [UInt64]) -> Decisions? {
        let sorted = nanoseconds.sorted()
        guard let last = sorted.last else { return nil }
        let mean = Double(sorted.reduce(0, &+)) / Double(sorted.count)
        return Decisions(
            mean: mean / 1e3, p99: Double(sorted[min(sorted.count - 1, sorted.count * 99 / 100)]) / 1e3,
            max: Double(last) / 1e3)
    }

    /// Whether nothing changes at this time, nor did shortly before.
    private static func isSettled(_ milliseconds: Double, _ scenario: Scenario) -> Bool {
        let changes = [0] + scenario.stepsSeconds.map { $0 * 1_000 }
        let isAfterStep = changes.contains { $0 <= milliseconds && milliseconds < $0 + settleMilliseconds }
        return !isAfterStep
            && !scenario.loads.contains {
                $0.slowdown != $0.endSlowdown
                    && ($0.startSeconds * 1_000..<$0.endSeconds * 1_000).contains(milliseconds)
            }
    }

    private static func modelResult(_ index: Int, _ trace: RunTrace, _ scenario: Scenario) -> ModelResult {
        let frames = trace.frames.filter { $0.model == index }
        let dropped = trace.drops[index].count
        let latencies = frames.map(\.latency).sorted()
        func percentile(_ share: Double) -> Double? {
            latencies.isEmpty ? nil : latencies[min(latencies.count - 1, Int(share * Double(latencies.count)))]
        }
        let arrived = frames.count + dropped
        let sum = frames.reduce(0) { $0 + scenario.models[index].points[$1.point].accuracy }
        return ModelResult(
            model: scenario.models[index].name, frames: frames.count, dropped: dropped,
            sloAttainment: arrived == 0 ? 1 : Double(frames.count(where: \.isKept)) / Double(arrived),
            accuracy: frames.isEmpty ? nil : sum / Double(frames.count), p50Milliseconds: percentile(0.5),
            p99Milliseconds: percentile(0.99),
            pointMilliseconds: scenario.models[index].points.map(\.latencyMilliseconds))
    }
}

/// What is not known is `null`, so that every result has every key.
extension ScenarioReport.Result {
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(policy, forKey: .policy)
        try container.encode(sloAttainment, forKey: .sloAttainment)
        try container.encode(accuracy, forKey: .accuracy)
        try container.encode(accuracyWithMisses, forKey: .accuracyWithMisses)
        try container.encode(switchesPerSecond, forKey: .switchesPerSecond)
        try container.encode(steadySwitchesPerSecond, forKey: .steadySwitchesPerSecond)
        try container.encode(recoveryMilliseconds, forKey: .recoveryMilliseconds)
        try container.encode(frames, forKey: .frames)
        try container.encode(dropped, forKey: .dropped)
        try container.encode(models, forKey: .models)
        try container.encode(decisionMicroseconds, forKey: .decisionMicroseconds)
    }
}

extension ScenarioReport.ModelResult {
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(model, forKey: .model)
        try container.encode(frames, forKey: .frames)
        try container.encode(dropped, forKey: .dropped)
        try container.encode(sloAttainment, forKey: .sloAttainment)
        try container.encode(accuracy, forKey: .accuracy)
        try container.encode(p50Milliseconds, forKey: .p50Milliseconds)
        try container.encode(p99Milliseconds, forKey: .p99Milliseconds)
        try container.encode(pointMilliseconds, forKey: .pointMilliseconds)
    }
}
