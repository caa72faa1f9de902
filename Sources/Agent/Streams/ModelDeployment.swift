import AgentCore
import Datasets
import Engine
import Files
import FleetModel
import Foundation
import Packages
import SearchSpace
import Shoal
import Supernets

/// A model on this board, ready to run: a plan for every operating point, and what each took here.
struct ModelDeployment: Sendable {
    let name: ModelName
    let mode: BoardManager.Mode
    let framesPerSecond: Double
    /// `nil` leaves it to the board.
    let processor: Int?
    /// From fastest to most accurate; latencies as measured on this board.
    let points: [FleetModel.OperatingPoint]
    let plans: [Plan]
    /// None where there is no stream.
    let preprocessors: [ImagePreprocessor]
    let normalization: Normalization
    /// `nil` where only requests bring images.
    let stream: ImageStream?
    /// `nil` where there are none, or none that can be used.
    var hooks: DeployedHooks?
    /// What is wrong with them.
    var hookFailure: String?
    /// How other hooks of it are loaded while it runs.
    var hookLoader: HookLoader?
    /// What other subnets are measured of; `nil` for a network.
    var supernet: MeasurableSupernet?

    /// Of each channel's values divided by 255.
    struct Normalization: Sendable {
        let mean: [Float]
        let std: [Float]

        func preprocessor(channels: Int, height: Int, width: Int, size: ImageSize) -> ImagePreprocessor {
            ImagePreprocessor(channels: channels, height: height, width: width, size: size, mean: mean, std: std)
        }
    }

    var description: DeployedModel {
        DeployedModel(
            name: name, framesPerSecond: framesPerSecond, points: points, supernetSHA256: supernet?.sha256)
    }
}

/// Loads models; a supernet that several models share is packed once.
struct ModelLoader {
    /// Runs per operating point at the start of the agent.
    private static let measuredRuns = 40

    private let kernels: KernelSet
    private var supernets: [String: (supernet: PackedSupernet, sha256: String)] = [:]

    init(kernels: KernelSet) { self.kernels = kernels }

    /// - Throws: what the package, its points, its statistics or its images are refused for. Hooks that cannot be used
    ///   are no reason: the model runs without.
    mutating func load(_ model: AgentConfiguration.Model) throws -> ModelDeployment {
        guard let name = ModelName(model.name) else { throw ConfigurationFailure(file: model.name, reason: "no name") }
        let table = try ParetoTable.read(at: model.points)
        if supernets[model.package] == nil {
            let package = try PackageFile(model.package)
            if package.kind == NetworkPackage.kind {
                return try network(package, model, name, table, try images(of: model, channels: nil))
            }
        }
        let (supernet, sha256) = try supernet(at: model.package)
        let images = try images(of: model, channels: supernet.architecture.inputChannels)
        guard let file = model.statistics else {
            throw ConfigurationFailure(file: model.package, reason: "is a supernet; name the statistics of its subnets")
        }
        let statistics = try StatisticsFile.read(from: file, for: sha256)
        var points: [FleetModel.OperatingPoint] = []
        var plans: [Plan] = []
        var preprocessors: [ImagePreprocessor] = []
        for point in table.points {
            do { try supernet.space.validate(point.configuration) } catch {
                throw ConfigurationFailure(file: model.points, reason: "\(error)")
            }
            let configuration = supernet.space.canonical(point.configuration)
            guard let measured = statistics.statistics(for: configuration) else {
                throw ConfigurationFailure(file: file, reason: "has no statistics of \(configuration)")
            }
            let plan = try supernet.plan(configuration, statistics: measured, kernels: kernels)
            var here = point
            here.latencyMilliseconds = PlanTimer.measure(plan, repeats: Self.measuredRuns).totalMilliseconds
            points.append(here)
            plans.append(plan)
            guard let images else { continue }
            let architecture = supernet.architecture
            preprocessors.append(
                try ImagePreprocessor(
                    for: images, file: model.stream.images?[0] ?? "", channels: architecture.inputChannels,
                    size: .init(configuration.resolution), mean: architecture.mean, std: architecture.std))
        }
        let kernels = kernels
        let hookLoader = HookLoader(
            configuration: model.hooks ?? .init(file: ""), kernels: kernels,
            points: Array(zip(points, plans)).map { ($0, $1) }, weightsSHA256: sha256, package: nil,
            subnet: { configuration in
                guard let measured = statistics.statistics(for: configuration) else { return nil }
                return try supernet.plan(configuration, statistics: measured, kernels: kernels)
            })
        var loaded = try deployment(
            model, name, images, points, plans, preprocessors,
            .init(mean: supernet.architecture.mean, std: supernet.architecture.std),
            model.hooks.map { _ in hookLoader.load() })
        loaded.hookLoader = hookLoader
        loaded.supernet = MeasurableSupernet(supernet: supernet, sha256: sha256, kernels: kernels)
        return loaded
    }

    private func images(of model: AgentConfiguration.Model, channels: Int?) throws -> ImageSet? {
        guard let files = model.stream.images else { return nil }
        let labels = model.stream.labels ?? []
        let images = try ImageSet.read(images: files, labels: labels, channels: channels)
        let first = model.stream.first ?? 0
        guard first < images.count else {
            throw ConfigurationFailure(file: files[0], reason: "has \(images.count) images, first is \(first)")
        }
        return images
    }

    /// A network has the same weights at every point; points differ by the budget of its hooks.
    private func network(
        _ package: PackageFile, _ model: AgentConfiguration.Model, _ name: ModelName, _ table: ParetoTable,
        _ images: ImageSet?
    ) throws -> ModelDeployment {
        let loaded: HookablePackage
        loaded = try HookablePackage(package, channels: images?.channels, kernels: kernels)
        let plain = PlanTimer.measure(loaded.plan, repeats: Self.measuredRuns).totalMilliseconds
        let points = table.points.map { point in
            var here = point
            here.latencyMilliseconds = plain
            return here
        }
        let preprocessor = try images.map { images in
            try ImagePreprocessor(
                for: images, file: model.stream.images?[0] ?? "", channels: loaded.plan.inputShape.channels,
                size: loaded.plan.inputShape.size, mean: loaded.mean, std: loaded.std)
        }
        let hookLoader = HookLoader(
            configuration: model.hooks ?? .init(file: ""), kernels: kernels, points: points.map { ($0, loaded.plan) },
            weightsSHA256: loaded.weightsSHA256, package: loaded, subnet: { _ in nil })
        var deployed = try deployment(
            model, name, images, points, points.map { _ in loaded.plan }, points.compactMap { _ in preprocessor },
            .init(mean: loaded.mean, std: loaded.std), model.hooks.map { _ in hookLoader.load() })
        deployed.hookLoader = hookLoader
        return deployed
    }

    private func deployment(
        _ model: AgentConfiguration.Model, _ name: ModelName, _ images: ImageSet?,
        _ points: [FleetModel.OperatingPoint],
        _ plans: [Plan], _ preprocessors: [ImagePreprocessor], _ normalization: ModelDeployment.Normalization,
        _ loading: HookLoader.Loading?
    ) throws -> ModelDeployment {
        let first = model.stream.first ?? 0
        var points = points
        if let hooks = loading?.hooks, let images {
            for index in points.indices {
                let measured = try hooks.milliseconds(
                    at: index, images, first: first, preprocessors[index], runs: Self.measuredRuns)
                if let measured { points[index].latencyMilliseconds = measured }
            }
        }
        var generator = SeededGenerator(seed: model.stream.seed ?? 1)
        let stream = images.map { ImageStream(images: $0, first: first) { $0.shuffled(using: &generator) } }
        return ModelDeployment(
            name: name, mode: model.mode ?? .lookUp,
            framesPerSecond: try rate(of: model.stream, points, in: model.points), processor: model.processor,
            points: points, plans: plans, preprocessors: preprocessors, normalization: normalization, stream: stream,
            hooks: loading?.hooks, hookFailure: loading?.failure)
    }

    private mutating func supernet(at path: String) throws -> (PackedSupernet, String) {
        if let known = supernets[path] { return known }
        let file = try SupernetFile(path)
        let loaded = (supernet: file.supernet, sha256: file.weightsSHA256)
        supernets[path] = loaded
        return loaded
    }

    private func rate(
        of stream: AgentConfiguration.Stream, _ points: [FleetModel.OperatingPoint], in file: String
    ) throws(ConfigurationFailure) -> Double {
        if let rate = stream.framesPerSecond { return rate }
        let slowest = points.map(\.latencyMilliseconds).max() ?? 1
        let rate = (stream.busyShare ?? 1) * 1_000 / slowest
        guard AgentConfiguration.frameRates.contains(rate) else {
            throw ConfigurationFailure(
                file: file,
                reason: "busyShare gives \(rate) frames per second, outside \(AgentConfiguration.frameRates)")
        }
        return rate
    }
}

extension ParetoTable {
    /// - Throws: what the file cannot be used for, with its path.
    static func read(at path: String) throws(ConfigurationFailure) -> ParetoTable {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ConfigurationFailure.unreadable(path)
        }
        do { return try read(data) } catch { throw ConfigurationFailure(file: path, reason: "\(error)") }
    }
}
