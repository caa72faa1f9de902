import SearchSpace

/// Measured latencies: architectures by boards, in milliseconds. Missing is NaN.
///
/// The CSV form: first column `architecture` (the data set's own string, or a subnet as JSON or in its short form,
/// which it is kept in, so that positions beyond a stage's depth play no part), one column per board, header row; an
/// empty or negative field means not measured. Zero was measured, below the clock's resolution: it counts as half of
/// the board's least latency above zero, such as 0.5 of a phone in whole milliseconds; of a board without any as not
/// measured.
public struct BoardMeasurements: Hashable, Sendable {
    public static let architectureLimit = 200_000
    public static let boardLimit = 4_096
    /// Milliseconds that anything can take, in thirty years too; beyond, numbers of the predictor overflow.
    public static let plausible = 1e-12...1e12

    /// Why text is not a table of measurements.
    public struct Refusal: Error, Hashable, Sendable, CustomStringConvertible {
        /// From 1 on.
        public let line: Int
        public let reason: String
        public var description: String { "line \(line): \(reason)" }
    }

    public let architectures: [String]
    /// The line of each architecture in the text that was read, from 1 on; empty of a table that was not read.
    public private(set) var lines: [Int] = []
    public private(set) var boards: [String] = []
    /// By board, then by architecture.
    public private(set) var latencies: [[Double]] = []

    public init(architectures: [String]) {
        precondition(Set(architectures).count == architectures.count, "an architecture stands once")
        self.architectures = architectures
    }

    public mutating func add(board: String, latencies column: [Double]) {
        precondition(column.count == architectures.count, "one latency per architecture")
        boards.append(board)
        latencies.append(Self.resolved(column))
    }

    /// What is no latency as NaN, zero as half of the least above it.
    private static func resolved(_ column: [Double]) -> [Double] {
        let least = column.lazy.filter(plausible.contains).min()
        return column.map { $0 == 0 ? least.map { $0 / 2 } ?? .nan : plausible.contains($0) ? $0 : .nan }
    }

    /// Parses the CSV form.
    public init(csv text: String) throws(Refusal) {
        let textLines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        let isBlank = { (line: Substring) in line.allSatisfy(\.isWhitespace) }
        guard let first = textLines.first, !isBlank(first) else {
            throw Refusal(line: 1, reason: "the header is missing")
        }
        let header = Self.fields(of: first.first == "\u{FEFF}" ? first.dropFirst() : first)
        boards = try Self.boards(in: header)
        var seen: Set<String> = []
        var names: [String] = []
        latencies = Array(repeating: [], count: boards.count)
        for (index, line) in textLines.enumerated().dropFirst() where !isBlank(line) {
            let fields = Self.fields(of: line)
            func refuse(_ reason: String) -> Refusal { Refusal(line: index + 1, reason: reason) }
            guard fields.count == header.count else {
                throw refuse("\(fields.count) fields, the header has \(header.count)")
            }
            guard !fields[0].isEmpty else { throw refuse("the architecture is missing") }
            let name = SubnetConfiguration(text: fields[0]).map { "\($0)" } ?? fields[0]
            guard seen.insert(name).inserted else { throw refuse("architecture \(name) stands twice") }
            guard names.count < Self.architectureLimit else {
                throw refuse("more than \(Self.architectureLimit) architectures")
            }
            names.append(name)
            lines.append(index + 1)
            for (board, field) in fields.dropFirst().enumerated() {
                guard let value = field.isEmpty ? .nan : Double(field) else {
                    throw refuse("\(boards[board]): \(field) is not a number")
                }
                guard !(value > 0) || Self.plausible.contains(value), value > -.infinity || value.isNaN else {
                    throw refuse("\(boards[board]): \(field) is not a latency")
                }
                latencies[board].append(value)
            }
        }
        guard !names.isEmpty else { throw Refusal(line: 2, reason: "no architecture follows the header") }
        architectures = names
        latencies = latencies.map(Self.resolved)
    }

    private static func boards(in header: [String]) throws(Refusal) -> [String] {
        guard header[0] == "architecture" else {
            throw Refusal(line: 1, reason: "the header is missing: its first field is architecture, not \(header[0])")
        }
        let boards = Array(header.dropFirst())
        guard !boards.isEmpty else { throw Refusal(line: 1, reason: "no column of a board") }
        guard boards.count <= boardLimit else { throw Refusal(line: 1, reason: "more than \(boardLimit) boards") }
        var seen: Set<String> = []
        for board in boards {
            guard !board.isEmpty else { throw Refusal(line: 1, reason: "a column without a name") }
            guard seen.insert(board).inserted else { throw Refusal(line: 1, reason: "column \(board) stands twice") }
        }
        return boards
    }

    /// Fields between commas; one in double quotes may hold commas, and quotes that stand twice (RFC 4180).
    private static func fields(of line: Substring) -> [String] {
        var fields: [String] = []
        var field = ""
        var isQuoted = false
        var last: Character?
        for character in line {
            defer { last = character }
            switch character {
            case "\"":
                // The second of two: the first has ended the quoted part.
                if last == "\"", !isQuoted { field.append(character) }
                isQuoted.toggle()
            case "," where !isQuoted:
                fields.append(field)
                field = ""
            default: field.append(character)
            }
        }
        fields.append(field)
        return fields.map { text in
            let left = text.drop(while: \.isWhitespace)
            return String(left.reversed().drop(while: \.isWhitespace).reversed())
        }
    }
}
