import Datasets
import Engine
import Foundation
import Fusion
import Graphs
import HookNetworks
import Packages
import SearchSpace
import Shoal
import Supernets
import NetworkParts

/// A network, or a subnet of a supernet, as hooks see it.
struct HookedPackage {
    let path: String
    let name: String
    let plan: Plan
    /// `nil` for a subnet.
    let subnet: SubnetConfiguration?
    /// Size of the images that it reads, where that is known.
    let size: ImageSize?
    let weightsSHA256: String
    /// `nil` for a subnet.
    let graphSHA256: String?
    /// `nil` for a subnet: hooks within a network are for networks.
    let fused: FusedNetwork?
    let kernels: KernelSet
    private let weights: PackedWeights
    private let mean: [Float]
    private let std: [Float]

    /// A network package.
    init(_ path: String) throws { try self.init(PackageFile(path)) }

    private init(_ package: PackageFile) throws {
        let loaded = try HookablePackage(package, channels: 3, kernels: try KernelSet.selected())
        try loaded.checkHooks()
        (path, name, plan, fused) = (loaded.path, loaded.name, loaded.plan, loaded.fused)
        (subnet, size, weightsSHA256, kernels) = (nil, loaded.size, loaded.weightsSHA256, loaded.kernels)
        graphSHA256 = loaded.graphSHA256
        (mean, std, weights) = (loaded.mean, loaded.std, loaded.weights)
    }

    private init(_ loaded: LoadedSupernet, _ subnet: SubnetConfiguration, _ statistics: SubnetStatistics) throws {
        (path, weightsSHA256, kernels) = (loaded.path, loaded.weightsSHA256, loaded.kernels)
        (self.subnet, size, fused, graphSHA256) = (subnet, ImageSize(subnet.resolution), nil, nil)
        let architecture = loaded.supernet.architecture
        (name, mean, std) = (architecture.name, architecture.mean, architecture.std)
        weights = PackedWeights()
        plan = try loaded.supernet.plan(subnet, statistics: statistics, kernels: kernels)
    }

    /// Subnets of a supernet package, over one copy of its weights.
    /// - Parameter path: of the statistics that belong to them.
    static func subnets(
        _ configurations: [SubnetConfiguration], of loaded: LoadedSupernet, statistics path: String
    ) throws -> [HookedPackage] {
        let file: StatisticsFile
        do { file = try StatisticsFile.read(from: path, for: loaded.weightsSHA256) } catch let refusal
            as SupernetRefusal
        { throw Refusal("\(path): \(refusal)") }
        return try configurations.map { configuration in
            guard let statistics = file.statistics(for: configuration) else {
                throw Refusal("\(path): has no statistics of the subnet \(configuration)", .notFound)
            }
            return try HookedPackage(loaded, configuration, statistics)
        }
    }

    /// The network part by part.
    func sections() throws -> SectionedPlan {
        guard let fused else { throw Refusal("\(path): hooks within a network are for networks, not for subnets") }
        do { return try SectionedPlan(fused, kernels: kernels, weights: weights) } catch {
            throw Refusal("\(path): \(error)")
        }
    }

    /// What turns images into the network's input.
    func preprocessor(for images: ImageSet, file: String) throws -> ImagePreprocessor {
        try ImagePreprocessor(
            for: images, file: file, channels: plan.inputShape.channels, size: plan.inputShape.size, mean: mean,
            std: std)
    }

    /// As a network to be tried before another, whose images are resized for it.
    func rung(_ gate: Gate?, before largest: HookedPackage) -> ModelCascade.Rung {
        AttachedHooks.Smaller(plan, before: largest.plan).rung(gate)
    }

    /// As a hook file names it beside a network.
    func named(beside largest: HookedPackage) -> HookState.Network {
        let absolute = URL(filePath: path).standardizedFileURL.path(percentEncoded: false)
        return HookState.Network(
            weightsSHA256: weightsSHA256, package: path == largest.path ? nil : absolute, subnet: subnet,
            graphSHA256: graphSHA256)
    }
}

/// A stream of images, one at a time in the network's own form.
struct HookStream {
    let images: ImageSet
    private let preprocessor: ImagePreprocessor
    private let buffer: AlignedBuffer

    /// - Parameter range: positions of the images to use.
    init(_ package: HookedPackage, images paths: [String], labels: [String], skip: Int, limit: Int?) throws {
        let all = try ImageSet.read(
            images: paths, labels: labels, fittingPhotosTo: package.size, channels: package.plan.inputShape.channels)
        let end = min(all.count, limit.map { skip + $0 } ?? all.count)
        guard skip >= 0, skip < end else {
            throw Refusal("\(paths[0]): holds \(all.count) images; none is left to use")
        }
        images = all.images(skip..<end)
        preprocessor = try package.preprocessor(for: images, file: paths[0])
        buffer = AlignedBuffer(count: package.plan.inputShape.channels * package.plan.inputShape.pixels)
    }

    /// Valid until the next one.
    func image(_ index: Int) -> UnsafeBufferPointer<Float> {
        preprocessor.convert(
            images, at: index, into: UnsafeMutableBufferPointer(start: buffer.base, count: buffer.count))
        return UnsafeBufferPointer(start: buffer.base, count: buffer.count)
    }
}

extension HookStream {
    /// Room for so many images at once.
    func group(of count: Int) -> ImageGroup { ImageGroup(self, count: count) }
}

/// Several images of a stream, each in memory of its own.
final class ImageGroup {
    private let stream: HookStream
    private let buffers: [AlignedBuffer]

    init(_ stream: HookStream, count: Int) {
        self.stream = stream
        buffers = (0..<count).map { _ in AlignedBuffer(count: stream.image(0).count) }
    }

    /// Valid until the next ones.
    func images(_ range: Range<Int>) -> [UnsafeBufferPointer<Float>] {
        zip(range, buffers).map { index, buffer in
            let image = stream.image(index)
            if let base = image.baseAddress { buffer.base.update(from: base, count: image.count) }
            return UnsafeBufferPointer(start: buffer.base, count: image.count)
        }
    }
}

/// A hook file with the packages that it belongs to.
struct LoadedHooks {
    var state: HookState
    let package: HookedPackage
    /// From the smallest up.
    let smaller: [HookedPackage]

    /// - Parameters:
    ///   - with: where the smaller packages are now, if they have moved.
    ///   - statistics: where those of the subnets are now.
    init(package path: String, hooks: String, with places: [String], statistics: String?) throws {
        let reading: HookState.Reading
        do { reading = try HookState.read(from: hooks) } catch { throw Refusal(error) }
        if let damage = reading.damage { Terminal.note("shoal: warning: \(damage); the hooks written before are used") }
        let state = reading.state
        self.state = state
        guard let subnet = state.subnet else {
            package = try HookedPackage(path)
            try Self.check(package, state, hooks)
            smaller = try Self.networks(state.smaller, places)
            return
        }
        guard places.isEmpty else { throw Refusal("--with: \(hooks) was built for subnets of one package") }
        let loaded = try LoadedSupernet(path)
        guard let file = statistics ?? state.statisticsFile else {
            throw Refusal("give the statistics of the subnets: --statistics")
        }
        let subnets = try HookedPackage.subnets(
            state.smaller.compactMap(\.subnet) + [subnet], of: loaded, statistics: file)
        (package, smaller) = (subnets[subnets.count - 1], Array(subnets.dropLast()))
        try Self.check(package, state, hooks)
    }

    private static func check(_ package: HookedPackage, _ state: HookState, _ hooks: String) throws {
        if let other = state.stranger(weightsSHA256: package.weightsSHA256, graphSHA256: package.graphSHA256) {
            throw Refusal("\(hooks): belongs to \(other) than \(package.path) has")
        }
    }

    private static func networks(_ wanted: [HookState.Network], _ places: [String]) throws -> [HookedPackage] {
        guard places.isEmpty || places.count == wanted.count else {
            throw Refusal("--with: the hooks were built with \(wanted.count) smaller networks")
        }
        return try wanted.enumerated().map { index, network in
            guard let place = places.isEmpty ? network.package : places[index] else {
                throw Refusal("give the smaller network: --with")
            }
            let smaller = try HookedPackage(place)
            if let other = network.stranger(weightsSHA256: smaller.weightsSHA256, graphSHA256: smaller.graphSHA256) {
                throw Refusal("\(place): has \(other) than the smaller network of the hooks")
            }
            return smaller
        }
    }

    /// - Parameter hasGates: whether the gates that passed their validation are used, or none.
    func rungs(hasGates: Bool) throws -> [ModelCascade.Rung] {
        guard state.hooks.count == smaller.count else { throw Refusal("the hooks are not one for each network") }
        return smaller.enumerated().map { index, one in
            one.rung(hasGates ? state.hooks[index].usableGate : nil, before: package)
        }
    }

    /// Whether the networks were trained apart, so that each can correct the others.
    var isCommittee: Bool { state.subnet == nil && state.kinds == [.model] }

    func cascade(hasGates: Bool) throws -> ModelCascade {
        let rungs = try rungs(hasGates: hasGates)
        do {
            return try ModelCascade(
                rungs, largest: package.plan, isCommittee: isCommittee, inputs: state.inputs,
                budgets: state.budgetMap)
        } catch { throw Refusal("\(package.path): \(error)") }
    }

    /// Ready to run.
    func network() throws -> any HookedNetwork {
        if let precision = state.precision { return try precisionNetwork(precision) }
        return try learnableNetwork()
    }

    /// Ready to run and to learn meanwhile.
    func learnableNetwork() throws -> any LearnableNetwork {
        guard smaller.isEmpty else { return try cascade(hasGates: true) }
        guard state.precision == nil else {
            throw Refusal("\(package.path): gates of precisions learn by shoal hooks train alone")
        }
        do {
            return try BlockNetwork(
                plain: package.plan, plan: package.sections(), hooks: state.hooks, inputs: state.inputs,
                budgets: state.budgetMap)
        } catch let refusal as HookRefusal { throw Refusal("\(package.path): \(refusal)") }
    }
}
