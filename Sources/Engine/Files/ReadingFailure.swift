import Graphs

/// Why bytes from outside cannot be used, before it is known which file they came from.
///
/// Readers of file formats throw this; the public entry of each format adds the file and throws its own type.
package struct ReadingFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// The part of the file that is at fault (a section, a tensor, a zip entry), if one can be named.
    package var subject: String?
    /// A clause that continues "FILE: ", such as `the table ends after 12 of 40 bytes`.
    package var reason: String

    /// Room for a node's place, whose end must not be lost: operator, name and opset, each bounded already.
    package static let longestSubject = 320

    package var description: String {
        (subject.map { $0.printable(atMost: Self.longestSubject) + ": " } ?? "") + reason
    }

    package init(_ reason: String, subject: String? = nil) {
        self.subject = subject
        self.reason = reason
    }
}
