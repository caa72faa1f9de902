import Engine
import Foundation
import Fusion
import Graphs
import NetworkParts
import Packages
import SearchSpace
import Supernets

/// A package made by `shoal import`: a network, or a supernet with its subnets. Opening checks the file; for what is
/// checked of a supernet see "Packages on disk" in the README.
///
///     let model = try Model("fashion.shoal", points: "fashion.points.json", statistics: "fashion.statistics")
///     let session = try InferenceSession(try model.prepare(), threads: 2)
///     try session.activate(0)
///     try session.run(planar: image)
///     print(session.top(1))
///
/// Immutable: any number of threads may use a model at once. A session belongs to one thread.
public final class Model: Sendable {
    public enum Kind: String, Sendable { case network, supernet }

    private enum Content: Sendable {
        case network(LoadedNetwork, KernelSet, weightsSHA256: String)
        case supernet(LoadedSupernet, StatisticsFile?)
    }

    public let kind: Kind
    /// As the checkpoint or graph calls it.
    public let name: String
    /// Class names in the order of the output; empty where the package has none.
    public let labels: [String]
    /// The subnets that `prepare()` prepares, in the order of the points file (fastest first): its own, else those of
    /// the statistics file, else the largest. Empty for a network.
    public let subnets: [Subnet]

    private let content: Content

    /// - Parameters:
    ///   - package: path of a package.
    ///   - points: for a supernet, the path of a Pareto table (`shoal calibrate`) or of a JSON list of subnets.
    ///   - statistics: for a supernet, the path of a statistics file (`shoal calibrate`). Without it subnets run with
    ///     the checkpoint's statistics.
    /// - Throws: `ShoalFailure` naming the file.
    public init(_ package: String, points: String? = nil, statistics: String? = nil) throws(ShoalFailure) {
        do {
            let file = try PackageFile(package)
            if file.kind == NetworkPackage.kind {
                guard points == nil, statistics == nil else {
                    throw ShoalFailure(.argument, "\(package): is a network; it has no subnets or statistics of them")
                }
                let loaded = try LoadedNetwork(file.package(), path: package)
                (kind, name, subnets) = (.network, loaded.network.graph.name, [])
                labels = loaded.network.configuration.labels ?? []
                content = .network(loaded, try KernelSet.selected(), weightsSHA256: try file.weightsSHA256())
                return
            }
            let loaded = try LoadedSupernet(file)
            let known = try statistics.map { try Self.statistics(in: $0, of: loaded) }
            let listed = try points.map { try Self.subnets(in: $0, of: loaded) } ?? known?.configurations
            (kind, name, labels) = (.supernet, loaded.supernet.architecture.name, loaded.supernet.architecture.labels)
            subnets = (listed ?? [loaded.supernet.space.largest]).map(Subnet.init)
            content = .supernet(loaded, known)
        } catch {
            throw ShoalFailure(wrapping: error)
        }
    }

    /// - Throws: naming the file, also where it is a package of something else.
    private static func statistics(in path: String, of loaded: LoadedSupernet) throws -> StatisticsFile {
        do {
            return try StatisticsFile.read(from: path, for: loaded.weightsSHA256)
        } catch let refusal as SupernetRefusal {
            throw ShoalFailure(.file, "\(path): \(refusal)")
        }
    }

    /// All `subnets`, or the network.
    public func prepare() throws(ShoalFailure) -> [OperatingPoint] {
        switch content {
        case .network(let loaded, let kernels, _): [try Self.point(of: loaded, kernels)]
        case .supernet: try prepare(subnets)
        }
    }

    /// Makes the plans of subnets of a supernet; they share its packed weights.
    /// - Throws: `ShoalFailure` when the search space has no such subnet or the statistics file does not name it.
    public func prepare(_ subnets: [Subnet]) throws(ShoalFailure) -> [OperatingPoint] {
        guard case .supernet(let loaded, let statistics) = content else {
            throw ShoalFailure(.subnet, "\(name): is a network; it has no subnets")
        }
        var points: [OperatingPoint] = []
        for subnet in subnets { points.append(try Self.point(subnet, of: loaded, statistics)) }
        return points
    }

    /// The network as hooks see it; `nil` for a supernet.
    var hookable: (() throws -> HookablePackage)? {
        guard case .network(let loaded, let kernels, let hash) = content else { return nil }
        return { try HookablePackage(loaded, weightsSHA256: hash, channels: nil, kernels: kernels) }
    }

    /// Reads a subnet from its JSON form.
    public func subnet(json: String) throws(ShoalFailure) -> Subnet {
        guard case .supernet(let loaded, _) = content else {
            throw ShoalFailure(.subnet, "\(name): is a network; it has no subnets")
        }
        return Subnet(try loaded.subnet(json: json, source: "subnet"))
    }

    private static func point(
        _ subnet: Subnet, of loaded: LoadedSupernet, _ file: StatisticsFile?
    ) throws(ShoalFailure) -> OperatingPoint {
        let configuration = try loaded.canonical(subnet.configuration, source: loaded.path)
        let statistics =
            file.map { $0.statistics(for: configuration) }
            ?? loaded.supernet.checkpointStatistics(for: configuration)
        guard let statistics else {
            throw ShoalFailure(.subnet, "\(loaded.path): the statistics file has none of \(configuration)")
        }
        let architecture = loaded.supernet.architecture
        do {
            let plan = try loaded.supernet.plan(configuration, statistics: statistics, kernels: loaded.kernels)
            return OperatingPoint(
                plan, subnet: Subnet(configuration), statistics: file == nil ? .checkpoint : .own,
                normalization: (architecture.mean, architecture.std))
        } catch { throw ShoalFailure(.subnet, "\(loaded.path): \(error)") }
    }

    private static func point(
        of loaded: LoadedNetwork, _ kernels: KernelSet
    ) throws(ShoalFailure) -> OperatingPoint {
        let shape = try loaded.inputShape(channels: loaded.channels)
        let normalization = try loaded.normalization(channels: shape[1])
        let bound = try loaded.bound(to: shape)
        let reason: GraphFailure
        do throws(GraphFailure) {
            let plan = try FusedNetwork(bound).plan(kernels: kernels)
            return OperatingPoint(plan, subnet: nil, statistics: .own, normalization: normalization)
        } catch { reason = error }
        let network: HybridNetwork
        do { network = try HybridNetwork(bound, kernels: kernels) } catch {
            throw ShoalFailure(.file, "\(loaded.path): \(error)")
        }
        return OperatingPoint(network, shape: shape, normalization: normalization, because: "\(reason)")
    }

    /// The subnets of a Pareto table or of a list.
    private static func subnets(in path: String, of loaded: LoadedSupernet) throws -> [SubnetConfiguration] {
        struct Table: Decodable {
            struct Point: Decodable { var configuration: SubnetConfiguration }
            var points: [Point]
        }
        let data: Data
        do { data = Data(try FileBytes.read(from: path, limit: pointsByteLimit)) } catch {
            throw ShoalFailure(.file, "\(path): \(error)")
        }
        let decoder = JSONDecoder()
        let listed =
            (try? decoder.decode(Table.self, from: data).points.map(\.configuration))
            ?? (try? decoder.decode([SubnetConfiguration].self, from: data)) ?? []
        guard !listed.isEmpty, listed.count <= pointsLimit else {
            throw ShoalFailure(.file, "\(path): is neither a Pareto table nor a list of 1 to \(pointsLimit) subnets")
        }
        return try listed.map { try loaded.canonical($0, source: path) }
    }

    /// Bytes of a points file.
    public static let pointsByteLimit = 1 << 20
    /// Subnets in a points file.
    public static let pointsLimit = 1_024
}

extension ShoalFailure {
    /// A failure of the rooms below, in their words.
    init(wrapping error: any Error) {
        switch error {
        case let failure as ShoalFailure: self = failure
        case is InstructionSetRefusal: self.init(.environment, "\(error)")
        default: self.init(.file, "\(error)")
        }
    }
}
