/// How a board holds its models to the shares of its CPU time that their policy sets.
public struct ShareTelemetry: Equatable, Codable, Sendable {
    public enum Means: String, Codable, Sendable, CaseIterable {
        /// Nothing does; the kernel refused every way.
        case none
        /// Threads have processors and priorities by their shares: relative to others, no cap.
        case affinity
        /// Control groups of version 2 cap the CPU time.
        case cgroup
    }

    /// Bytes of each text on the wire; what is longer is cut off.
    public static let textBytes = 240

    public var means: Means
    /// What is in force, thread by thread, as the kernel says it.
    public var detail: String
    /// Why it is not a stronger way; empty for control groups.
    public var reason: String

    public init(means: Means, detail: String, reason: String) {
        self.means = means
        self.detail = detail.cut(toBytes: Self.textBytes)
        self.reason = reason.cut(toBytes: Self.textBytes)
    }
}
