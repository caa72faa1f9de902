/// Why a package file cannot be used.
public struct PackageFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public let file: String
    /// The section at fault, if one can be named.
    public let section: String?
    public let reason: String

    public init(file: String, section: String? = nil, reason: String) {
        self.file = file
        self.section = section
        self.reason = reason
    }

    public var description: String { "\(file): \(section.map { "section \($0.printable) " } ?? "")\(reason)" }
}
