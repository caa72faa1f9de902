/// Why a frame went no further.
public enum DropReason: String, CaseIterable, Codable, Sendable {
    /// More bytes than the limit.
    case oversized
    case malformed
    /// Heard before, or of a session that was replaced.
    case replayed
    /// Of a key that may not speak here, or a handshake that failed.
    case unauthenticated
    /// Nothing was sent: a connection that ended before it had said whose it is, as a look whether the port is open
    /// leaves behind.
    case abandoned
    case unknownVersion
    /// A message that has no place at this endpoint or in this direction.
    case unexpected
    /// The receiver did not keep up, or the sender's queue was full.
    case overflowed
    /// To a peer that has no connection.
    case unreachable
}

/// What a transport has carried and what it has dropped since its start.
public struct FrameCounters: Equatable, Sendable {
    public private(set) var received: UInt64 = 0
    public private(set) var sent: UInt64 = 0
    private var dropped: [DropReason: UInt64] = [:]

    public init() {}

    public subscript(reason: DropReason) -> UInt64 { dropped[reason] ?? 0 }

    public mutating func countReceived() { received += 1 }
    public mutating func countSent() { sent += 1 }
    public mutating func countDropped(_ reason: DropReason, _ count: UInt64 = 1) {
        if count > 0 { dropped[reason, default: 0] += count }
    }

    public mutating func add(_ other: FrameCounters) {
        received += other.received
        sent += other.sent
        dropped.merge(other.dropped, uniquingKeysWith: +)
    }
}

extension DecodingFailure {
    public var dropReason: DropReason {
        switch self {
        case .oversized: .oversized
        case .unsupportedVersion: .unknownVersion
        case .unknownCode: .unexpected
        case .truncated, .trailingBytes, .malformed, .limitExceeded: .malformed
        }
    }
}
