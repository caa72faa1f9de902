public import Engine
import Foundation
public import Packages

/// The `--config` of a network: `NetworkConfiguration` as JSON.
public enum NetworkConfigurationFile {
    /// The largest file that is read, in bytes.
    public static let byteLimit = 1 << 20

    public static func read(from path: String) throws(CheckpointFailure) -> NetworkConfiguration {
        do throws(ReadingFailure) {
            return try parse(try FileBytes.read(from: path, limit: byteLimit))
        } catch {
            throw CheckpointFailure(error, in: path)
        }
    }

    /// Fields of the file that nothing reads: each field may be missing, so a slip in a name would pass for that.
    public static func unknownFields(in path: String) -> [String] {
        let data = FileManager.default.contents(atPath: path) ?? Data()
        let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
        return (object?.keys.sorted() ?? []).filter { !["mean", "std", "labels", "inputSize"].contains($0) }
    }

    static func parse(_ bytes: [UInt8]) throws(ReadingFailure) -> NetworkConfiguration {
        let configuration: NetworkConfiguration
        do {
            configuration = try JSONDecoder().decode(NetworkConfiguration.self, from: Data(bytes))
        } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context) {
            throw ReadingFailure("is of the wrong type", subject: context.codingPath.first?.stringValue)
        } catch {
            throw ReadingFailure("is not a configuration in JSON")
        }
        if let key = RepeatedJSONKey.first(in: bytes) { throw ReadingFailure("is stated twice", subject: key) }
        guard (configuration.mean == nil) == (configuration.std == nil) else {
            throw ReadingFailure("mean and std go together: one of them is missing")
        }
        guard configuration.mean?.count == configuration.std?.count else {
            throw ReadingFailure("mean and std differ in length")
        }
        guard configuration.std?.allSatisfy({ $0 > 0 && $0.isFinite }) ?? true,
            configuration.mean?.allSatisfy(\.isFinite) ?? true
        else { throw ReadingFailure("is not positive and finite", subject: "std") }
        guard configuration.inputSize?.isPossible ?? true else {
            throw ReadingFailure("is not \(ImageSize.limits)", subject: "inputSize")
        }
        return configuration
    }
}
