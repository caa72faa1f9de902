import AllocationReports
import ArgumentParser
import FleetListings
import FleetModel
import Foundation
import ResourceAllocation

struct AllocateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allocate", abstract: "Share one board among its models by policy.",
        discussion: """
            Chooses an operating point for every model that a policy rules, so that priority x accuracy sums highest \
            within the board's CPU time, memory and power and each model's own limits. What cannot be met is named in \
            infeasible, and the least bad points are assigned all the same; the exit code stays 0, because that is \
            an answer. The formats of both files are in the README, "Several models on one board".
            """)

    @Option(help: "The board: its resources, its models and their operating points (YAML or JSON).")
    var board: String
    @Option(help: "One or more policies (YAML or JSON).")
    var policy: String
    @Option(
        parsing: .unconditional, help: "States that the search keeps before it gives up its proof and states the gap.")
    var stateLimit = MultipleChoiceKnapsack.defaultStateLimit
    @Option(parsing: .unconditional, help: "How often to solve; the fastest time is stated.")
    var repeats = 1
    @Option(help: "When, for policies with windows (as in 2026-03-01T22:30:00+01:00); now unless given.")
    var at: String?
    @OptionGroup var format: FormatOptions

    func validate() throws {
        guard (1...10_000_000).contains(stateLimit) else {
            throw ValidationError("--state-limit: give 1 to 10000000")
        }
        guard (1...10_000).contains(repeats) else { throw ValidationError("--repeats: give 1 to 10000") }
    }

    func run() async throws {
        try await refusing {
            let boardFile = try read(board) { try BoardFile.parse($0, file: board) }
            let policies = try read(policy) { text in
                let policies = try PolicyFile.parseAll(text, file: policy)
                for warning in try AllocationReport.warnings(policies, text, file: policy, on: boardFile) {
                    Terminal.note("shoal: warning: \(warning)")
                }
                return policies
            }
            guard let time = AllocationTime.parse(at) else { throw Refusal(AllocationTime.advice, .usage) }
            let report = AllocationReport(boardFile, policies, at: time, stateLimit: stateLimit, repeats: repeats)
            Terminal.print(try format.text(report, .allocation))
            if format.format == .table { for line in report.lines { Terminal.print(line) } }
        }
    }

    private func read<Value>(_ path: String, _ parse: (String) throws -> Value) throws -> Value {
        let text = try InputFile.text(path)
        do { return try parse(text) } catch let refusal as PolicyRefusal { throw Refusal(refusal.description) }
    }
}
