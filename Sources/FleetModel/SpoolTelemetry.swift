/// What an agent keeps for its coordinator at the end of a window, and what it could not keep.
public struct SpoolTelemetry: Equatable, Codable, Sendable {
    /// Why a record was lost before the coordinator had it.
    public enum Loss: String, Codable, Sendable, CaseIterable {
        /// The oldest, because the spool had reached its limit.
        case full
        /// The file, or the record's row in it, could not be read any more.
        case damaged
        /// The disk took nothing, and memory keeps only the newest.
        case unwritable
    }

    /// Records that are not acknowledged.
    public var records: UInt64
    /// Of their encodings.
    public var bytes: UInt64
    /// Records lost since the spool was made.
    public var lost: [Loss: UInt64]
    /// What is wrong with the spool's file, or was with any file of the agent's state at its start; empty otherwise.
    public var trouble: String

    public static let troubleBytes = 200

    public init(records: UInt64 = 0, bytes: UInt64 = 0, lost: [Loss: UInt64] = [:], trouble: String = "") {
        (self.records, self.bytes, self.trouble) = (records, bytes, trouble)
        self.lost = lost.filter { $0.value > 0 }
    }

    public var lostRecords: UInt64 { lost.values.reduce(0) { $0.addingReportingOverflow($1).partialValue } }

    /// For people, as in `3 full, 1 damaged`.
    public var losses: String {
        Loss.allCases.compactMap { reason in lost[reason].map { "\($0) \(reason.rawValue)" } }.joined(separator: ", ")
    }
}
