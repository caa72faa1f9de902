/// What one look found, and what to do about it.
public struct Finding: Encodable, Equatable, Sendable {
    public enum Verdict: String, Encodable, Sendable {
        case good
        /// Works, worse than it could.
        case warning
        case bad
    }

    public var check: String
    public var verdict: Verdict
    public var message: String

    public init(_ check: String, _ verdict: Verdict, _ message: String) {
        (self.check, self.verdict, self.message) = (check, verdict, message)
    }

    /// For people: one line.
    public var line: String {
        let mark = verdict == .good ? "ok" : verdict.rawValue
        return mark + String(repeating: " ", count: max(1, 9 - mark.count)) + "\(check): \(message)"
    }
}
