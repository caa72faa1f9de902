/// Frames of all models of a board that wait for the processor: the one with the earliest deadline is next.
///
/// Earliest deadline first meets every deadline that any order meets on one processor (Liu and Layland, JACM 1973).
/// Frames whose deadline has passed are not worth computing: they are dropped and counted, and so is a model's oldest
/// frame when its share of the queue is full. Frames of one model come with rising deadlines, so that a ring per model
/// is enough.
///
/// Runs on the inference path: no allocation after `init`, no lock.
public struct DeadlineQueue: Sendable {
    public struct Frame: Equatable, Sendable {
        public var model: Int
        /// Counts the model's frames from 0.
        public var index: UInt64
        /// Milliseconds of a clock that only rises, as all times here.
        public var arrival: Double
        public var deadline: Double

        public init(model: Int, index: UInt64, arrival: Double, deadline: Double) {
            self.model = model
            self.index = index
            self.arrival = arrival
            self.deadline = deadline
        }
    }

    private struct Ring {
        var first = 0
        var count = 0
        var dropped: UInt64 = 0
    }

    private let capacity: Int
    private var frames: [Frame]
    private var rings: [Ring]

    /// - Parameter capacity: Frames of each model that may wait.
    /// - Precondition: there are models, and each may wait.
    public init(models: Int, capacity: Int) {
        precondition(models > 0 && capacity > 0, "\(models) models, \(capacity) frames each")
        self.capacity = capacity
        frames = Array(repeating: Frame(model: 0, index: 0, arrival: 0, deadline: 0), count: models * capacity)
        rings = Array(repeating: Ring(), count: models)
    }

    public var isEmpty: Bool { rings.allSatisfy { $0.count == 0 } }
    public func waiting(of model: Int) -> Int { rings[model].count }
    /// Frames of the model that were given up since the start.
    public func dropped(of model: Int) -> UInt64 { rings[model].dropped }
    /// Of the model's frames that wait, the earliest; `nil` when none does.
    public func earliestDeadline(of model: Int) -> Double? {
        rings[model].count == 0 ? nil : frames[model * capacity + rings[model].first].deadline
    }

    public mutating func enqueue(_ frame: Frame) {
        let model = frame.model
        if rings[model].count == capacity { drop(model) }
        frames[model * capacity + (rings[model].first + rings[model].count) % capacity] = frame
        rings[model].count += 1
    }

    /// Takes the frame with the earliest deadline that has not passed; of equal ones, the first model's.
    public mutating func take(at now: Double) -> Frame? {
        var next: Int?
        var earliest = Double.infinity
        for model in rings.indices {
            while let deadline = earliestDeadline(of: model), deadline < now { drop(model) }
            if let deadline = earliestDeadline(of: model), deadline < earliest { (next, earliest) = (model, deadline) }
        }
        guard let model = next else { return nil }
        let frame = frames[model * capacity + rings[model].first]
        advance(model)
        return frame
    }

    /// Gives up whatever of the model waits, as when it leaves the board.
    public mutating func clear(_ model: Int) { while rings[model].count > 0 { drop(model) } }

    private mutating func drop(_ model: Int) {
        rings[model].dropped += 1
        advance(model)
    }

    private mutating func advance(_ model: Int) {
        rings[model].first = (rings[model].first + 1) % capacity
        rings[model].count -= 1
    }
}
