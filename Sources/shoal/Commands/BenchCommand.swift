import ArgumentParser
import Engine
import FleetListings
import Foundation
import Packages
import PlanEvaluation
import ProgressLines
import SearchSpace
import Supernets

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure the latency of packages, or of switching between subnets.",
        discussion: """
            Several packages or subnets are run in turn, so that all see the same machine; compare only figures of one \
            run. With --switch, random switches between the subnets of one package are timed, a frame after each; \
            heap allocations are counted and every output is compared with the subnet's own. SHOAL_INSTRUCTION_SET \
            (portable, avx2, avx512 or neon) chooses other kernels than the fastest of this processor.
            """)

    @Argument(help: "The packages.")
    var packages: [String]
    @Flag(help: "Measure switches between the subnets of --subnets.")
    var `switch` = false
    @Flag(help: "Show where the time of each package or subnet goes, operation by operation, on one thread.")
    var profile = false
    @Option(
        help: "With --profile: write a trace for Chrome's about:tracing of the first package, its medians end to end.")
    var trace: String?
    @Option(parsing: .unconditional, help: "Threads that share each inference.")
    var threads = 1
    @Option(
        name: .customLong("repeat"), parsing: .unconditional,
        help: "Measured runs of each package or subnet, or number of switches.")
    var repeats = 30
    @Option(parsing: .unconditional, help: ImageSize.helpWithSubnets, transform: ImageSize.argument)
    var resolution: ImageSize?
    @Option(help: "The subnet as JSON or a file of it; the largest without it.")
    var subnet: String?
    @Option(help: "A file with a JSON list of subnets.")
    var subnets: String?
    @Option(help: "Number format: fp32, bf16, or int8 for networks that are quantised, which always run so.")
    var precision = Precision.fp32
    @Option(parsing: .unconditional, help: "Seed of the order of switches.")
    var seed: UInt64 = 1
    @OptionGroup var format: FormatOptions

    func validate() throws {
        guard (1...64).contains(threads) else { throw ValidationError("--threads: give 1 to 64") }
        guard (1...10_000_000).contains(repeats) else { throw ValidationError("--repeat: give 1 to 10000000") }
        guard subnet == nil || subnets == nil else { throw ValidationError("give either --subnet or --subnets") }
        guard !profile || (threads == 1 && !`switch`) else {
            throw ValidationError("--profile: runs on one thread and without --switch")
        }
        guard trace == nil || profile else { throw ValidationError("--trace: goes with --profile") }
        guard !packages.isEmpty else { throw ValidationError("give a package") }
        guard !`switch` || (packages.count == 1 && subnets != nil) else {
            throw ValidationError("--switch: give one package and --subnets")
        }
    }

    func run() async throws {
        try await refusing("measuring") {
            let models = try packages.flatMap {
                try BenchModel.load(
                    $0, subnet: subnet, subnets: subnets, resolution: resolution, precision: precision)
            }
            for model in models { try model.work.precision.check(for: precision, of: model.package) }
            if profile {
                try showProfiles(models)
            } else if `switch` {
                try measureSwitches(models)
            } else {
                try measureRuns(models)
            }
        }
    }

    private func showProfiles(_ models: [BenchModel]) throws {
        if let trace {
            try OutputFile.checkFolder(of: trace)
            try OutputFile.check(trace, isNoneOf: packages + [subnet, subnets])
        }
        let reports = try models.map { try WorkProfile($0.work, of: $0.package, $0.instructionSet, repeats: repeats) }
        if let trace { try reports[0].writeTrace(to: trace) }
        guard format.format == .table else { return try format.print(["profiles": reports]) }
        Terminal.print(reports.map(\.table).joined(separator: "\n\n"))
    }

    // MARK: Runs

    private struct Runs: Encodable {
        struct Model: Encodable {
            var package: String
            var subnet: SubnetConfiguration?
            var threads: Int
            var precision: String
            var instructionSet: String
            var p50Milliseconds: Double
            var p90Milliseconds: Double
            var p99Milliseconds: Double
            var minMilliseconds: Double
            var flops: Int
            /// Operators without a kernel, which ran by their definitions.
            var evaluatedOperators: [String]
            /// Every measured run, in order.
            var milliseconds: [Double]
            /// The same runs' processor time, of all threads together.
            var processorMilliseconds: [Double]
        }
        var models: [Model]
    }

    private func measureRuns(_ models: [BenchModel]) throws {
        let counted = StatusLine.standardError.goOn("running rounds", of: repeats + InterleavedTimer.warmUpRuns)
        let times = try InterleavedTimer.measure(
            models.map(\.work), repeats: repeats, threads: threads, counted: counted)
        let rows = zip(models, times).map { model, times in
            let summary = LatencySummary(times.wall)
            return Runs.Model(
                package: model.package, subnet: model.subnet, threads: threads,
                precision: model.work.precision.rawValue,
                instructionSet: model.instructionSet.rawValue, p50Milliseconds: summary.p50,
                p90Milliseconds: summary.p90, p99Milliseconds: summary.p99, minMilliseconds: times.wall.min() ?? 0,
                flops: model.flops, evaluatedOperators: model.evaluatedOperators,
                milliseconds: times.wall, processorMilliseconds: times.processor)
        }
        guard format.format == .table else { return try format.print(Runs(models: rows)) }
        var table = TextTable(["PACKAGE", "P50 MS", "P90 MS", "MIN MS", "MFLOPS", "GFLOP/S", "SUBNET"])
        for row in rows {
            table.add([
                row.package, row.p50Milliseconds.text(3), row.p90Milliseconds.text(3), row.minMilliseconds.text(3),
                (Double(row.flops) / 1e6).text(1), (Double(row.flops) / row.p50Milliseconds / 1e6).text(1),
                row.subnet.map(\.description) ?? "",
            ])
        }
        Terminal.print(table.text)
    }

    // MARK: Switches

    private struct Switches: Encodable {
        struct Microseconds: Encodable {
            var p50: Double
            var p99: Double
            var max: Double
        }
        var package: String
        var subnets: Int
        var switches: Int
        var switchMicroseconds: Microseconds
        /// Left out where this build cannot count.
        var allocations: Int?
        var wrongOutputs: Int
        var precision: String
        var packedBytes: Int
        var arenaBytes: Int
    }

    private func measureSwitches(_ models: [BenchModel]) throws {
        guard models.count > 1 else { throw Refusal("--subnets: a switch needs at least two subnets") }
        let measured = SwitchMeasurement(models.compactMap(\.work.plan), repeats: repeats, seed: seed, threads: threads)
        let summary = LatencySummary(measured.microseconds)
        let result = Switches(
            package: packages[0], subnets: models.count, switches: repeats,
            switchMicroseconds: .init(p50: summary.p50, p99: summary.p99, max: measured.microseconds.max() ?? 0),
            allocations: measured.allocations, wrongOutputs: measured.wrongOutputs,
            precision: precision.rawValue, packedBytes: models[0].packedBytes, arenaBytes: measured.arenaBytes)
        guard format.format == .table else { return try format.print(result) }
        Terminal.print(
            """
            \(repeats) switches among \(models.count) subnets: p50 \(summary.p50.text(2)) us, \
            p99 \(summary.p99.text(2)) us, max \(result.switchMicroseconds.max.text(2)) us; \
            \(result.allocations.map(String.init) ?? "uncounted") allocations, \(result.wrongOutputs) wrong outputs
            """)
    }
}
