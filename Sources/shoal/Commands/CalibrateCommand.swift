import ArgumentParser
import Datasets
import Engine
import FleetListings
import FleetModel
import Foundation
import Packages
import PlanEvaluation
import ProgressLines
import SearchSpace
import Shoal
import Supernets

struct CalibrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibrate", abstract: "Turn searched subnets into measured operating points.",
        discussion: """
            Measures each subnet's batch normalisation statistics, its latency on this machine and, on held-back \
            images, its accuracy; writes the statistics and the Pareto table of what was measured.
            """)

    @Argument(help: "The supernet package.")
    var package: String
    @Option(help: "Result of shoal search --output, or of shoal describe search --table.")
    var points: String
    @Option(parsing: .upToNextOption, help: "Images to calibrate on.")
    var calibrate: [String]
    @Option(parsing: .unconditional, help: "How many of them to use.")
    var calibrationImages = 2_000
    @Option(parsing: .upToNextOption, help: "Held-back images to measure accuracy on.")
    var images: [String]
    @Option(parsing: .upToNextOption, help: "Their labels.")
    var labels: [String]
    @Option(parsing: .unconditional, help: "Use only the first of the held-back images.")
    var limit = 2_000
    @Option(help: "Statistics file to write.")
    var statistics: String
    @Option(help: "Pareto table to write (JSON).")
    var table: String
    @OptionGroup var format: FormatOptions

    func validate() throws {
        guard limit > 0, calibrationImages > 1 else { throw ValidationError("give images to measure and calibrate on") }
    }

    func run() async throws { try await refusing { try calibratePoints() } }

    private func calibratePoints() throws {
        for output in [statistics, table] {
            try OutputFile.checkFolder(of: output)
            try OutputFile.check(output, isNoneOf: [package, points] + calibrate + images + labels)
        }
        guard let data = FileManager.default.contents(atPath: points),
            let search = try? JSONDecoder().decode(SearchedPoints.self, from: data)
        else { throw Refusal("\(points): is neither a result of shoal search nor a table of shoal describe search") }
        let loaded = try LoadedSupernet(package)
        let held = try ImageSet.read(
            images: images, labels: labels, fittingPhotosTo: loaded.photoSize,
            channels: loaded.supernet.architecture.inputChannels
        ).prefix(limit)
        guard held.labels != nil else { throw Refusal("\(images[0]): accuracy needs labels") }
        let calibration = try ImageSet.read(
            images: calibrate, fittingPhotosTo: loaded.photoSize, channels: loaded.supernet.architecture.inputChannels
        ).prefix(
            calibrationImages)
        var file = StatisticsFile(weightsSHA256: loaded.weightsSHA256)
        var measured: [FleetModel.OperatingPoint] = []
        // The ends of the space belong to every table: the smallest subnet is the last resort of a board under load.
        let space = loaded.supernet.space
        let candidates =
            search.points.filter { $0.verified != false }.map(\.configuration) + [space.smallest, space.largest]
        for candidate in candidates {
            do { try space.validate(candidate) } catch { throw Refusal("\(points): \(error)") }
        }
        let subnets = Set(candidates.map(space.canonical)).sorted { $0.description < $1.description }
        let progress = Progress("Calibrating", total: subnets.count)
        for (index, subnet) in subnets.enumerated() {
            try file.insert(try loaded.calibrate(subnet, on: calibration, file: calibrate[0]))
            // Measured as it will be run: with the statistics that the file keeps.
            guard let own = file.statistics(for: subnet) else { throw Refusal("\(subnet) was not kept") }
            let plan = try loaded.supernet.plan(subnet, statistics: own, kernels: loaded.kernels)
            let preprocessor = try loaded.preprocessor(for: held, resolution: subnet.resolution, file: images[0])
            measured.append(
                OperatingPoint(
                    configuration: subnet, accuracy: Evaluator.run(plan, on: held, preprocessor, threads: 1).top1 ?? 0,
                    latencyMilliseconds: PlanTimer.measure(plan, repeats: 60).totalMilliseconds, flops: plan.flops))
            progress.update(index + 1)
        }
        let pareto = ParetoTable(
            model: loaded.supernet.architecture.name, boardClass: search.boardClass, processor: search.processor,
            seed: search.seed, points: ParetoTable.paretoFront(of: measured))
        try OutputFile.writing { try file.write(to: statistics) }
        try OutputFile.writeJSON(pareto, to: table)
        try show(pareto, measuredCount: measured.count)
    }

    /// What a search on this machine and one of the coordinator's have in common.
    private struct SearchedPoints: Decodable {
        struct Point: Decodable {
            var configuration: SubnetConfiguration
            /// `false` where a measurement broke the constraint.
            var verified: Bool?
        }

        var boardClass: String
        var processor: String
        var seed: UInt64
        var points: [Point]
    }

    private func show(_ pareto: ParetoTable, measuredCount: Int) throws {
        guard format.format == .table else { return try format.print(pareto) }
        var text = TextTable(["POINT", "ms", "ACCURACY %", "MFLOPs", "SUBNET"])
        for (index, point) in pareto.points.enumerated() {
            text.add([
                "\(index)", point.latencyMilliseconds.text(3), (100 * point.accuracy).text(2),
                (Double(point.flops) / 1e6).text(1), "\(point.configuration)",
            ])
        }
        Terminal.print(text.text)
        Terminal.print("\(pareto.points.count) operating points of \(measuredCount) measured subnets")
    }
}
