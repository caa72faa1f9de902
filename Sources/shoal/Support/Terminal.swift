import ArgumentParser
import Foundation
import Synchronization

/// What goes to the terminal: results to standard output, everything else to standard error.
enum Terminal {
    static func error(_ message: String) { write("shoal: \(message)\n", to: .standardError) }
    static func note(_ message: String) { write(message + "\n", to: .standardError) }
    /// A result that gets lost is no success; a reader who has seen enough, as `head` has, is told nothing more.
    static func print(_ text: String) {
        var rest = Array((text + "\n").utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count > 0 { rest = rest.dropFirst(count) }
            if count >= 0 || errno == EINTR { continue }
            if errno == EPIPE { exit(128 + SIGPIPE) }
            Self.error("the result cannot be written to standard output: \(String(cString: strerror(errno)))")
            exit(ExitStatus.environment.rawValue)
        }
    }

    static func json(_ value: some Encodable) throws { print(try jsonText(value)) }

    static func jsonText(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static var isInteractive: Bool { isatty(STDERR_FILENO) == 1 }

    private static func write(_ text: String, to handle: FileHandle) {
        try? handle.write(contentsOf: Data(text.utf8))
    }
}

/// How a command prints its result.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable { case table, json }

struct FormatOptions: ParsableArguments {
    @Option(help: "How to print the result: table or json.")
    var format: OutputFormat = .table
}

/// Columns of text, aligned; numbers to the right.
struct TextTable {
    private var rows: [[String]]

    init(_ header: [String]) { rows = [header] }

    mutating func add(_ row: [String]) { rows.append(row) }

    var text: String {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                let isNumber = cell.first.map { $0.isNumber || $0 == "-" } ?? false
                return isNumber ? padding + cell : cell + padding
            }.joined(separator: "  ").trimmingTrailingSpaces
        }.joined(separator: "\n")
    }
}

extension String {
    fileprivate var trimmingTrailingSpaces: String { String(reversed().drop { $0 == " " }.reversed()) }
}

extension Double {
    /// With a fixed number of decimal places.
    func text(_ places: Int) -> String { String(format: "%.\(places)f", self) }
}

/// Says how far a long task is, at most once in half a second and only to people.
final class Progress: Sendable {
    private let title: String
    private let total: Int
    private let started = ContinuousClock.now
    private let last = Mutex(ContinuousClock.now)

    init(_ title: String, total: Int) {
        self.title = title
        self.total = total
    }

    func update(_ done: Int) {
        guard Terminal.isInteractive else { return }
        let now = ContinuousClock.now
        let isDue = last.withLock { last in
            guard done == total || last.duration(to: now) > .milliseconds(500) else { return false }
            last = now
            return true
        }
        guard isDue else { return }
        let seconds = Double(started.duration(to: now).components.seconds)
        let left = done > 0 ? seconds / Double(done) * Double(total - done) : 0
        let end = done == total ? "\n" : ""
        try? FileHandle.standardError.write(
            contentsOf: Data("\r\(title): \(done) of \(total), \(left.text(0)) s left   \(end)".utf8))
    }
}
