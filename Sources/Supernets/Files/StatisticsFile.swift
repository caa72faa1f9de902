import Engine
import Foundation
public import SearchSpace

/// The statistics of any number of subnets in one file beside the package: two bytes per channel in use, which is 6 to
/// 22 kilobytes a subnet of the Fashion-MNIST supernet.
///
/// The container is the package's own format with kind `statistics` and one blob per subnet (`StatisticsCoding`); the
/// manifest names the weights that the statistics belong to, so that they are never used with others.
public struct StatisticsFile: Equatable, Sendable {
    /// SHA-256 of the supernet's tensors, in hexadecimal.
    public let weightsSHA256: String
    private var entries: [(configuration: SubnetConfiguration, layers: [String: QuantizedLayer])] = []

    private struct Manifest: Codable {
        var weightsSHA256: String
        /// Names of the layers; blobs refer to them by place.
        var layers: [String]
        var subnets: [SubnetConfiguration]
    }

    public init(weightsSHA256: String) { self.weightsSHA256 = weightsSHA256 }

    /// Statistics of the same subnet replace older ones.
    /// - Throws: `SupernetRefusal` when a mean or variance is not a number it can be.
    public mutating func insert(_ statistics: SubnetStatistics) throws(SupernetRefusal) {
        var layers: [String: QuantizedLayer] = [:]
        for (name, layer) in statistics.layers {
            guard let quantized = QuantizedLayer(layer) else {
                throw .statistics(layer: name, reason: "a mean or variance is not a number it can be")
            }
            layers[name] = quantized
        }
        insert(layers, of: statistics.configuration)
    }

    private mutating func insert(_ layers: [String: QuantizedLayer], of configuration: SubnetConfiguration) {
        entries.removeAll { $0.configuration == configuration }
        entries.append((configuration, layers))
    }

    /// The subnet's statistics as the file keeps them: rounded to two bytes per channel.
    /// - Parameter configuration: canonical in the supernet's search space.
    public func statistics(for configuration: SubnetConfiguration) -> SubnetStatistics? {
        entries.first { $0.configuration == configuration }.map {
            SubnetStatistics(configuration: configuration, origin: .file, layers: $0.layers.mapValues(\.layer))
        }
    }

    /// The subnets that it has statistics of.
    public var configurations: [SubnetConfiguration] { entries.map(\.configuration) }

    /// Replaces the file at the path at once.
    public func write(to path: String) throws {
        let names = Set(entries.flatMap(\.layers.keys)).sorted()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let manifest = Manifest(weightsSHA256: weightsSHA256, layers: names, subnets: entries.map(\.configuration))
        var blobs: [String: [UInt8]] = [:]
        for (index, entry) in entries.enumerated() {
            blobs["\(index)"] = StatisticsCoding.encode(entry.layers, names: names)
        }
        try TensorPackage(
            kind: "statistics", manifest: Array(try encoder.encode(manifest)), tensors: [:], blobs: blobs
        ).write(to: path)
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
            do throws(ReadingFailure) {
                guard let blob = package.blobs["\(index)"] else { throw ReadingFailure("is missing") }
                file.insert(try StatisticsCoding.decode(blob, names: manifest.layers), of: configuration)
            } catch {
                throw PackageFailure(file: path, section: "blob/\(index)", reason: error.reason)
            }
        }
        return file
    }

    public static func == (one: StatisticsFile, other: StatisticsFile) -> Bool {
        one.weightsSHA256 == other.weightsSHA256
            && one.entries.elementsEqual(other.entries) {
                $0.configuration == $1.configuration && $0.layers == $1.layers
            }
    }
}
