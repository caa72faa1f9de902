import ArgumentParser
import FleetListings
import FleetModel
import Foundation
import ProgressLines

/// What goes to the terminal: results to standard output, everything else to standard error.
enum Terminal {
    static func error(_ message: String) { write("shoal: \(message)\n", to: .standardError) }
    static func note(_ message: String) { write(message + "\n", to: .standardError) }
    /// A result that gets lost is no success; a reader who has seen enough, as `head` has, is told nothing more.
    static func print(_ text: String) {
        StatusLine.standardError.clear()
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

    /// Characters of a line where standard output is a terminal that says so.
    static var width: Int? {
        var size = winsize()
        guard isatty(STDOUT_FILENO) == 1, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 else { return nil }
        return size.ws_col > 0 ? Int(size.ws_col) : nil
    }

    private static func write(_ text: String, to handle: FileHandle) {
        StatusLine.standardError.clear()
        try? handle.write(contentsOf: Data(text.utf8))
    }
}

/// How a command prints its result.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable { case table, json, yaml }

struct FormatOptions: ParsableArguments {
    @Option(help: "How to print the result: table, json or yaml.")
    var format: OutputFormat = .table

    /// For programs: as JSON, or the same in YAML.
    func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let json = String(decoding: try encoder.encode(value), as: UTF8.self)
        return format == .yaml ? YAMLText.of(json: json) : json
    }

    func text<Value: Encodable>(_ value: Value, _ listing: FleetListing<Value>) throws -> String {
        format == .table ? TextTable(value, listing).text : try text(value)
    }

    /// What stands before each of several results: a terminal is cleared, in a file there is a blank line between
    /// them, and YAML begins a new document.
    func separator(isFirst: Bool) -> String {
        switch format {
        case .table: isatty(STDOUT_FILENO) == 1 ? "\u{1B}[H\u{1B}[2J" : isFirst ? "" : "\n"
        case .json: ""
        case .yaml: "---\n"
        }
    }

    func print(_ value: some Encodable) throws { Terminal.print(try text(value)) }

    /// - Parameter sentence: what people are told instead.
    func print(_ value: some Encodable, _ sentence: String) throws {
        Terminal.print(format == .table ? sentence : try text(value))
    }
}

extension TextTable {
    /// As wide as the terminal, or as it needs where there is none.
    var text: String { text(width: Terminal.width) }
}

extension Double {
    /// With a fixed number of decimal places.
    func text(_ places: Int) -> String { String(format: "%.\(places)f", self) }
}
