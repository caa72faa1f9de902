import ArgumentParser
import FleetListings
import Foundation
import LiveScenarios
import ProgressLines
import Scenarios

struct ScenarioCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scenario", abstract: "Live through a scenario with several models on one board.",
        discussion: """
            Compares the product's decisions with fixed points, the smallest points, eviction, and the best fixed \
            points in hindsight, over the same frames. Without --simulate every policy takes as long as the scenario, \
            with real inference on one processor and real competing work. The format is in Cluster/Scenarios/README.md.
            """)

    @Argument(help: "The scenario (TOML).")
    var file: String
    @Flag(help: "On virtual time, with the run times of the file.")
    var simulate = false
    @Option(help: "The processor that runs the models; the last unless given.")
    var processor: Int?
    @Option(help: "Policies to compare, separated by commas; all unless given.")
    var policies: String?
    @Option(help: "Folder for time plots (SVG), one per policy.")
    var plots: String?
    @OptionGroup var format: FormatOptions

    func run() async throws {
        try await refusing {
            let text = try InputFile.text(file)
            let scenario: Scenario
            do { scenario = try Scenario.parse(text, file: file) } catch { throw Refusal("\(error)") }
            try makeFolder()
            let (report, plots) = try await lived(scenario)
            if let how = report.throttling { Terminal.note("shoal: warning: throttling: \(how)") }
            for left in report.leftOut { Terminal.note("shoal: warning: \(left.policy) is left out: \(left.reason)") }
            try show(report)
            if let folder = self.plots { try write(plots, of: scenario.name, to: folder) }
        }
    }

    /// - Parameter name: of the scenario; it may hold anything, its files' names do not.
    private func write(_ plots: [String: String], of name: String, to folder: String) throws {
        let plain = String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") ? $0 : "-" })
        for (policy, svg) in plots {
            try OutputFile.write(Array(svg.utf8), to: "\(folder)/\(plain)-\(policy).svg")
        }
    }

    private func makeFolder() throws {
        guard let plots else { return }
        do { try FileManager.default.createDirectory(atPath: plots, withIntermediateDirectories: true) } catch {
            throw Refusal("--plots: there can be no folder \(plots)", .environment)
        }
    }

    private func wantedPolicies() throws -> [String] {
        let wanted = policies?.split(separator: ",").map(String.init) ?? ScenarioReport.policies
        let known = ScenarioReport.policies.joined(separator: ", ")
        guard !wanted.isEmpty else { throw Refusal("--policies: give one or more of \(known)", .usage) }
        if let unknown = wanted.first(where: { !ScenarioReport.policies.contains($0) }) {
            throw Refusal("--policies: there is no '\(unknown)', only \(known)", .usage)
        }
        return wanted
    }

    private func lived(_ scenario: Scenario) async throws -> (report: ScenarioReport, plots: [String: String]) {
        let wanted = try wantedPolicies()
        guard simulate else {
            let folder = URL(filePath: file).deletingLastPathComponent().path()
            do {
                return try await LiveScenario.report(
                    of: scenario, folder: folder.isEmpty ? "." : folder, processor: processor, policies: wanted,
                    isStarting: {
                        Terminal.note("\($0): \(scenario.seconds.text(0)) s")
                        StatusLine.standardError.goOn("\($0), of \(scenario.seconds.text(0)) s")
                    },
                    note: { Terminal.note("shoal: \($0)") })
            } catch { throw Refusal("\(file): \(error)") }
        }
        if let model = scenario.models.first(where: { $0.package != nil }) {
            throw Refusal("\(file): \(model.name) has a package and no table of points, which virtual time takes")
        }
        return ScenarioReport.simulated(scenario, policies: wanted)
    }

    private func show(_ report: ScenarioReport) throws {
        guard format.format == .table else { return try format.print(report) }
        var table = TextTable([
            "POLICY", "SLO %", "ACCURACY %", "WITH MISSES %", "SWITCHES/s", "STEADY/s", "RECOVERY ms", "DROPPED",
        ])
        for result in report.results {
            table.add([
                result.policy, (100 * result.sloAttainment).text(2), (100 * result.accuracy).text(2),
                (100 * result.accuracyWithMisses).text(2), result.switchesPerSecond.text(2),
                result.steadySwitchesPerSecond?.text(2) ?? "-", result.recoveryMilliseconds?.text(0) ?? "never",
                "\(result.dropped)",
            ])
        }
        Terminal.print("\(report.scenario): \(report.seconds.text(0)) s of \(report.time) time, seed \(report.seed)")
        Terminal.print(table.text)
    }
}
