import Engine
import Files
import Foundation

/// Texts that commands read.
enum InputFile {
    static func text(_ path: String) throws -> String {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw Refusal("\(path): cannot be read as text")
        }
        return text
    }
}

/// Files that commands write.
enum OutputFile {
    /// Refuses to write over a file that the command reads, by whatever path, and over what is no file: outputs are
    /// written beside their place and renamed, which would put a file where a device or a link was.
    static func check(_ output: String, isNoneOf inputs: [String?] = []) throws {
        let kind = try? FileManager.default.attributesOfItem(atPath: output)[.type] as? FileAttributeType
        guard kind == nil || kind == .typeRegular else {
            throw Refusal("\(output): is not a regular file and would be replaced by one")
        }
        let target = URL(filePath: output).resolvingSymlinksInPath().standardizedFileURL.path(percentEncoded: false)
        for case let input? in inputs
        where URL(filePath: input).resolvingSymlinksInPath().standardizedFileURL.path(percentEncoded: false) == target {
            throw Refusal("\(output): is read by this command and would be overwritten")
        }
    }

    /// Replaces the file with the value as JSON with sorted keys, at once.
    static func writeJSON(_ value: some Encodable, to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try write(Array(try encoder.encode(value)), to: path)
    }

    /// Replaces the file at once.
    static func write(_ bytes: [UInt8], to path: String) throws {
        do { try FileBytes.write(bytes, to: path) } catch {
            throw Refusal("\(path): \(error.reason)", .environment)
        }
    }

    /// Takes the place of a secret before it is asked for, and gives it back where that fails.
    static func reserving<Value>(_ path: String, _ body: () async throws -> Value) async throws -> Value {
        try checkFolder(of: path)
        do { try PrivateFile.reserve(path) } catch { throw Refusal("\(error)", .environment) }
        do { return try await body() } catch {
            try? PrivateFile.remove(path)
            throw error
        }
    }

    /// Writes by whatever means; what goes wrong then is the environment's fault.
    static func writing(_ write: () throws -> Void) throws {
        do { try write() } catch { throw Refusal(Refusal(error).message, .environment) }
    }

    /// Refuses a path whose folder is not there, before the work whose result it is to hold.
    static func checkFolder(of path: String) throws {
        let folder = URL(filePath: path).deletingLastPathComponent().path(percentEncoded: false)
        guard FileManager.default.isWritableFile(atPath: folder) else {
            throw Refusal("\(path): cannot be written: its folder is missing or not writable", .environment)
        }
    }
}
