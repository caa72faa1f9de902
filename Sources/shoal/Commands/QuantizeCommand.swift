import ArgumentParser
import Datasets
import Engine
import Foundation
import Graphs
import Packages
import PostTrainingQuantization
import SearchSpace
import Shoal
import Supernets

struct QuantizeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quantize", abstract: "Turn a package into one of 8-bit weights and maps.",
        discussion: """
            Runs calibration images through the network and chooses, by what its maps hold, the ranges that 8 bits \
            stand for. The result is a network package with QuantizeLinear and DequantizeLinear around its operators.
            """)

    @Argument(help: "The package: a network, or a supernet of which one subnet is quantised.")
    var package: String
    @Option(parsing: .upToNextOption, help: "Images to calibrate on; no labels are needed.")
    var images: [String]
    @Option(parsing: .unconditional, help: "Use only the first images.")
    var limit = EightBitNetworks.imageCount
    @OptionGroup var calibration: CalibrationOptions
    @Option(parsing: .unconditional, help: "Threads, each with its share of the images.")
    var threads = 1
    @Option(help: "The subnet as JSON or a file of it; the largest without it.")
    var subnet: String?
    @Option(parsing: .unconditional, help: ImageSize.help, transform: ImageSize.argument)
    var resolution: ImageSize?
    @Option(name: .shortAndLong, help: "The package to write.")
    var output: String
    @OptionGroup var format: FormatOptions

    private struct Summary: Encodable {
        var images: Int
        var method: String
        var operators: Int
        var weightBytes: Int
        var fileBytes: Int
    }

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit: give at least 1") }
        guard (1...64).contains(threads) else { throw ValidationError("--threads: give 1 to 64") }
    }

    func run() async throws { try await refusing("reading the package") { try quantize() } }

    private func quantize() throws {
        try OutputFile.checkFolder(of: output)
        try OutputFile.check(output, isNoneOf: [package, subnet] + images)
        let file = try PackageFile(package)
        let result: NetworkPackage
        let count: Int
        if file.kind == NetworkPackage.kind {
            guard subnet == nil else { throw Refusal("\(package): is a network; --subnet is for supernets") }
            let network = try LoadedNetwork(file.package(), path: package, resolution: resolution)
            let set = try ImageSet.read(images: images, fittingPhotosTo: network.size, channels: network.channels)
                .prefix(limit)
            count = set.count
            result = try network.quantized(on: set, file: images[0], calibration.method, threads: threads)
        } else {
            guard resolution == nil else { throw Refusal("\(package): is a supernet; --resolution is for networks") }
            let loaded = try LoadedSupernet(file)
            let configuration = try loaded.subnet(subnet)
            let set = try ImageSet.read(
                images: images, fittingPhotosTo: ImageSize(configuration.resolution),
                channels: loaded.supernet.architecture.inputChannels
            ).prefix(limit)
            count = set.count
            result = try loaded.quantized(
                configuration, statistics: try loaded.calibrate(configuration, on: set, file: images[0]), on: set,
                file: images[0], calibration.method, threads: threads)
        }
        let written: TensorPackage
        do { written = try result.package() } catch { throw Refusal("\(package): \(error)") }
        try OutputFile.writing { try written.write(to: output) }
        try show(result, images: count)
    }

    private func show(_ result: NetworkPackage, images: Int) throws {
        let size = try FileManager.default.attributesOfItem(atPath: output)[.size] as? Int ?? 0
        let summary = Summary(
            images: images, method: calibration.method.description, operators: result.graph.nodes.count,
            weightBytes: result.weightBytes, fileBytes: size)
        guard format.format == .table else { return try format.print(summary) }
        Terminal.print(
            """
            \(output): quantised on \(images) images by \(summary.method), \(summary.weightBytes) bytes of constants, \
            \(size) bytes
            """)
    }
}

/// How calibration images become ranges.
struct CalibrationOptions: ParsableArguments {
    @Option(
        name: .customLong("calibration-method"),
        help:
            "How ranges are chosen: percentile, also with a number such as percentile:99.9, mse or minmax.",
        transform: { text in
            guard let method = RangeMethod(text) else {
                throw ValidationError("\(text) is none of mse, minmax, percentile and percentile:P, 50 < P <= 100")
            }
            return method
        })
    var chosen: RangeMethod?

    var method: RangeMethod { chosen ?? .standard }
}
