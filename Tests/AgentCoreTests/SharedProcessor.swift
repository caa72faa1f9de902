import AgentCore

/// A model's queue on a processor that other programs take in slices: a discrete simulation on virtual time.
struct SharedProcessor {
    /// Programs that compete, each with an equal share.
    var competitors = 0
    /// Milliseconds that the scheduler gives each in turn.
    let slice = 3.0
    let idle: [Double]
    let framesPerSecond: Double
    let queueLimit = 32
    private(set) var now = 0.0
    private var nextFrame = 0
    private var usedSlice = 0.0
    private var arrivalOfNext: Double { Double(nextFrame) * 1_000 / framesPerSecond }

    init(idle: [Double], framesPerSecond: Double) {
        self.idle = idle
        self.framesPerSecond = framesPerSecond
    }

    /// What running a frame took.
    struct Frame {
        /// From arrival to result.
        var latencyMilliseconds: Double
        var serviceMilliseconds: Double
        /// Frames given up before it.
        var dropped: Int
    }

    /// When the next frame that will run arrives, and when it can begin.
    func upcoming() -> (arrival: Double, start: Double) { (arrivalOfNext, max(now, arrivalOfNext)) }

    /// Runs the next frame at a point.
    mutating func frame(at point: Int) -> Frame {
        if now < arrivalOfNext {
            // While the model sleeps the others run, which pays back what it has used ahead of its share.
            if competitors > 0 { usedSlice = max(0, usedSlice - (arrivalOfNext - now) / Double(competitors)) }
            now = arrivalOfNext
        }
        let newest = Int(now * framesPerSecond / 1_000)
        let dropped = max(0, newest - nextFrame - queueLimit + 1)
        nextFrame += dropped
        let arrival = arrivalOfNext
        let start = now
        var left = idle[point]
        while left > 0 {
            if competitors > 0, usedSlice >= slice {
                now += Double(competitors) * slice
                usedSlice = 0
            }
            let run = competitors > 0 ? min(left, slice - usedSlice) : left
            now += run
            usedSlice += run
            left -= run
        }
        nextFrame += 1
        return .init(
            latencyMilliseconds: now - arrival, serviceMilliseconds: now - start,
            dropped: dropped)
    }
}
