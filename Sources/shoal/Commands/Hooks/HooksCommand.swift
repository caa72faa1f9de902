import ArgumentParser
import Datasets
import Engine
import Foundation
import Graphs
import HookNetworks
import Shoal
import Supernets

/// `shoal hooks`: gates beside a frozen network.
struct HooksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hooks", abstract: "Gates that learn from a stream what a frozen network can leave out.",
        subcommands: [HooksBuildCommand.self, HooksTrainCommand.self, HooksEvaluateCommand.self])
}

/// A network package as hooks see it.
struct HookedPackage {
    let loaded: LoadedNetwork
    let plan: Plan
    let fused: FusedNetwork
    let weightsSHA256: String
    let kernels: KernelSet

    init(_ path: String) throws {
        let package = try PackageFile(path)
        guard package.kind == NetworkPackage.kind else {
            throw Refusal("\(path): is a package of kind \(package.kind); hooks are built for networks")
        }
        loaded = try LoadedNetwork(package.package(), path: path)
        weightsSHA256 = try package.weightsSHA256()
        kernels = try KernelSet.selected()
        do {
            fused = try FusedNetwork(try loaded.bound(to: try loaded.inputShape(channels: 3)))
            plan = try fused.plan(kernels: kernels)
        } catch { throw Refusal("\(path): hooks need a network that kernels cover: \(error)") }
    }

    /// The network part by part.
    func sections() throws -> SectionedPlan {
        do { return try SectionedPlan(fused, kernels: kernels) } catch { throw Refusal("\(loaded.path): \(error)") }
    }

    /// What turns images into the network's input.
    func preprocessor(for images: ImageSet, file: String) throws -> ImagePreprocessor {
        let configuration = loaded.network.configuration
        let channels = plan.inputShape.channels
        let mean = configuration.mean ?? [Float](repeating: 0, count: channels)
        let std = configuration.std ?? [Float](repeating: 1, count: channels)
        guard mean.count == channels, std.count == channels else {
            throw Refusal("\(loaded.path): mean and std are not those of \(channels) channels")
        }
        return try ImagePreprocessor(
            for: images, file: file, channels: channels, side: plan.inputShape.height, mean: mean, std: std)
    }
}

/// A stream of images, one at a time in the network's own form.
struct HookStream {
    let images: ImageSet
    private let preprocessor: ImagePreprocessor
    private let buffer: AlignedBuffer

    /// - Parameter range: positions of the images to use.
    init(_ package: HookedPackage, images paths: [String], labels: [String], skip: Int, limit: Int?) throws {
        let all = try ImageSet.read(images: paths, labels: labels, fittingPhotosTo: package.loaded.side)
        let end = min(all.count, limit.map { skip + $0 } ?? all.count)
        guard skip < end else { throw Refusal("\(paths[0]): holds \(all.count) images; none is left to use") }
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

/// A hook file with the packages that it belongs to.
struct LoadedHooks {
    var state: HookState
    let package: HookedPackage
    let small: HookedPackage?

    /// - Parameter with: where the smaller package is now, if it has moved.
    init(package path: String, hooks: String, with smallPath: String?) throws {
        package = try HookedPackage(path)
        let reading: HookState.Reading
        do { reading = try HookState.read(from: hooks) } catch { throw Refusal(error) }
        if let damage = reading.damage { Terminal.note("shoal: warning: \(damage); the hooks written before are used") }
        state = reading.state
        guard state.weightsSHA256 == package.weightsSHA256 else {
            throw Refusal("\(hooks): belongs to other weights than those of \(path)")
        }
        guard let smallSHA256 = state.smallWeightsSHA256 else {
            guard smallPath == nil else { throw Refusal("--with: \(hooks) was built without a smaller network") }
            small = nil
            return
        }
        guard let place = smallPath ?? state.smallPackage else { throw Refusal("give the smaller network: --with") }
        let smaller = try HookedPackage(place)
        guard smaller.weightsSHA256 == smallSHA256 else {
            throw Refusal("\(place): has other weights than the smaller network of \(hooks)")
        }
        small = smaller
    }

    /// Ready to run.
    func network() throws -> any HookedNetwork {
        do {
            if let small {
                return try ModelCascade(small: small.plan, large: package.plan, gate: state.hooks.first?.usableGate)
            }
            return try BlockNetwork(plain: package.plan, plan: package.sections(), hooks: state.hooks)
        } catch { throw Refusal("\(package.loaded.path): \(error)") }
    }
}
