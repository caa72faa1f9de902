public import Engine
import Foundation

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

    static func parse(_ bytes: [UInt8]) throws(ReadingFailure) -> NetworkConfiguration {
        guard let configuration = try? JSONDecoder().decode(NetworkConfiguration.self, from: Data(bytes)) else {
            throw ReadingFailure("is not JSON with mean, std, labels and inputSize")
        }
        guard configuration.mean?.count == configuration.std?.count else {
            throw ReadingFailure("mean and std differ in length")
        }
        guard configuration.std?.allSatisfy({ $0 > 0 && $0.isFinite }) ?? true,
            configuration.mean?.allSatisfy(\.isFinite) ?? true
        else { throw ReadingFailure("is not positive and finite", subject: "std") }
        guard configuration.inputSize.map({ 1...65_536 ~= $0 }) ?? true else {
            throw ReadingFailure("is not from 1 to 65536", subject: "inputSize")
        }
        return configuration
    }
}
