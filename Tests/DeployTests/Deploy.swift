import Foundation
import Testing
import Yams

/// The files under `Deploy`, and the programs that they start.
enum Deploy {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let folder = root.appending(path: "Deploy").path

    struct Outcome {
        let status: Int32
        /// Both streams.
        let text: String
    }

    static func text(_ path: String) throws -> String {
        try String(contentsOfFile: folder + "/" + path, encoding: .utf8)
    }

    /// The documents of a file.
    static func documents(_ path: String) throws -> [Node] { try Array(Yams.compose_all(yaml: text(path))) }

    /// Beside the tests, or of the last build.
    static func program(_ name: String) -> String {
        let beside = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: name).path()
        let built = root.appending(path: ".build/release/\(name)").path()
        return FileManager.default.isExecutableFile(atPath: beside) ? beside : built
    }

    static func run(_ program: String, _ arguments: [String], environment: [String: String]? = nil) throws -> Outcome {
        let output = FileManager.default.temporaryDirectory.path + "/deploy-\(UUID())"
        _ = FileManager.default.createFile(atPath: output, contents: nil)
        defer { try? FileManager.default.removeItem(atPath: output) }
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        if let environment { process.environment = environment }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: output)
        try process.run()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, text: try String(contentsOfFile: output, encoding: .utf8))
    }

    /// Options of a program, as its help names them.
    static func options(of program: String, _ command: [String]) throws -> Set<String> {
        let help = try run(Deploy.program(program), command + ["--help"])
        try #require(help.status == 0, "\(help.text)")
        return Set(help.text.matches(of: /(?m)^\s+(--[a-z-]+)/).map { String($0.output.1) })
    }
}

extension Node {
    /// What lies along the path; a word is a key, a number a place.
    func at(_ path: String) -> Node? {
        path.split(separator: ".").reduce(self as Node?) { node, step in
            Int(step).map { place in
                node?.sequence.flatMap { $0.indices.contains(place) ? $0[place] : nil }
            } ?? node?[String(step)]
        }
    }

    func items(_ path: String) -> [Node] { at(path).flatMap(\.sequence).map(Array.init) ?? [] }
    func word(_ path: String) -> String? { at(path)?.scalar?.string }
}
