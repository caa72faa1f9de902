/// What somebody may do by the HTTP interface; each role may do all that the ones before it may.
public enum AccessRole: String, Codable, Sendable, CaseIterable, Comparable {
    /// Look.
    case viewer
    /// Apply policies, run searches, take hooks back, read the audit log.
    case `operator`
    /// Let boards and people in, and shut them out.
    case admin

    public static func < (left: AccessRole, right: AccessRole) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .viewer: 0
        case .operator: 1
        case .admin: 2
        }
    }
}

/// The name of a token: what the audit log calls whoever uses it. 1 to 64 of a-z, A-Z, 0-9, `.`, `_`, `-`, beginning
/// with a letter or digit.
public struct AccessName: Hashable, Sendable, RawRepresentable {
    public static let lengthLimit = 64
    public let rawValue: String

    public init?(rawValue: String) {
        let bytes = Array(rawValue.utf8)
        guard (1...Self.lengthLimit).contains(bytes.count), let first = bytes.first, Self.isWord(first),
            bytes.allSatisfy({ Self.isWord($0) || [0x2D, 0x2E, 0x5F].contains($0) })
        else { return nil }
        self.rawValue = rawValue
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }
}
