import Engine
import Foundation
public import SearchSpace

/// The statistics of any number of subnets in one file beside the package: some kilobytes a subnet.
///
/// The container is the package's own format with kind `statistics`; the manifest names the weights that the
/// statistics belong to, so that they are never used with others.
public struct StatisticsFile: Equatable, Sendable {
    /// SHA-256 of the supernet's tensors, in hexadecimal.
    public let weightsSHA256: String
    public private(set) var subnets: [SubnetStatistics] = []

    private struct Manifest: Codable {
        var weightsSHA256: String
        var subnets: [SubnetConfiguration]
    }

    public init(weightsSHA256: String) { self.weightsSHA256 = weightsSHA256 }

    /// Statistics of the same subnet replace older ones.
    public mutating func insert(_ statistics: SubnetStatistics) {
        subnets.removeAll { $0.configuration == statistics.configuration }
        subnets.append(statistics)
    }

    /// - Parameter configuration: canonical in the supernet's search space.
    public func statistics(for configuration: SubnetConfiguration) -> SubnetStatistics? {
        subnets.first { $0.configuration == configuration }
    }

    /// Replaces the file at the path at once.
    public func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let manifest = Manifest(weightsSHA256: weightsSHA256, subnets: subnets.map(\.configuration))
        var tensors: [String: Tensor] = [:]
        for (index, subnet) in subnets.enumerated() {
            for (name, layer) in subnet.layers {
                tensors["\(index)/\(name).running_mean"] = Tensor(shape: [layer.mean.count], values: layer.mean)
                tensors["\(index)/\(name).running_var"] = Tensor(shape: [layer.variance.count], values: layer.variance)
            }
        }
        try TensorPackage(kind: "statistics", manifest: Array(try encoder.encode(manifest)), tensors: tensors)
            .write(to: path)
    }

    /// - Throws: `PackageFailure` when the file is damaged, `SupernetRefusal` when it belongs to other weights.
    public static func read(from path: String, for weightsSHA256: String) throws -> StatisticsFile {
        let package = try TensorPackage.read(from: path)
        guard package.kind == "statistics" else {
            throw SupernetRefusal.wrongKind(expected: "statistics file", found: package.kind)
        }
        guard let manifest = try? JSONDecoder().decode(Manifest.self, from: Data(package.manifest)) else {
            throw SupernetRefusal.manifest(reason: "is not that of a statistics file")
        }
        guard manifest.weightsSHA256 == weightsSHA256 else {
            throw SupernetRefusal.manifest(reason: "the statistics belong to other weights")
        }
        var file = StatisticsFile(weightsSHA256: weightsSHA256)
        for (index, configuration) in manifest.subnets.enumerated() {
            file.insert(
                SubnetStatistics(
                    configuration: configuration, origin: .file, layers: try layers(of: index, in: package)))
        }
        return file
    }

    private static func layers(of index: Int, in package: TensorPackage) throws(SupernetRefusal)
        -> [String: SubnetStatistics.Layer]
    {
        let (prefix, suffix) = ("\(index)/", ".running_mean")
        var layers: [String: SubnetStatistics.Layer] = [:]
        for (name, mean) in package.tensors where name.hasPrefix(prefix) && name.hasSuffix(suffix) {
            let layer = String(name.dropFirst(prefix.count).dropLast(suffix.count))
            guard let variance = package.tensors[prefix + layer + ".running_var"], variance.count == mean.count else {
                throw .statistics(layer: layer, reason: "mean without a variance of the same size")
            }
            layers[layer] = SubnetStatistics.Layer(mean: mean.values, variance: variance.values)
        }
        return layers
    }
}
