public import SearchSpace

/// Where the frames of a scenario run, one at a time, and what time it is there.
public protocol ScenarioBoard {
    /// Milliseconds since the scenario's start.
    var milliseconds: Double { get }
    /// Nanoseconds of a clock that only rises, to time decisions with; always 0 on virtual time.
    var stamp: UInt64 { get }
    /// Returns at that time, or at once when it has passed.
    mutating func wait(untilMilliseconds time: Double)
    /// Runs one frame from now to its end.
    /// - Returns: its run time in milliseconds.
    mutating func run(model: Int, point: Int) -> Double
}

/// A board on virtual time: runs take what the scenario says.
struct VirtualBoard: ScenarioBoard {
    private let scenario: Scenario
    private var noise: SeededGenerator
    private(set) var milliseconds = 0.0
    var stamp: UInt64 { 0 }

    init(_ scenario: Scenario) {
        self.scenario = scenario
        noise = SeededGenerator(seed: scenario.seed ^ 0x5DEE_CE66)
    }

    mutating func wait(untilMilliseconds time: Double) { milliseconds = max(milliseconds, time) }

    mutating func run(model: Int, point: Int) -> Double {
        let idle = scenario.models[model].points[point].latencyMilliseconds
        let service = idle * scenario.slowdown(atSeconds: milliseconds / 1_000) * variation()
        milliseconds += service
        return service
    }

    /// Nearly normal around 1 (a sum of twelve), with the scenario's deviation.
    private mutating func variation() -> Double {
        let sum = (0..<12).reduce(0.0) { sum, _ in sum + .random(in: 0..<1, using: &noise) }
        return max(0.5, 1 + scenario.jitter * (sum - 6))
    }
}
