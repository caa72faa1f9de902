package import Datasets
package import Engine
import Foundation
package import Packages
package import SearchSpace
package import Supernets

/// A supernet package, the kernels chosen for this machine, and the images that its subnets read.
package struct LoadedSupernet {
    package let path: String
    package let supernet: PackedSupernet
    package let weightsSHA256: String
    package let kernels: KernelSet

    package init(_ path: String) throws { try self.init(try PackageFile(path)) }

    package init(_ package: PackageFile) throws {
        path = package.path
        do {
            let file = try SupernetFile(package)
            (supernet, weightsSHA256) = (file.supernet, file.weightsSHA256)
        } catch let refusal as SupernetRefusal {
            throw ShoalFailure(.file, "\(path): \(refusal)")
        }
        kernels = try KernelSet.selected()
    }

    /// What pictures are fitted to: what the highest resolution reads.
    package var photoSize: ImageSize? { supernet.space.resolutions.max().map { ImageSize($0) } }

    package func preprocessor(
        for images: ImageSet, resolution: Int, file: String
    ) throws(DatasetFailure) -> ImagePreprocessor {
        let architecture = supernet.architecture
        return try ImagePreprocessor(
            for: images, file: file, channels: architecture.inputChannels, size: ImageSize(resolution),
            mean: architecture.mean, std: architecture.std)
    }

    /// The configuration written as JSON, canonical in the supernet's search space.
    /// - Parameter source: what a refusal names.
    package func subnet(json: String, source: String) throws(ShoalFailure) -> SubnetConfiguration {
        guard let configuration = try? JSONDecoder().decode(SubnetConfiguration.self, from: Data(json.utf8)) else {
            throw ShoalFailure(
                .subnet,
                "\(source): is not {\"resolution\":…,\"depths\":[…],\"kernelSizes\":[…],\"expandRatios\":[…]}")
        }
        return try canonical(configuration, source: source)
    }

    package func canonical(
        _ configuration: SubnetConfiguration, source: String
    ) throws(ShoalFailure) -> SubnetConfiguration {
        do { try supernet.space.validate(configuration) } catch { throw ShoalFailure(.subnet, "\(source): \(error)") }
        return supernet.space.canonical(configuration)
    }
}
