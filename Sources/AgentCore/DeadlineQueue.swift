/// Frames of all models of a board that wait for the processor: the one with the earliest deadline is next.
///
/// Earliest deadline first meets every deadline that any order meets on one processor (Liu and Layland, JACM 1973).
/// A stream's frames whose deadline has passed are not worth computing: they are dropped and counted, and so is a
/// model's oldest frame when its share of the queue is full. Requests, somebody waits for: whoever takes one looks at
/// its time itself, and counts. What else is not worth computing, whoever chooses the points knows (`gaveUp`).
///
/// A ring per model and kind, in the order of deadlines. Runs on the inference path: no allocation after `init`, no
/// lock.
public struct DeadlineQueue: Sendable {
    public struct Frame: Equatable, Sendable {
        public var model: Int
        /// Counts the model's frames from 0; of a request, whatever tells it from others.
        public var index: UInt64
        /// Milliseconds of a clock that only rises, as all times here.
        public var arrival: Double
        public var deadline: Double
        public var isRequest: Bool

        public init(model: Int, index: UInt64, arrival: Double, deadline: Double, isRequest: Bool = false) {
            self.model = model
            self.index = index
            self.arrival = arrival
            self.deadline = deadline
            self.isRequest = isRequest
        }
    }

    private struct Ring {
        var first = 0
        var count = 0
    }

    private let capacity: Int
    private var frames: [Frame]
    /// Of a model's stream at twice its number, of its requests behind it.
    private var rings: [Ring]
    private var droppedFrames: [UInt64]
    /// Of them, those that were or would have been late.
    private var lateFrames: [UInt64]

    /// - Parameter capacity: Frames of each model, and requests, that may wait.
    /// - Precondition: there are models, and each may wait.
    public init(models: Int, capacity: Int) {
        precondition(models > 0 && capacity > 0, "\(models) models, \(capacity) frames each")
        self.capacity = capacity
        frames = Array(
            repeating: Frame(model: 0, index: 0, arrival: 0, deadline: 0), count: 2 * models * capacity)
        rings = Array(repeating: Ring(), count: 2 * models)
        droppedFrames = Array(repeating: 0, count: models)
        // Not a copy: the first drop would part the two, on the path of inference.
        lateFrames = Array(repeating: 0, count: models)
    }

    public var isEmpty: Bool { rings.allSatisfy { $0.count == 0 } }
    public var modelCount: Int { droppedFrames.count }
    public func waiting(of model: Int) -> Int { rings[2 * model].count + rings[2 * model + 1].count }
    /// Frames of the model's stream that were given up since the start.
    public func dropped(of model: Int) -> UInt64 { droppedFrames[model] }
    /// Of them, those that were or would have been late; for the others there was no room.
    public func droppedLate(of model: Int) -> UInt64 { lateFrames[model] }
    /// Of the model's frames and requests that wait, the earliest; `nil` when none does.
    public func earliestDeadline(of model: Int) -> Double? {
        switch (deadline(ofRing: 2 * model), deadline(ofRing: 2 * model + 1)) {
        case (let stream?, let request?): min(stream, request)
        case (let stream, let request): stream ?? request
        }
    }

    /// How long the processor may be busy from now on without making a waiting frame late that is in time if it is busy
    /// for `least`, and every waiting frame then runs for its model's `length`, in the order of deadlines; infinite
    /// where no such frame waits.
    ///
    /// Frames that are late either way do not count, other than by the time that they take.
    /// - Parameter counts: whether the model's frames do at all; the others are taken for none.
    public func longestRun(
        from now: Double, least: Double, counts: (_ model: Int) -> Bool = { _ in true },
        length: (_ model: Int) -> Double
    ) -> Double {
        withUnsafeTemporaryAllocation(of: Int.self, capacity: rings.count) { passed in
            passed.initialize(repeating: 0)
            var (room, free) = (Double.infinity, now)
            while let ring = ringOfNext(after: passed) {
                let frame = frames[slot(ring, passed[ring])]
                passed[ring] += 1
                guard counts(frame.model) else { continue }
                // Of a stream, what is late before its turn is dropped.
                guard frame.isRequest || frame.deadline >= free + least else { continue }
                free += length(frame.model)
                if frame.deadline - free >= least { room = min(room, frame.deadline - free) }
            }
            return room
        }
    }

    /// The ring with the earliest frame behind those that were passed.
    private func ringOfNext(after passed: UnsafeMutableBufferPointer<Int>) -> Int? {
        var (next, earliest) = (Int?.none, Double.infinity)
        for ring in rings.indices where passed[ring] < rings[ring].count {
            let deadline = frames[slot(ring, passed[ring])].deadline
            if next == nil || deadline < earliest { (next, earliest) = (ring, deadline) }
        }
        return next
    }

    private func deadline(ofRing ring: Int) -> Double? {
        rings[ring].count == 0 ? nil : frames[ring * capacity + rings[ring].first].deadline
    }

    /// - Precondition: a request finds room.
    public mutating func enqueue(_ frame: Frame) {
        let ring = 2 * frame.model + (frame.isRequest ? 1 : 0)
        if rings[ring].count == capacity {
            precondition(!frame.isRequest, "more than \(capacity) requests wait")
            drop(frame.model)
        }
        var place = rings[ring].count
        rings[ring].count += 1
        // A stream's deadlines rise, so that only a request looks for its place.
        while place > 0, frames[slot(ring, place - 1)].deadline > frame.deadline {
            frames[slot(ring, place)] = frames[slot(ring, place - 1)]
            place -= 1
        }
        frames[slot(ring, place)] = frame
    }

    private func slot(_ ring: Int, _ place: Int) -> Int { ring * capacity + (rings[ring].first + place) % capacity }

    /// Takes the frame with the earliest deadline, of a stream one that has not passed; of equal ones, the first
    /// model's.
    public mutating func take(at now: Double) -> Frame? {
        var next: Int?
        var earliest = Double.infinity
        for ring in rings.indices {
            if ring % 2 == 0 { dropLate(ring / 2, at: now) }
            if let deadline = deadline(ofRing: ring), deadline < earliest { (next, earliest) = (ring, deadline) }
        }
        guard let ring = next else { return nil }
        let frame = frames[ring * capacity + rings[ring].first]
        advance(ring)
        return frame
    }

    /// Gives up whatever of the model's stream waits, as when it leaves the board.
    public mutating func clear(_ model: Int) { while rings[2 * model].count > 0 { drop(model) } }

    /// A frame of the model's stream that was taken is not run: it would be late, or make a more important one late.
    public mutating func gaveUp(_ model: Int) {
        droppedFrames[model] += 1
        lateFrames[model] += 1
    }

    private mutating func dropLate(_ model: Int, at now: Double) {
        while let deadline = deadline(ofRing: 2 * model), deadline < now {
            lateFrames[model] += 1
            drop(model)
        }
    }

    private mutating func drop(_ model: Int) {
        droppedFrames[model] += 1
        advance(2 * model)
    }

    private mutating func advance(_ ring: Int) {
        rings[ring].first = (rings[ring].first + 1) % capacity
        rings[ring].count -= 1
    }
}
