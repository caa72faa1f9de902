import AdminAPI
import ArgumentParser
import FleetListings
import Foundation
import MachineChecks

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Look at this machine and the coordinator for what usually goes wrong.",
        discussion: """
            Clock, disk, kernels and CPU governor of this machine; with --config what an agent will meet here: its \
            secrets, packages, and name and port of its coordinator; with --state secrets and ports of the \
            coordinator, its version and its clock. Packages that are named are read whole, each section checked by \
            its SHA-256. Exits with 1 if anything is wrong.
            """)

    @Argument(help: "Packages to check.")
    var packages: [String] = []
    @Option(help: "Configuration of this board's agent.")
    var config: String?
    @OptionGroup var coordinator: CoordinatorOptions
    @OptionGroup var format: FormatOptions

    func run() async throws {
        try await refusing {
            var findings = [
                Machine.clock(), Machine.disk(of: coordinator.path ?? FileManager.default.currentDirectoryPath),
                Machine.kernels(), Machine.governor(),
            ]
            findings += packages.map(PackageCheck.finding)
            if let config { findings += BoardChecks(configuration: config).findings() }
            if coordinator.path != nil {
                findings += permissions()
                findings += await reachability()
            }
            try format.print(findings, findings.map(\.line).joined(separator: "\n"))
            if findings.contains(where: { $0.verdict == .bad }) { throw ExitCode(ExitStatus.negative.rawValue) }
        }
    }

    private func permissions() -> [Finding] {
        guard let state = coordinator.path, !state.hasSuffix(".json") else { return [] }
        return ["key.json", "admin.json", "fleet.sqlite"].map { SecretFile.check(state + "/" + $0) }
    }

    private func reachability() async -> [Finding] {
        do {
            let asked = Self.milliseconds()
            let status: StatusView = try await coordinator.client.get("v1/status")
            let isSame = status.version == Shoal.configuration.version
            let version = Finding(
                "coordinator", isSame ? .good : .warning,
                "version \(status.version), \(status.boardsConnected) of \(status.boardsEnrolled) boards connected"
                    + (isSame ? "" : "; this program is \(Shoal.configuration.version)"))
            let clock = status.atMilliseconds.map { Machine.clockDifference($0, between: asked...Self.milliseconds()) }
            let ports = [("fleet endpoint", status.fleetEndpoint), ("enrolment endpoint", status.enrolmentEndpoint)]
                .flatMap { what, place in Endpoint(place)?.findings(what) ?? [] }
            return [version] + [clock].compactMap(\.self) + ports
        } catch { return [Finding("coordinator", .bad, Refusal(error).message)] }
    }

    private static func milliseconds() -> UInt64 { UInt64(Date().timeIntervalSince1970 * 1_000) }
}
