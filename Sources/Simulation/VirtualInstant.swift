/// A point on the simulation's own clock.
public struct VirtualInstant: InstantProtocol, Hashable, Sendable {
    /// Since the simulation began.
    public var elapsed: Duration

    public init(elapsed: Duration = .zero) { self.elapsed = elapsed }

    public func advanced(by duration: Duration) -> VirtualInstant { VirtualInstant(elapsed: elapsed + duration) }
    public func duration(to other: VirtualInstant) -> Duration { other.elapsed - elapsed }
    public static func < (left: VirtualInstant, right: VirtualInstant) -> Bool { left.elapsed < right.elapsed }
}
