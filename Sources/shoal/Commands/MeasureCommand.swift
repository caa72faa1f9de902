import ArgumentParser
import Datasets
import Dispatch
import Engine
import FleetModel
import Foundation
import LatencyPrediction
import Packages
import PlanEvaluation
import ProgressLines
import SearchInputs
import SearchSpace
import Shoal
import SubnetSearch
import Supernets
import Synchronization

struct MeasureCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "measure", abstract: "Measure a supernet on this board.",
        subcommands: [MeasureLatencyCommand.self, MeasureAccuracyCommand.self])
}

struct MeasureLatencyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "latency", abstract: "Measure the latency table of a supernet's operators, one thread.")

    @Argument(help: "The supernet package.")
    var package: String
    @Option(parsing: .unconditional, help: "Runs per kernel size, expand ratio and resolution; medians are kept.")
    var repeats = 30
    @Option(help: "Name of the class of boards that this one stands for.")
    var boardClass = "this-board"
    @Option(name: .shortAndLong, help: "The table to write (JSON).")
    var output: String

    func validate() throws {
        guard (1...10_000).contains(repeats) else { throw ValidationError("--repeats: give 1 to 10000") }
    }

    func run() async throws { try await refusing { try measure() } }

    private func measure() throws {
        let loaded = try LoadedSupernet(package)
        let space = loaded.supernet.space
        try OutputFile.checkFolder(of: output)
        try OutputFile.check(output, isNoneOf: [package])
        let operators = try SupernetOperators(loaded.supernet.architecture)
        let engine = "\(ProductVersion.current)/\(loaded.kernels.instructionSet.rawValue)"
        var table = LatencyTable(source: .init(boardClass: boardClass, processor: "cpu", engineVersion: engine))
        let total = space.resolutions.count * space.kernelSizes.count * space.expandRatios.count
        let progress = Progress("Measuring operators", total: total)
        var done = 0
        for resolution in space.resolutions {
            var times: [String: [Double]] = [:]
            for kernel in space.kernelSizes {
                for expand in space.expandRatios {
                    var configuration = space.largest
                    configuration.resolution = resolution
                    configuration.kernelSizes = configuration.kernelSizes.map { _ in kernel }
                    configuration.expandRatios = configuration.expandRatios.map { _ in expand }
                    try add(configuration, loaded, operators, to: &times)
                    done += 1
                    progress.update(done)
                }
            }
            let rows = times.mapValues { values in
                LatencyTable.Entry(count: values.count * repeats, mean: RankStatistics.median(values) ?? 0)
            }
            try table.add(rows, resolution: resolution)
        }
        try OutputFile.writeJSON(table, to: output)
        Terminal.print(
            "\(output): \(space.resolutions.count) resolutions, \(loaded.kernels.instructionSet.rawValue) kernels")
    }

    private func add(
        _ configuration: SubnetConfiguration, _ loaded: LoadedSupernet, _ operators: SupernetOperators,
        to times: inout [String: [Double]]
    ) throws {
        let plan = try loaded.supernet.plan(
            configuration, statistics: loaded.supernet.checkpointStatistics(for: configuration),
            kernels: loaded.kernels)
        let measured = PlanTimer.measure(plan, repeats: repeats)
        let rows = try operators.operators(of: configuration)
        guard rows.count == measured.groupMilliseconds.count else {
            throw Refusal(
                "\(package): \(rows.count) operators, \(measured.groupMilliseconds.count) measured groups", .environment
            )
        }
        for (row, time) in zip(rows, measured.groupMilliseconds) { times[row.latencyKey, default: []].append(time) }
    }
}

struct MeasureAccuracyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accuracy", abstract: "Measure the accuracy of sampled subnets, for an accuracy predictor.",
        discussion: "Every subnet is calibrated first. The images should be held back from training and from streams.")

    @Argument(help: "The supernet package.")
    var package: String
    @Option(parsing: .upToNextOption, help: "Held-back images.")
    var images: [String]
    @Option(parsing: .upToNextOption, help: "Their labels.")
    var labels: [String]
    @Option(parsing: .upToNextOption, help: "Images to calibrate on.")
    var calibrate: [String]
    @Option(parsing: .unconditional, help: "Images to calibrate each subnet on.")
    var calibrationImages = 500
    @Option(parsing: .unconditional, help: "Use only the first images.")
    var limit = 2_000
    @Option(parsing: .unconditional, help: "Subnets to sample.")
    var samples = 200
    @Option(parsing: .unconditional, help: "Seed of the sampling.")
    var seed: UInt64 = 1
    @Option(parsing: .unconditional, help: "Threads, each with a subnet of its own.")
    var threads = 1
    @Option(name: .shortAndLong, help: "The file to write (JSON).")
    var output: String

    func validate() throws {
        guard (20...2_000).contains(samples) else { throw ValidationError("--samples: give 20 to 2000") }
        guard (1...64).contains(threads) else { throw ValidationError("--threads: give 1 to 64") }
        guard limit > 0, calibrationImages > 1 else { throw ValidationError("give images to measure and calibrate on") }
    }

    func run() async throws { try await refusing { try measure() } }

    private func measure() throws {
        let loaded = try LoadedSupernet(package)
        let set = try ImageSet.read(
            images: images, labels: labels, fittingPhotosTo: loaded.photoSize,
            channels: loaded.supernet.architecture.inputChannels
        ).prefix(limit)
        guard set.labels != nil else { throw Refusal("\(images[0]): accuracy needs labels") }
        try OutputFile.checkFolder(of: output)
        try OutputFile.check(output, isNoneOf: [package] + images + labels + calibrate)
        let calibration = try ImageSet.read(
            images: calibrate, fittingPhotosTo: loaded.photoSize, channels: loaded.supernet.architecture.inputChannels
        ).prefix(
            calibrationImages)
        let subnets = sampledSubnets(of: loaded.supernet.space)
        let progress = Progress("Measuring subnets", total: subnets.count)
        let results = Mutex([Int: Result<Double, any Error>]())
        let next = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            while true {
                let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard index < subnets.count else { return }
                let result = Result { try accuracy(of: subnets[index], loaded, set, calibration) }
                let count = results.withLock {
                    $0[index] = result
                    return $0.count
                }
                if thread == 0 { progress.update(count) }
            }
        }
        let measured = try subnets.indices.map { index in
            AccuracyRegression.Sample(
                configuration: subnets[index], top1: try results.withLock { try $0[index]?.get() } ?? 0)
        }
        let file = AccuracySamples(
            weightsSHA256: loaded.weightsSHA256, images: set.count, calibrationImages: calibration.count, seed: seed,
            samples: measured)
        try OutputFile.writeJSON(file, to: output)
        let top = measured.map { 100 * $0.top1 }
        let range = "\((top.min() ?? 0).text(2)) to \((top.max() ?? 0).text(2)) %"
        Terminal.print("\(output): \(measured.count) subnets, top-1 \(range)")
    }

    /// Distinct subnets; fewer than asked for only in a space that has not so many.
    private func sampledSubnets(of space: SearchSpace) -> [SubnetConfiguration] {
        var generator = SeededGenerator(seed: seed)
        var chosen: Set<SubnetConfiguration> = []
        var subnets: [SubnetConfiguration] = []
        var draws = 0
        while subnets.count < samples, draws < 100 * samples {
            draws += 1
            let subnet = space.sample(using: &generator)
            if chosen.insert(subnet).inserted { subnets.append(subnet) }
        }
        return subnets
    }

    private func accuracy(
        of subnet: SubnetConfiguration, _ loaded: LoadedSupernet, _ set: ImageSet, _ calibration: ImageSet
    ) throws -> Double {
        let statistics = try loaded.calibrate(subnet, on: calibration, file: calibrate[0])
        let plan = try loaded.supernet.plan(subnet, statistics: statistics, kernels: loaded.kernels)
        let preprocessor = try loaded.preprocessor(for: set, resolution: subnet.resolution, file: images[0])
        return Evaluator.run(plan, on: set, preprocessor, threads: 1).top1 ?? 0
    }
}
