package import Datasets
import Dispatch
package import Engine
package import Fusion
import Graphs
package import Packages
package import PostTrainingQuantization
import Synchronization

/// Turns networks of 32-bit floats into networks of 8 bits by calibration images.
package enum Quantizing {
    /// Without gains of channels once, and with them again.
    package static let mostPasses = 2

    /// The network quantised, as a package that runs like an imported one.
    /// - Parameters:
    ///   - path: of the package, for refusals.
    ///   - file: of the images.
    ///   - counted: is called after each image, of which each is run `mostPasses` times at the most.
    ///   - warn: is called with sentences on images that say too little.
    package static func package(
        _ network: FusedNetwork, _ configuration: NetworkConfiguration, path: String, named name: String,
        on images: ImageSet, file: String, _ preprocessor: ImagePreprocessor, _ method: RangeMethod, threads: Int,
        counted: @escaping @Sendable () -> Void = {}, warn: (String) -> Void
    ) throws -> NetworkPackage {
        guard images.count > 0 else { throw QuantizingRefusal("\(file): holds no images to calibrate on") }
        do {
            let (_, calibration) = try calibrated(network, images, preprocessor, threads: threads, counted)
            for doubt in calibration.doubts { warn("\(file): \(doubt)") }
            return NetworkPackage(
                graph: try calibration.quantized(method).graph(named: name), configuration: configuration)
        } catch let failure as GraphFailure {
            throw QuantizingRefusal("\(path): cannot be quantised: \(failure)")
        }
    }

    /// What the network is quantised by: gains of channels, and ranges of the network with them.
    package static func ranges(
        _ network: FusedNetwork, path: String, on images: ImageSet, file: String, _ preprocessor: ImagePreprocessor,
        _ method: RangeMethod
    ) throws -> (gains: [String: [Float]], ranges: EightBitRanges) {
        guard images.count > 0 else { throw QuantizingRefusal("\(file): holds no images to calibrate on") }
        do {
            let (gains, calibration) = try calibrated(network, images, preprocessor, threads: 1)
            return (gains, try calibration.ranges(method))
        } catch let failure as GraphFailure {
            throw QuantizingRefusal("\(path): cannot be quantised: \(failure)")
        }
    }

    private static func calibrated(
        _ network: FusedNetwork, _ images: ImageSet, _ preprocessor: ImagePreprocessor, threads: Int,
        _ counted: @escaping @Sendable () -> Void = {}
    ) throws -> (gains: [String: [Float]], Calibration) {
        let kernels = try KernelSet.selected()
        func gather(_ network: FusedNetwork) throws -> Calibration {
            try self.gather(
                try Calibration(of: network, kernels: kernels), images, preprocessor,
                threads: min(threads, images.count), counted)
        }
        let calibration = try gather(network)
        let gains = calibration.gains
        return (gains, gains.isEmpty ? calibration : try gather(network.equalized(by: gains)))
    }

    private static func gather(
        _ empty: Calibration, _ images: ImageSet, _ preprocessor: ImagePreprocessor, threads: Int,
        _ counted: @escaping @Sendable () -> Void
    ) throws -> Calibration {
        let parts = Mutex([Calibration?](repeating: nil, count: threads))
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            var part = empty
            let arena = part.makeArena()
            let shape = part.network.inputShape
            let buffer = AlignedBuffer(count: shape.channels * shape.pixels)
            let image = UnsafeMutableBufferPointer(start: buffer.base, count: buffer.count)
            for index in images.count * thread / threads..<images.count * (thread + 1) / threads {
                preprocessor.convert(images, at: index, into: image)
                part.add(UnsafeBufferPointer(image), in: arena)
                counted()
            }
            parts.withLock { [part] in $0[thread] = part }
        }
        // Joined in their order, so that sums of means do not depend on which thread was first.
        return parts.withLock { $0 }.compactMap { $0 }.reduce(into: empty) { $0.add($1) }
    }
}

extension Precision {
    /// A package is computed in 8 bits if its network rounds to them, whether or not that was asked for.
    /// - Throws: `QuantizingRefusal` where int8 was asked for and the network does not round, or bf16 and it does.
    package func check(for precision: Precision, of package: String) throws(QuantizingRefusal) {
        guard precision != .int8 || self == .int8 else {
            throw QuantizingRefusal(
                "\(package): is not in 8 bits; import a network that is, or make one with shoal quantize")
        }
        guard precision != .bf16 || self != .int8 else {
            throw QuantizingRefusal("\(package): is in 8 bits, not for --precision bf16")
        }
    }
}

/// Why a network is not quantised, in one sentence.
package struct QuantizingRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
