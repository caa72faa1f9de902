import Engine
import Foundation
import Graphs
import SearchSpace

/// The `--config` of a supernet: `SupernetArchitecture` as JSON.
enum SupernetConfigurationFile {
    static let byteLimit = 1 << 20

    static func read(from path: String) throws(CheckpointFailure) -> SupernetArchitecture {
        do throws(ReadingFailure) {
            return try parse(try FileBytes.read(from: path, limit: byteLimit))
        } catch {
            throw CheckpointFailure(error, in: path)
        }
    }

    static func parse(_ bytes: [UInt8]) throws(ReadingFailure) -> SupernetArchitecture {
        let architecture: SupernetArchitecture
        do {
            architecture = try JSONDecoder().decode(SupernetArchitecture.self, from: Data(bytes))
        } catch let error as DecodingError {
            throw refusal(error)
        } catch {
            throw ReadingFailure("is not a configuration in JSON")
        }
        if let key = RepeatedJSONKey.first(in: bytes) { throw ReadingFailure("is stated twice", subject: key) }
        do throws(ArchitectureRefusal) {
            try architecture.validate()
        } catch {
            throw ReadingFailure(error.reason, subject: error.field)
        }
        return architecture
    }

    private static func refusal(_ error: DecodingError) -> ReadingFailure {
        switch error {
        case .keyNotFound(let key, let context):
            return ReadingFailure("is missing", subject: field(context.codingPath + [key]))
        case .typeMismatch(let type, let context):
            return ReadingFailure("is not of type \(type)", subject: field(context.codingPath))
        case .valueNotFound(let type, let context):
            return ReadingFailure("is null instead of \(type)", subject: field(context.codingPath))
        case .dataCorrupted(let context) where context.codingPath.isEmpty:
            return ReadingFailure("is not a configuration in JSON")
        case .dataCorrupted(let context):
            return ReadingFailure(context.debugDescription.printable, subject: field(context.codingPath))
        @unknown default:
            return ReadingFailure("cannot be understood: \(error)".printable)
        }
    }

    /// `activations[2]` for the path of keys to a value.
    private static func field(_ path: [any CodingKey]) -> String? {
        path.isEmpty
            ? nil
            : path.reduce("") { text, key in
                if let index = key.intValue { return "\(text)[\(index)]" }
                return text.isEmpty ? key.stringValue : "\(text).\(key.stringValue)"
            }
    }
}
