/// How long the constraints stayed broken after each step of a scenario.
///
/// A constraint is of a percentile, so that single late frames do not break it: the board has recovered at the first
/// moment from which every model keeps its percentile, both of the frames of the next 100 ms and of those of the next
/// two seconds. A frame is of the time at which it arrived, also where it was dropped long after.
struct Recovery {
    static let windowMilliseconds = 100.0
    private static let lastingWindows = 20

    /// Of the worst step; `nil` when one was never recovered from.
    private(set) var worst: Double?

    private var arrived: [[Int]]
    private var kept: [[Int]]
    private let percentiles: [Double]

    init(_ trace: RunTrace, _ scenario: Scenario) {
        let end = scenario.seconds * 1_000
        let count = Int((end / Self.windowMilliseconds).rounded(.up)) + 1
        percentiles = scenario.models.map(\.percentile)
        arrived = Array(repeating: Array(repeating: 0, count: count), count: scenario.models.count)
        kept = arrived
        func window(_ time: Double) -> Int { min(count - 1, Int(time / Self.windowMilliseconds)) }
        for frame in trace.frames {
            arrived[frame.model][window(frame.arrival)] += 1
            if frame.isKept { kept[frame.model][window(frame.arrival)] += 1 }
        }
        for (model, times) in trace.drops.enumerated() {
            for time in times { arrived[model][window(time)] += 1 }
        }
        let steps = scenario.stepsSeconds.map { $0 * 1_000 }
        let times = zip(steps, steps.dropFirst() + [end]).map { time(from: $0, to: $1) }
        worst = steps.indices.reduce(0) { worst, step in
            // A step that the next one overtakes is over when that one is.
            let over =
                steps.indices[step...].lazy.compactMap { later in
                    times[later].map { steps[later] + $0 - steps[step] }
                }.first ?? (steps[step] > end - Self.windowMilliseconds ? 0 : nil)
            return worst.flatMap { worst in over.map { max(worst, $0) } }
        }
    }

    /// Milliseconds from a step to the recovery from it before the next step; `nil` where there is none.
    private func time(from step: Double, to next: Double) -> Double? {
        let windows = Int(step / Self.windowMilliseconds)..<Int(next / Self.windowMilliseconds)
        if windows.isEmpty { return nil }
        let lasting = min(Self.lastingWindows, (windows.count + 1) / 2)
        let recovered = windows.dropLast(lasting - 1).first {
            isKept($0..<$0 + 1) && isKept($0..<$0 + lasting)
        }
        return recovered.map { max(0, Double($0) * Self.windowMilliseconds - step) }
    }

    private func isKept(_ windows: Range<Int>) -> Bool {
        percentiles.indices.allSatisfy { model in
            let all = arrived[model][windows].reduce(0, +)
            return Double(kept[model][windows].reduce(0, +)) * 100 >= percentiles[model] * Double(all)
        }
    }
}
