import Datasets
import Engine
import Foundation
import Fusion
import HookNetworks
import NetworkParts
import Packages
import Shoal

struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A network package, ready to run.
struct LoadedPlan {
    let plan: Plan
    let fused: FusedNetwork
    let kernels: KernelSet
    let bytes: Int
    private let weights = PackedWeights()
    private let mean: [Float]
    private let std: [Float]

    init(_ path: String) throws {
        let package = try PackageFile(path)
        let loaded = try LoadedNetwork(package.package(), path: path)
        kernels = try KernelSet.selected()
        fused = try FusedNetwork(try loaded.bound(to: try loaded.inputShape(channels: 3)))
        plan = try fused.plan(kernels: kernels, weights: weights)
        (mean, std) = try loaded.normalization(channels: 3)
        bytes = (try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
    }

    func sections() throws -> SectionedPlan { try SectionedPlan(fused, kernels: kernels, weights: weights) }

    func preprocessor(_ images: ImageSet) -> ImagePreprocessor {
        ImagePreprocessor(
            channels: images.channels, height: images.height, width: images.width, size: plan.inputShape.size,
            mean: mean, std: std)
    }
}

/// Frames of a stream: every image as it is and, next to it, mirrored, as a camera sees it from the other side.
final class Frames {
    let images: ImageSet
    private let preprocessor: ImagePreprocessor
    private let buffer: AlignedBuffer
    private let mirrored: AlignedBuffer

    init(_ images: ImageSet, for network: LoadedPlan) {
        self.images = images
        preprocessor = network.preprocessor(images)
        let shape = network.plan.inputShape
        buffer = AlignedBuffer(count: shape.channels * shape.pixels)
        mirrored = AlignedBuffer(count: buffer.count)
    }

    var count: Int { 2 * images.count }

    /// Image `index / 2`, mirrored where `index` is odd. Valid until the next one.
    func frame(_ index: Int) -> UnsafeBufferPointer<Float> {
        preprocessor.convert(
            images, at: index / 2, into: UnsafeMutableBufferPointer(start: buffer.base, count: buffer.count))
        guard index % 2 == 1 else { return UnsafeBufferPointer(start: buffer.base, count: buffer.count) }
        let side = images.width
        for row in 0..<buffer.count / side {
            for column in 0..<side {
                mirrored.base[row * side + column] = buffer.base[row * side + side - 1 - column]
            }
        }
        return UnsafeBufferPointer(start: mirrored.base, count: mirrored.count)
    }
}
