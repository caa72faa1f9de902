import Engine
import Graphs

/// Why a file of weights, or the description that goes with it, cannot be imported.
public struct CheckpointFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public let file: String
    /// The tensor, zip entry or configuration field at fault; `nil` where it is the file as a whole.
    public let subject: String?
    public let reason: String

    public init(file: String, subject: String? = nil, reason: String) {
        self.file = file
        self.subject = subject
        self.reason = reason
    }

    init(_ failure: ReadingFailure, in file: String) {
        self.init(file: file, subject: failure.subject, reason: failure.reason)
    }

    public var description: String {
        "\(file): \(subject.map { "\($0.printable(atMost: ReadingFailure.longestSubject)): " } ?? "")\(reason)"
    }
}
