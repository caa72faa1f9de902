/// Why a policy file, or a board file, cannot be used, and where to look.
public struct PolicyRefusal: Error, Equatable, Codable, Sendable, CustomStringConvertible {
    /// The file as its reader named it.
    public let file: String
    /// From 1.
    public let line: Int
    /// Path of the field, as in `spec.models[0].latency.percentile`; the document itself is `policy`.
    public let field: String
    public let reason: String

    public init(file: String, line: Int, field: String, reason: String) {
        self.file = file
        self.line = line
        self.field = field
        self.reason = reason
    }

    public var description: String { "\(file):\(line): \(field): \(reason)" }
}
