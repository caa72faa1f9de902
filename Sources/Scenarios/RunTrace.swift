/// What happened to every frame of a run.
struct RunTrace {
    struct Frame {
        var model: Int
        /// Milliseconds from the start, as all times here.
        var arrival: Double
        var latency: Double
        var point: Int
        var isKept: Bool
    }

    struct Switch {
        var model: Int
        var time: Double
    }

    private(set) var frames: [Frame] = []
    /// Frames that never ran, by model: when each had arrived. That is told only after the run then in progress.
    private(set) var drops: [[Double]]
    private(set) var switches: [Switch] = []
    /// What each frame's decision took; empty on virtual time.
    private(set) var decisions: [UInt64] = []
    private var active: [Int?]

    init(models: Int) {
        drops = Array(repeating: [], count: models)
        active = Array(repeating: nil, count: models)
    }

    mutating func completed(_ frame: Frame, decisionNanoseconds: UInt64) {
        frames.append(frame)
        if decisionNanoseconds > 0 { decisions.append(decisionNanoseconds) }
        if let point = active[frame.model], point != frame.point {
            switches.append(Switch(model: frame.model, time: frame.arrival + frame.latency))
        }
        active[frame.model] = frame.point
    }

    mutating func dropped(_ model: Int, arrival: Double) { drops[model].append(arrival) }
}
