/// Who decides at which point a frame runs, and learns what became of it.
public protocol PointPolicy {
    /// `nil` gives the frame of a stream up, which the policy is not told again.
    mutating func point(
        for frame: DeadlineQueue.Frame, queue: borrowing DeadlineQueue, atMilliseconds now: Double
    ) -> Int?
    /// - Parameter now: when the frame's run, which took so long, ended.
    mutating func frameCompleted(
        _ frame: DeadlineQueue.Frame, point: Int, serviceMilliseconds: Double, atMilliseconds now: Double)
    /// So many frames of the model never ran.
    mutating func framesDropped(_ model: Int, count: Int, atMilliseconds now: Double)
}

/// One processor's frames on their way: they arrive, wait in the order of their deadlines, are given a point, and end.
///
/// What every shell has in common that runs frames, on virtual time or on a thread: it calls `arrived` for whatever has
/// arrived, `next` when the processor is free, runs that frame at that point, and calls `completed`.
///
/// Runs on the inference path: no allocation after `init`, no lock. Inlinable so that it is compiled for its policy.
public struct BoardScheduler<Policy: PointPolicy> {
    /// A frame and the point to run it at.
    public struct Turn: Sendable {
        public var frame: DeadlineQueue.Frame
        public var point: Int

        @inlinable
        public init(frame: DeadlineQueue.Frame, point: Int) {
            self.frame = frame
            self.point = point
        }
    }

    public var policy: Policy
    @usableFromInline var queue: DeadlineQueue
    /// Of each model, the dropped frames that the policy has heard of.
    @usableFromInline var heard: [UInt64]

    /// - Parameter capacity: Frames of each model, and requests, that may wait.
    public init(_ policy: Policy, models: Int, capacity: Int) {
        self.policy = policy
        queue = DeadlineQueue(models: models, capacity: capacity)
        heard = Array(repeating: 0, count: models)
    }

    public var isEmpty: Bool { queue.isEmpty }
    /// Frames of the model's stream that were given up since the start.
    @inlinable
    public func dropped(of model: Int) -> UInt64 { queue.dropped(of: model) }

    /// Of them, those that were or would have been late.
    @inlinable
    public func droppedLate(of model: Int) -> UInt64 { queue.droppedLate(of: model) }

    @inlinable
    public mutating func arrived(_ frame: DeadlineQueue.Frame) { queue.enqueue(frame) }

    /// The frame to run now, behind those that the policy gives up; `nil` where none waits.
    @inlinable
    public mutating func next(atMilliseconds now: Double) -> Turn? {
        while let frame = taken(atMilliseconds: now) {
            if let point = policy.point(for: frame, queue: queue, atMilliseconds: now) {
                return Turn(frame: frame, point: point)
            }
            queue.gaveUp(frame.model)
            heard[frame.model] += 1
        }
        return nil
    }

    @inlinable
    mutating func taken(atMilliseconds now: Double) -> DeadlineQueue.Frame? {
        let frame = queue.take(at: now)
        for model in heard.indices {
            let dropped = queue.dropped(of: model)
            guard dropped > heard[model] else { continue }
            policy.framesDropped(model, count: Int(clamping: dropped - heard[model]), atMilliseconds: now)
            heard[model] = dropped
        }
        return frame
    }

    /// - Parameter point: where it ran, which is the turn's unless something else decided.
    @inlinable
    public mutating func completed(
        _ frame: DeadlineQueue.Frame, point: Int, serviceMilliseconds: Double, atMilliseconds now: Double
    ) {
        policy.frameCompleted(frame, point: point, serviceMilliseconds: serviceMilliseconds, atMilliseconds: now)
    }
}
