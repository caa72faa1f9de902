import AdminAPI
import ArgumentParser
import FleetListings
import FleetModel
import Foundation

struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Judge a run of the fleet by its stored telemetry.",
        discussion: "Exits with 0 only if every requirement was met, with 1 otherwise.")

    @Option(parsing: .unconditional, help: "Boards that must have enrolled and reported.")
    var boards: Int
    @Option(parsing: .unconditional, help: "Start of a competing load, milliseconds since 1970.")
    var loadStart: UInt64
    @Option(parsing: .unconditional, help: "Its end.")
    var loadEnd: UInt64
    @Option(
        parsing: .unconditional,
        help: "Longest time until constraints are obeyed again after the load's start, in milliseconds.")
    var recovery: UInt64 = 5_000
    @Option(
        parsing: .unconditional, help: "Share of the windows after that which may break the constraint again, 0...1.")
    var relapses = 0.2
    @OptionGroup var coordinator: CoordinatorOptions
    @OptionGroup var format: FormatOptions

    func validate() throws {
        guard boards > 0 else { throw ValidationError("--boards: give at least 1") }
        guard loadStart < loadEnd else { throw ValidationError("--load-end: must be after --load-start") }
    }

    func run() async throws {
        try await refusing {
            let report = try await report(try coordinator.client)
            Terminal.print(try format.text(report, .report))
            if format.format == .table { for line in report.lines { Terminal.print(line) } }
            if !report.passed { throw ExitCode(ExitStatus.negative.rawValue) }
        }
    }

    private func report(_ client: AdminClient) async throws -> FleetReport {
        let load = FleetReport.LoadInterval(startMilliseconds: loadStart, endMilliseconds: loadEnd)
        let requirements = FleetReport.Requirements(
            boards: boards, recoveryMilliseconds: recovery, settledWindows: 2, relapses: relapses, adapts: true)
        return try await FleetReport.of(client, load: load, requirements: requirements)
    }
}
