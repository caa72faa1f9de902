public import Engine
import Foundation
import SearchSpace

/// Turns a checkpoint of an OFA-MobileNetV3 supernet into a package.
public enum SupernetImporter {
    /// - Parameter configPath: JSON of `SupernetArchitecture`; without it the layout must be one that is built in.
    /// - Throws: `CheckpointFailure` with file, tensor and reason.
    public static func importCheckpoint(
        from path: String, configPath: String?
    ) throws(CheckpointFailure) -> TensorPackage {
        var tensors: [String: Tensor] = [:]
        for (name, tensor) in try PyTorchCheckpoint.read(from: path) {
            let canonical = canonicalName(name)
            guard tensors.updateValue(tensor, forKey: canonical) == nil else {
                throw CheckpointFailure(file: path, tensor: canonical, reason: "is there under two spellings")
            }
        }
        var architecture: SupernetArchitecture
        if let configPath {
            architecture = try readConfig(configPath)
        } else {
            architecture = try builtIn(for: tensors, file: path)
        }
        let layout = SupernetLayout(architecture: architecture)
        do {
            architecture.widths = try layout.widths(of: tensors)
            try layout.check(tensors)
        } catch {
            throw CheckpointFailure(file: path, tensor: error.subject, reason: error.reason)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        guard let manifest = try? encoder.encode(architecture) else {
            throw CheckpointFailure(file: path, reason: "has a description that cannot be written")
        }
        return TensorPackage(kind: "supernet", manifest: Array(manifest), tensors: tensors)
    }

    /// Older files say `mobile_inverted_conv` where newer ones say `conv`, and training wrappers add `module.`.
    static func canonicalName(_ name: String) -> String {
        let bare = name.hasPrefix("module.") ? String(name.dropFirst("module.".count)) : name
        return bare.replacing(".mobile_inverted_conv.", with: ".conv.")
    }

    private static func builtIn(
        for tensors: [String: Tensor], file: String
    ) throws(CheckpointFailure) -> SupernetArchitecture {
        let candidate = SupernetArchitecture.imageNetMobileNetV3
        let layout = SupernetLayout(architecture: candidate)
        guard let classifier = tensors["classifier.linear.weight"], classifier.shape.first == 1_000,
            (try? layout.widths(of: tensors)) != nil
        else {
            throw CheckpointFailure(
                file: file, reason: "is not one of the built-in layouts (ofa-mbv3 for ImageNet): give --config")
        }
        return candidate
    }

    private static func readConfig(_ path: String) throws(CheckpointFailure) -> SupernetArchitecture {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CheckpointFailure(file: path, reason: "cannot be read")
        }
        do {
            let architecture = try JSONDecoder().decode(SupernetArchitecture.self, from: data)
            try architecture.validate()
            return architecture
        } catch let refusal as ArchitectureRefusal {
            throw CheckpointFailure(file: path, reason: refusal.description)
        } catch let error as DecodingError {
            throw CheckpointFailure(file: path, reason: describe(error))
        } catch {
            throw CheckpointFailure(file: path, reason: "is not JSON")
        }
    }

    private static func describe(_ error: DecodingError) -> String {
        func path(_ keys: [any CodingKey]) -> String {
            keys.map { key in key.intValue.map { "[\($0)]" } ?? key.stringValue }.joined(separator: ".")
        }
        return switch error {
        case .keyNotFound(let key, let context): "\(path(context.codingPath + [key])): is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "\(path(context.codingPath)): is of the wrong type"
        case .dataCorrupted(let context):
            context.codingPath.isEmpty ? "is not JSON" : "\(path(context.codingPath)): \(context.debugDescription)"
        @unknown default: "is not the description of a supernet"
        }
    }
}
