import Datasets
import Engine
import Graphs
import Packages
import PostTrainingQuantization
import SearchSpace
import Shoal
import Supernets

/// What `--precision int8` runs: a package that is quantised already, or one that is calibrated now.
struct EightBitNetworks {
    static let imageCount = 500

    let calibrate: [String]
    /// At most so many of the images.
    let limit: Int
    let method: RangeMethod
    let threads: Int

    func network(_ network: LoadedNetwork) throws -> LoadedNetwork {
        if network.isQuantized {
            guard calibrate.isEmpty else {
                throw Refusal("\(network.path): is quantised already; leave out --calibrate")
            }
            return network
        }
        let set = try images(network.size, network.channels, network.path)
        return LoadedNetwork(
            try network.quantized(on: set, file: calibrate[0], method, threads: threads), path: network.path,
            resolution: network.resolution)
    }

    /// - Parameter statistics: `nil` measures them on the calibration images.
    func subnet(
        _ configuration: SubnetConfiguration, of loaded: LoadedSupernet, statistics: SubnetStatistics?
    ) throws -> LoadedNetwork {
        let set = try images(
            ImageSize(configuration.resolution), loaded.supernet.architecture.inputChannels, loaded.path)
        return LoadedNetwork(
            try loaded.quantized(
                configuration,
                statistics: try statistics ?? loaded.calibrate(configuration, on: set, file: calibrate[0]), on: set,
                file: calibrate[0], method, threads: threads), path: loaded.path)
    }

    private func images(_ size: ImageSize?, _ channels: Int?, _ path: String) throws -> ImageSet {
        guard !calibrate.isEmpty else {
            throw Refusal("\(path): is not quantised; give --calibrate IMAGES or a package of shoal quantize")
        }
        let set = try ImageSet.read(images: calibrate, fittingPhotosTo: size, channels: channels).prefix(limit)
        guard set.count > 0 else { throw Refusal("\(calibrate[0]): holds no images to calibrate on") }
        return set
    }
}

extension LoadedNetwork {
    var isQuantized: Bool { network.graph.nodes.contains { $0.operatorName == "QuantizeLinear" } }
}
