import ArgumentParser
import Engine
import FleetListings
import Foundation
import Packages
import PlanEvaluation
import ProgressLines
import Supernets

struct TuneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tune", abstract: "Measure which kernels are fastest for a package's shapes on this processor.",
        discussion: """
            A run of less than a second times, by processor time and on one thread, the tiles of 1x1 and depthwise \
            convolutions and the methods of 3x3 convolutions. What is faster than the built-in choice by 2 % or more \
            is kept in a file per processor model in $XDG_CACHE_HOME/shoal or ~/.cache/shoal, which every later start \
            reads; removing it goes back to the built-in choice. Results change by no more than rounding: tiles \
            change none but the means of squeeze-and-excite, depthwise quads and the methods of 3x3 convolutions \
            about 1e-6 of a layer's \
            largest value, Winograd's with tiles of 4x4 pixels 1e-5.
            """)

    @Argument(help: "The packages.")
    var packages: [String]
    @Option(help: "The subnet as JSON or a file of it; the largest without it.")
    var subnet: String?
    @Option(help: "A file with a JSON list of subnets.")
    var subnets: String?
    @Option(parsing: .unconditional, help: ImageSize.helpWithSubnets, transform: ImageSize.argument)
    var resolution: ImageSize?
    @Option(parsing: .unconditional, help: "Seconds of processor time after which no other shape is begun.")
    var seconds = 1.5
    @OptionGroup var format: FormatOptions

    func validate() throws {
        guard !packages.isEmpty else { throw ValidationError("give a package") }
        guard subnet == nil || subnets == nil else { throw ValidationError("give either --subnet or --subnets") }
        guard (0.01...3600).contains(seconds) else { throw ValidationError("--seconds: give 0.01 to 3600") }
    }

    private struct Report: Encodable {
        struct Change: Encodable {
            var shape: String
            var from: String
            var to: String
            /// Least times.
            var fromMicroseconds: Double
            var toMicroseconds: Double
        }
        var file: String
        var processor: String
        var instructionSet: String
        /// Measured in this run.
        var shapes: Int
        var changes: [Change]
        var milliseconds: Double
        /// In the file, of all runs.
        var kept: Int
    }

    func run() async throws {
        try await refusing("measuring") {
            let models = try packages.flatMap {
                try BenchModel.load($0, subnet: subnet, subnets: subnets, resolution: resolution)
            }
            let kernels = try KernelSet.untuned()
            guard let file = KernelChoicesFile.current(kernels.instructionSet) else {
                throw Refusal(
                    "no folder for the choices: neither XDG_CACHE_HOME nor HOME is an absolute path", .environment)
            }
            let start = PlanTimer.now()
            let plans = models.flatMap(\.work.plans)
            let counted = StatusLine.standardError.goOn("measuring shapes", of: KernelTuner.shapes(of: plans).count)
            let rows = KernelTuner(kernels, limit: UInt64(seconds * 1e9), clock: PlanTimer.processorTime)
                .measure(plans, counted: counted)
            let end = PlanTimer.now()
            var choices = file.load()
            choices.adopt(rows)
            do { try file.write(choices) } catch { throw Refusal("\(file.path): \(error)", .environment) }
            try show(
                Report(
                    file: file.path, processor: file.target.processor,
                    instructionSet: kernels.instructionSet.rawValue, shapes: rows.count,
                    changes: rows.filter { $0.best != 0 }.map(Self.change),
                    milliseconds: Double(end - start) / 1e6, kept: choices.ways.count))
        }
    }

    private static func change(_ row: KernelTuner.Row) -> Report.Change {
        Report.Change(
            shape: row.shape.description, from: row.ways[0], to: row.ways[row.best],
            fromMicroseconds: Double(row.nanoseconds[0]) / 1e3,
            toMicroseconds: Double(row.nanoseconds[row.best]) / 1e3)
    }

    private func show(_ report: Report) throws {
        guard format.format == .table else { return try format.print(report) }
        if !report.changes.isEmpty {
            var table = TextTable(["SHAPE", "BUILT IN", "US", "FASTER", "US"])
            for change in report.changes {
                table.add([
                    change.shape, change.from, change.fromMicroseconds.text(1), change.to,
                    change.toMicroseconds.text(1),
                ])
            }
            Terminal.print(table.text)
        }
        Terminal.print(
            """
            \(report.shapes) shapes in \(report.milliseconds.text(0)) ms on \(report.processor), \
            \(report.instructionSet): \(report.changes.count) faster another way; \(report.kept) kept in \(report.file)
            """)
    }
}
