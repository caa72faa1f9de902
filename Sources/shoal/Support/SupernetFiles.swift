import Datasets
import Engine
import Foundation
import PostTrainingQuantization
import SearchSpace
import Supernets

/// A supernet package with what the commands need around it.
struct LoadedSupernet {
    let path: String
    let supernet: PackedSupernet
    let weightsSHA256: String
    let kernels: KernelSet

    init(_ path: String) throws { try self.init(try PackageFile(path)) }

    init(_ package: PackageFile) throws {
        path = package.path
        do {
            let file = try SupernetFile(package)
            (supernet, weightsSHA256) = (file.supernet, file.weightsSHA256)
        } catch let refusal as SupernetRefusal {
            throw Refusal("\(path): \(refusal)")
        }
        kernels = try KernelSet.selected()
    }

    /// Side of the squares that pictures are fitted to: what the highest resolution reads.
    var photoSide: Int? { supernet.space.resolutions.max() }

    func preprocessor(for images: ImageSet, resolution: Int, file: String) throws -> ImagePreprocessor {
        let architecture = supernet.architecture
        return try ImagePreprocessor(
            for: images, file: file, channels: architecture.inputChannels, side: resolution, mean: architecture.mean,
            std: architecture.std)
    }

    /// Statistics of the subnet measured on these images.
    func calibrate(_ configuration: SubnetConfiguration, on images: ImageSet, file: String) throws -> SubnetStatistics {
        let preprocessor = try preprocessor(for: images, resolution: configuration.resolution, file: file)
        let side = configuration.resolution
        // A batch keeps every image's maps at once: about a gigabyte at the most.
        let batch = side <= 64 ? 250 : max(8, 250 * 64 * 64 / (side * side))
        return try BatchNormCalibrator(supernet: supernet, kernels: kernels, batchSize: batch)
            .calibrate(configuration, imageCount: images.count) { preprocessor.convert(images, at: $0, into: $1) }
    }

    /// One subnet in 8 bits, as a network of its own.
    func quantized(
        _ configuration: SubnetConfiguration, statistics: SubnetStatistics, on images: ImageSet, file: String,
        _ method: RangeMethod, threads: Int
    ) throws -> NetworkPackage {
        let architecture = supernet.architecture
        let network = try supernet.fusedNetwork(configuration, statistics: statistics)
        return try Quantizing.package(
            network,
            NetworkConfiguration(
                mean: architecture.mean, std: architecture.std, labels: architecture.labels,
                inputSize: configuration.resolution), path: path, named: architecture.name, on: images, file: file,
            try preprocessor(for: images, resolution: configuration.resolution, file: file), method, threads: threads)
    }

    /// The configuration of a `--subnet` argument, JSON text or a file of it; the largest subnet without one.
    func subnet(_ argument: String?) throws -> SubnetConfiguration {
        guard let argument else { return supernet.space.largest }
        let text: String
        if argument.drop(while: \.isWhitespace).first == "{" {
            text = argument
        } else {
            guard let contents = try? String(contentsOfFile: argument, encoding: .utf8) else {
                throw Refusal("--subnet \(argument): is neither JSON nor a file that can be read")
            }
            text = contents
        }
        guard let configuration = try? JSONDecoder().decode(SubnetConfiguration.self, from: Data(text.utf8)) else {
            throw Refusal(
                "--subnet: is not {\"resolution\":…,\"depths\":[…],\"kernelSizes\":[…],\"expandRatios\":[…]}")
        }
        do { try supernet.space.validate(configuration) } catch { throw Refusal("--subnet: \(error)") }
        return supernet.space.canonical(configuration)
    }
}
