import SwiftProtobuf

/// The board is to change its CURVE key.
///
///     order   wanted      make a new key, keep it, and tell it; said again until the board reports
///             accepted    that key may speak for the board now: connect with it
///     report  the new key, over a connection of the one in force, as often as it is wanted
///
/// An agent of an earlier version does not know these messages and drops them: its key stays.
public struct KeyOrder: Equatable, Sendable {
    public enum Content: Equatable, Sendable {
        case wanted
        /// Z85.
        case accepted(key: String)
    }

    /// Of the rotation.
    public var number: UInt64
    public var content: Content

    public init(number: UInt64, _ content: Content) { (self.number, self.content) = (number, content) }
}

/// The key that a board has made and keeps.
public struct KeyReport: Equatable, Sendable {
    public var number: UInt64
    /// Z85.
    public var key: String

    public init(number: UInt64, key: String) { (self.number, self.key) = (number, key) }
}

extension KeyOrder {
    init(_ wire: WireKeyOrder) throws(DecodingFailure) {
        number = try Checks.counter(wire.number, "number", from: 1)
        content =
            wire.acceptedKey.isEmpty
            ? .wanted : .accepted(key: try Checks.curveKey(wire.acceptedKey, "acceptedKey"))
    }
}

extension KeyReport {
    init(_ wire: WireKeyReport) throws(DecodingFailure) {
        number = try Checks.counter(wire.number, "number", from: 1)
        key = try Checks.curveKey(wire.key, "key")
    }
}

extension WireKeyOrder {
    init(_ order: KeyOrder) {
        self.init()
        number = order.number
        if case .accepted(let key) = order.content { acceptedKey = key }
    }
}

extension WireKeyReport {
    init(_ report: KeyReport) {
        self.init()
        (number, key) = (report.number, report.key)
    }
}

extension Checks {
    private static let keyAlphabet = Set(
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#".utf8)

    /// 40 characters of Z85 (ZeroMQ RFC 32).
    static func curveKey(_ text: String, _ field: String) throws(DecodingFailure) -> String {
        guard text.utf8.count == 40, text.utf8.allSatisfy(keyAlphabet.contains) else {
            throw .malformed(field: field)
        }
        return text
    }
}
