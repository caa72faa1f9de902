import ArgumentParser
import Datasets
import Engine
import Foundation
import Graphs
import ModelImport
import Packages
import PlanEvaluation
import ProgressLines
import SearchSpace
import Shoal
import Supernets

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a package on images.",
        discussion: """
            A subnet needs its own batch normalisation statistics: measured now (--calibrate), read from a file \
            (--statistics), or else the checkpoint's, which fit one subnet at most; then a warning is printed.
            """)

    @Argument(help: "The package.")
    var package: String
    @Option(
        parsing: .upToNextOption,
        help:
            """
            Images: IDX (also gzipped), CIFAR-10, .npy, JPEG, PNG or a folder of pictures. Pictures are scaled, \
            averaging, to 8/7 of the network's size and their centre is cut out; arrays are squeezed to it without \
            averaging.
            """)
    var images: [String]
    @Option(
        parsing: .upToNextOption,
        help: "Label files: IDX, NumPy, or text with a number per line, a tab and the image's name after it.")
    var labels: [String] = []
    @Option(help: "The subnet as JSON or a file of it; the largest without it.")
    var subnet: String?
    @Option(parsing: .unconditional, help: "Threads, each with a session of its own and its share of the images.")
    var threads = 1
    @Option(parsing: .unconditional, help: "Run only the first images.")
    var limit: Int?
    @Option(help: "Number format: fp32, bf16 or int8. A network that is quantised runs in int8 in any case.")
    var precision = Precision.fp32
    @Option(
        parsing: .upToNextOption,
        help: "Images to measure the subnet's statistics on, and with --precision int8 the ranges of 8 bits.")
    var calibrate: [String] = []
    @Option(
        parsing: .unconditional,
        help: "How many of the calibration images to use; 2000 for statistics, 500 for int8 without it.")
    var calibrationImages: Int?
    @OptionGroup var calibration: CalibrationOptions
    @Option(help: "Statistics of subnets: a file of shoal calibrate, or safetensors with NAME/layer.running_mean.")
    var statistics: String?
    @Option(help: "Which NAME of a safetensors file to take.")
    var statisticsName: String?
    @Option(parsing: .unconditional, help: ImageSize.help, transform: ImageSize.argument)
    var resolution: ImageSize?
    @OptionGroup var hooked: HookedRunOptions
    @Option(help: "Write the logits as NumPy .npy (images x classes).")
    var logits: String?
    @OptionGroup var format: FormatOptions

    private struct Summary: Encodable {
        var images: Int
        var top1: Double?
        var latencyMilliseconds: LatencySummary
        /// From the opening of the package to the first run's beginning, images read.
        var preparationMilliseconds: Double
        var flops: Int
        var precision: String
        var instructionSet: String
        var statistics: SubnetStatistics.Origin
        var statisticsBytes: Int
        var subnet: SubnetConfiguration
    }

    func validate() throws {
        guard (1...64).contains(threads) else { throw ValidationError("--threads: give 1 to 64") }
        guard limit.map({ $0 > 0 }) ?? true else { throw ValidationError("--limit: give at least 1") }
        guard calibrate.isEmpty || statistics == nil || precision == .int8 else {
            throw ValidationError("give either --calibrate or --statistics")
        }
        guard calibrationImages.map({ $0 > 1 }) ?? true else {
            throw ValidationError("--calibration-images: give at least 2")
        }
        guard calibrationImages == nil || !calibrate.isEmpty else {
            throw ValidationError("--calibration-images: goes with --calibrate")
        }
        guard calibration.chosen == nil || (precision == .int8 && !calibrate.isEmpty) else {
            throw ValidationError("--calibration-method: goes with --precision int8 and --calibrate")
        }
        guard statisticsName == nil || statistics?.hasSuffix(".safetensors") == true else {
            throw ValidationError("--statistics-name: goes with --statistics FILE.safetensors")
        }
    }

    func run() async throws { try await refusing("reading the package") { try runRefusing() } }

    private func runRefusing() throws {
        if let logits {
            try OutputFile.checkFolder(of: logits)
            try OutputFile.check(logits, isNoneOf: [package, statistics] + images + labels + calibrate)
        }
        if let run = hooked.run(of: package) {
            guard subnet == nil, calibrate.isEmpty, threads == 1, precision == .fp32, resolution == nil else {
                throw Refusal("--hooks: goes without --subnet, --calibrate, --threads, --precision and --resolution")
            }
            return try run.run(
                on: images, labels: labels, limit: limit, statistics: statistics, logits: logits, format)
        }
        let begun = PlanTimer.now()
        let file = try PackageFile(package)
        if file.kind == NetworkPackage.kind {
            guard subnet == nil, calibrate.isEmpty || precision == .int8, statistics == nil else {
                throw Refusal(
                    "\(package): is a network; --subnet and --statistics are for supernets, --calibrate is for them "
                        + "and for --precision int8")
            }
            let network = try LoadedNetwork(file.package(), path: package, resolution: resolution)
            return try runNetwork(precision == .int8 ? eightBits.network(network) : network)
        }
        guard resolution == nil else {
            throw Refusal("\(package): is a supernet; say the resolution in --subnet")
        }
        let loaded = try LoadedSupernet(file)
        let configuration = try loaded.subnet(subnet)
        if precision == .int8 {
            let stored = try statistics == nil ? nil : statistics(of: configuration, loaded)
            return try runNetwork(eightBits.subnet(configuration, of: loaded, statistics: stored))
        }
        var set = try ImageSet.read(
            images: images, labels: labels, fittingPhotosTo: ImageSize(configuration.resolution),
            channels: loaded.supernet.architecture.inputChannels)
        if let limit { set = set.prefix(limit) }
        let preprocessor = try loaded.preprocessor(for: set, resolution: configuration.resolution, file: images[0])
        if let label = set.labels?.first(where: { $0 >= loaded.supernet.classCount }) {
            throw Refusal(
                "\(labels.first ?? images[0]): label \(label), the network has \(loaded.supernet.classCount) classes")
        }
        let statistics = try statistics(of: configuration, loaded)
        let plan = try loaded.planned(precision).plan(
            configuration, statistics: statistics, kernels: loaded.kernels)
        let preparation = Double(PlanTimer.now() - begun) / 1e6
        let counted = StatusLine.standardError.goOn("running images", of: set.count)
        let result = Evaluator.run(plan, on: set, preprocessor, threads: min(threads, set.count), counted: counted)
        try write(result, of: set.count)
        try show(
            Summary(
                images: set.count, top1: result.top1, latencyMilliseconds: LatencySummary(result.milliseconds),
                preparationMilliseconds: preparation, flops: plan.flops, precision: precision.rawValue,
                instructionSet: loaded.kernels.instructionSet.rawValue,
                statistics: statistics.origin, statisticsBytes: statistics.storedBytes, subnet: configuration))
    }

    private var eightBits: EightBitNetworks {
        EightBitNetworks(
            calibrate: calibrate, limit: calibrationImages ?? EightBitNetworks.imageCount, method: calibration.method,
            threads: threads)
    }

    private struct NetworkSummary: Encodable {
        var images: Int
        var top1: Double?
        var latencyMilliseconds: LatencySummary
        var flops: Int
        var precision: String
        /// `nil` where no kernel computes anything.
        var instructionSet: String?
        /// Operators without a kernel, which ran by their definitions.
        var evaluatedOperators: [String]
        /// Values in the first output for one image; the most of any where it depends on the image.
        var outputCount: Int
        /// Of each image, where they differ; rows of the logits are filled up with NaN.
        var outputCounts: [Int]?
    }

    private func write(_ result: Evaluator.Result, of images: Int) throws {
        guard let logits else { return }
        try OutputFile.writing {
            try NumpyFile.write(result.logits, shape: [images, result.classes], to: logits)
        }
    }

    private func runNetwork(_ network: LoadedNetwork) throws {
        var set = try ImageSet.read(
            images: images, labels: labels, fittingPhotosTo: network.size, channels: network.channels)
        if let limit { set = set.prefix(limit) }
        guard set.count > 0 else { throw Refusal("\(images[0]): holds no images") }
        let runner = try network.runner(for: set, file: images[0], precision)
        let counted = StatusLine.standardError.goOn("running images", of: set.count)
        let result = try runner.run(on: set, threads: min(threads, set.count), counted: counted)
        if let label = set.labels?.first(where: { $0 >= result.classes }) {
            throw Refusal("\(labels.first ?? images[0]): label \(label), the network has \(result.classes) classes")
        }
        try write(result, of: set.count)
        let latency = LatencySummary(result.milliseconds)
        let summary = NetworkSummary(
            images: set.count, top1: result.top1, latencyMilliseconds: latency, flops: runner.bound.flops,
            precision: runner.work.precision.rawValue,
            instructionSet: runner.work.hasKernels ? try KernelSet.selected().instructionSet.rawValue : nil,
            evaluatedOperators: runner.work.evaluatedOperators, outputCount: result.classes,
            outputCounts: Set(result.counts).count > 1 ? result.counts : nil)
        guard format.format == .table else { return try format.print(summary) }
        let accuracy = summary.top1.map { "top-1 \(($0 * 100).text(2)) %, " } ?? ""
        Terminal.print(
            """
            \(summary.images) images, \(accuracy)latency p50 \(latency.p50.text(3)) ms, p90 \(latency.p90.text(3)) ms, \
            p99 \(latency.p99.text(3)) ms, \(summary.flops) FLOPs
            """)
    }

    private func statistics(of configuration: SubnetConfiguration, _ loaded: LoadedSupernet) throws -> SubnetStatistics
    {
        if !calibrate.isEmpty, statistics == nil {
            let set = try ImageSet.read(
                images: calibrate, fittingPhotosTo: ImageSize(configuration.resolution),
                channels: loaded.supernet.architecture.inputChannels
            ).prefix(calibrationImages ?? 2_000)
            return try loaded.calibrate(configuration, on: set, file: calibrate[0])
        }
        if let statistics, statistics.hasSuffix(".safetensors") {
            return try golden(from: statistics, configuration)
        }
        if let statistics {
            let file: StatisticsFile
            do { file = try StatisticsFile.read(from: statistics, for: loaded.weightsSHA256) } catch let refusal
                as SupernetRefusal
            { throw Refusal("\(statistics): \(refusal)") }
            guard let found = file.statistics(for: configuration) else {
                throw Refusal("\(statistics): has no statistics of the subnet \(configuration)", .notFound)
            }
            return found
        }
        Terminal.note(
            "shoal: warning: the checkpoint's statistics belong to one subnet only; give --calibrate or --statistics")
        return loaded.supernet.checkpointStatistics(for: configuration)
    }

    private func golden(from path: String, _ configuration: SubnetConfiguration) throws -> SubnetStatistics {
        guard let name = statisticsName else { throw Refusal("\(path): say which with --statistics-name") }
        let tensors = try SafetensorsFile.read(from: path)
        let statistics = try SubnetStatistics(configuration: configuration, named: name, in: tensors)
        guard !statistics.layers.isEmpty else { throw Refusal("\(path): has no statistics named \(name)", .notFound) }
        return statistics
    }

    private func show(_ summary: Summary) throws {
        guard format.format == .table else { return try format.print(summary) }
        let accuracy = summary.top1.map { "top-1 \(($0 * 100).text(2)) %, " } ?? ""
        let latency = summary.latencyMilliseconds
        Terminal.print(
            """
            \(summary.images) images, \(accuracy)latency p50 \(latency.p50.text(3)) ms, p90 \(latency.p90.text(3)) ms, \
            p99 \(latency.p99.text(3)) ms, \(summary.flops) FLOPs, statistics \(summary.statistics.rawValue)
            """)
    }
}
