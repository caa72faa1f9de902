public import Engine
import Foundation
public import Packages
import SearchSpace

/// Turns a PyTorch checkpoint of an OFA-MobileNetV3 supernet (Cai et al., ICLR 2020) into a package.
public enum SupernetImporter {
    /// The kind of the packages that this importer makes.
    public static let kind = "supernet"

    /// Reads the weights and checks every tensor's presence, shape and values against the architecture.
    ///
    /// The package's tensors have the names of the newer public checkpoints (`blocks.N.conv.…`); its manifest is
    /// `SupernetArchitecture` as JSON, with the widths filled in. Without a configuration, the two public ImageNet
    /// supernets are recognised by their shapes.
    /// - Parameter configPath: JSON of `SupernetArchitecture`.
    public static func importCheckpoint(
        path: String, configPath: String?
    ) throws(CheckpointFailure) -> TensorPackage {
        var architecture: SupernetArchitecture?
        if let configPath { architecture = try SupernetConfigurationFile.read(from: configPath) }
        let checkpoint = try PyTorchCheckpoint.read(from: path)
        do throws(ReadingFailure) {
            return try package(checkpoint, architecture)
        } catch {
            throw CheckpointFailure(error, in: path)
        }
    }

    static func package(
        _ checkpoint: PyTorchCheckpoint, _ configured: SupernetArchitecture?
    ) throws(ReadingFailure) -> TensorPackage {
        let tensors = try canonical(checkpoint)
        var architecture: SupernetArchitecture
        if let configured { architecture = configured } else { architecture = try builtIn(tensors) }
        let widths = try SupernetLayout.widths(of: tensors, for: architecture)
        guard architecture.widths ?? widths == widths else {
            throw ReadingFailure("the configuration states other widths than the weights have")
        }
        guard architecture.labels.isEmpty || architecture.labels.count == widths.classes else {
            throw ReadingFailure(
                "the configuration has \(architecture.labels.count) labels for \(widths.classes) classes")
        }
        try SupernetLayout(architecture, widths: widths).check(tensors)
        architecture.widths = widths
        return TensorPackage(kind: kind, manifest: try manifest(architecture), tensors: tensors)
    }

    private static func manifest(_ architecture: SupernetArchitecture) throws(ReadingFailure) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(architecture))
        } catch {
            throw ReadingFailure("the architecture cannot be written as JSON")
        }
    }

    // MARK: Names

    /// Weights under their canonical names, without what only training needs.
    private static func canonical(_ checkpoint: PyTorchCheckpoint) throws(ReadingFailure) -> [String: Tensor] {
        let counter = ".num_batches_tracked"
        if let name = checkpoint.integerTensors.keys.filter({ !$0.hasSuffix(counter) }).min() {
            throw ReadingFailure("holds integers, which no supernet has", subject: name)
        }
        var tensors: [String: Tensor] = [:]
        for (name, tensor) in checkpoint.tensors where !name.hasSuffix(counter) {
            guard tensors.updateValue(tensor, forKey: canonicalName(name)) == nil else {
                throw ReadingFailure("occurs in two spellings", subject: canonicalName(name))
            }
        }
        return tensors
    }

    /// Drops the prefix of data-parallel training, and spells blocks as newer checkpoints do.
    static func canonicalName(_ name: String) -> String {
        let prefix = "module."
        var parts = (name.hasPrefix(prefix) ? name.dropFirst(prefix.count) : name[...]).split(
            separator: ".", omittingEmptySubsequences: false)
        if parts.count > 2, parts[0] == "blocks", parts[2] == "mobile_inverted_conv" { parts[2] = "conv" }
        return parts.joined(separator: ".")
    }

    // MARK: Built-in layouts

    private static func builtIn(_ tensors: [String: Tensor]) throws(ReadingFailure) -> SupernetArchitecture {
        let known: [SupernetArchitecture] = [.imageNetMobileNetV3Width10, .imageNetMobileNetV3Width12]
        guard known.contains(where: { resembles(tensors, $0) }) else {
            throw ReadingFailure("is not one of the built-in layouts: give --config")
        }
        // Without widths: they are read from the tensors, so that a missing one is named.
        return .imageNetMobileNetV3
    }

    /// Whether most stages have these widths: enough to know the layout even where a tensor is missing, so that the
    /// refusal can name it.
    private static func resembles(_ tensors: [String: Tensor], _ architecture: SupernetArchitecture) -> Bool {
        guard let widths = architecture.widths else { return false }
        let perStage = architecture.searchSpace.positionsPerStage
        let matching = widths.stages.indices.count { stage in
            let name = "blocks.\(stage * perStage + 1).conv.point_linear.conv.conv.weight"
            return tensors[name]?.shape.first == widths.stages[stage]
        }
        return 2 * matching > widths.stages.count
    }
}

extension TensorPackage {
    /// Values that training has set: all but the running statistics of batch normalisation, which are measured.
    public var parameterCount: Int {
        tensors.reduce(0) { sum, entry in
            entry.key.hasSuffix(".running_mean") || entry.key.hasSuffix(".running_var") ? sum : sum + entry.value.count
        }
    }
}
