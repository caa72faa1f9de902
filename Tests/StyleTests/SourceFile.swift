import Foundation
import Testing

/// A source file as the style rules see it.
struct SourceFile: Sendable, CustomTestStringConvertible {
    let path: String
    let room: String
    let lines: [String]
    /// The text without comment lines.
    let code: String
    var testDescription: String { path }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Swift files below a top-level folder, generated code left out.
    static func all(under folder: String) -> [SourceFile] {
        let base = root.appending(path: folder)
        let walker = FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil)
        var files: [SourceFile] = []
        while let url = walker?.nextObject() as? URL {
            guard url.pathExtension == "swift", !url.path().contains("/Generated/"),
                let text = try? String(contentsOf: url, encoding: .utf8)
            else { continue }
            let relative = url.path().dropFirst(base.path().count).split(separator: "/").map(String.init)
            let lines = text.components(separatedBy: "\n")
            files.append(
                SourceFile(
                    path: folder + "/" + relative.joined(separator: "/"), room: relative[0], lines: lines,
                    code: lines.filter { !$0.drop(while: \.isWhitespace).hasPrefix("//") }.joined(separator: "\n")))
        }
        return files.sorted { $0.path < $1.path }
    }

    var imports: [String] {
        lines.compactMap { $0.firstMatch(of: /^(?:@\w+ )?(?:\w+ )?import (\w+)/).map { String($0.output.1) } }
    }

    struct Function { let line: Int, lineCount: Int }

    /// Functions by indentation: from the line that declares one to the closing brace below it.
    var functions: [Function] {
        var found: [Function] = []
        for (index, line) in lines.enumerated()
        where line.firstMatch(of: /^\s*([a-z@][\w() ]* )?(func|init)\b/) != nil && line.last != "}" {
            let indent = line.prefix(while: \.isWhitespace)
            guard let end = lines[index...].firstIndex(where: { $0 == indent + "}" }) else { continue }
            found.append(Function(line: index + 1, lineCount: end - index + 1))
        }
        return found
    }
}

/// The `"Room": ["Import", …],` rows of the tables of rooms and programs in Package.swift: a room may import what its
/// row reaches.
struct RoomTable {
    private(set) var imports: [String: Set<String>] = [:]

    static func read() throws -> RoomTable {
        let manifest = try String(contentsOf: SourceFile.root.appending(path: "Package.swift"), encoding: .utf8)
        let text = manifest.prefix(upTo: manifest.firstRange(of: "let libraries")?.lowerBound ?? manifest.endIndex)
        var table = RoomTable()
        for row in text.matches(of: /(?m)^    "([\w-]+)": \[([^\]]*)\],$/) {
            let names = row.output.2.matches(of: /"([\w-]+)"/).map { String($0.output.1) }
            table.imports[String(row.output.1)] = names.reduce(into: []) { reached, name in
                reached.insert(name)
                reached.formUnion(table.imports[name] ?? [])
            }
        }
        return table
    }
}
