/// Names a board for its whole life: 1 to 63 characters of `a-z`, `0-9`, `-`, starting with a letter or digit.
public struct BoardID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let rawValue: String

    /// `nil` when the text is not a board name.
    public init?(_ text: String) {
        guard ResourceName.isValid(text) else { return nil }
        rawValue = text
    }

    public var description: String { rawValue }
    public static func < (left: BoardID, right: BoardID) -> Bool { left.rawValue < right.rawValue }
}

/// Names a deployed model; the same form as a board's name.
public struct ModelName: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let rawValue: String

    /// `nil` when the text is not a model name.
    public init?(_ text: String) {
        guard ResourceName.isValid(text) else { return nil }
        rawValue = text
    }

    public var description: String { rawValue }
    public static func < (left: ModelName, right: ModelName) -> Bool { left.rawValue < right.rawValue }
}

/// The form that all resource names share; safe in paths, URLs and terminals.
public enum ResourceName {
    public static func isValid(_ text: String) -> Bool {
        guard (1...63).contains(text.utf8.count), text.utf8.first != UInt8(ascii: "-") else { return false }
        return text.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                || $0 == UInt8(ascii: "-")
        }
    }
}
