import Datasets
import Engine
import Foundation
import Packages
import PlanEvaluation
import PostTrainingQuantization
import ProgressLines
import SearchSpace
import Shoal
import Supernets

extension LoadedSupernet {
    /// The supernet whose plans compute in a precision.
    func planned(_ precision: Precision) -> PackedSupernet { precision == .bf16 ? supernet.bfloat16() : supernet }

    /// Statistics of the subnet measured on these images.
    func calibrate(_ configuration: SubnetConfiguration, on images: ImageSet, file: String) throws -> SubnetStatistics {
        let preprocessor = try preprocessor(for: images, resolution: configuration.resolution, file: file)
        let side = configuration.resolution
        StatusLine.standardError.goOn("calibrating on \(images.count) images")
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
        let counted = StatusLine.standardError.goOn(
            "calibrating 8 bits, images", of: images.count * Quantizing.mostPasses)
        let network = try supernet.fusedNetwork(configuration, statistics: statistics)
        return try Quantizing.package(
            network,
            NetworkConfiguration(
                mean: architecture.mean, std: architecture.std, labels: architecture.labels,
                inputSize: ImageSize(configuration.resolution)), path: path, named: architecture.name, on: images,
            file: file,
            try preprocessor(for: images, resolution: configuration.resolution, file: file), method, threads: threads,
            counted: counted
        ) { Terminal.note("shoal: warning: \($0)") }
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
        return try subnet(json: text, source: "--subnet")
    }
}
