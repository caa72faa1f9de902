import AdminAPI
import ArgumentParser
import Engine
import FleetListings
import Foundation
import Packages

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Look at this machine and the coordinator for what usually goes wrong.",
        discussion: """
            Packages that are named are read whole, each section checked by its SHA-256. Exits with 1 if anything is \
            wrong.
            """)

    @Argument(help: "Packages to check.")
    var packages: [String] = []
    @OptionGroup var coordinator: CoordinatorOptions
    @OptionGroup var format: FormatOptions

    private struct Finding: Encodable {
        enum Verdict: String, Encodable { case good, warning, bad }
        var check: String
        var verdict: Verdict
        var message: String
    }

    func run() async throws {
        try await refusing {
            var findings = [clock(), disk(), kernels(), governor()] + packages.map(content)
            if coordinator.path != nil {
                findings += permissions()
                findings.append(await reachability())
            }
            if format.format == .json {
                try Terminal.json(findings)
            } else {
                for finding in findings {
                    let mark = finding.verdict == .good ? "ok" : finding.verdict.rawValue
                    Terminal.print(
                        "\(mark.padding(toLength: 8, withPad: " ", startingAt: 0)) \(finding.check): \(finding.message)"
                    )
                }
            }
            if findings.contains(where: { $0.verdict == .bad }) { throw ExitCode(ExitStatus.negative.rawValue) }
        }
    }

    /// A clock that is years off breaks tokens and telemetry.
    private func clock() -> Finding {
        let year = Calendar(identifier: .gregorian).component(.year, from: Date())
        let isGood = (2025...2100).contains(year)
        return Finding(
            check: "clock", verdict: isGood ? .good : .bad,
            message: isGood
                ? timeText(UInt64(Date().timeIntervalSince1970 * 1_000)) : "says the year \(year): set it")
    }

    private func disk() -> Finding {
        let path = coordinator.path ?? FileManager.default.currentDirectoryPath
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: path)
        guard let free = attributes?[.systemFreeSize] as? Int64 else {
            return Finding(check: "disk", verdict: .warning, message: "free space of \(path) cannot be read")
        }
        let isGood = free > 256 << 20
        return Finding(
            check: "disk", verdict: isGood ? .good : .bad,
            message: "\(free >> 20) MiB free\(isGood ? "" : ": telemetry needs more")")
    }

    private func kernels() -> Finding {
        do {
            let set = try KernelSet.selected().instructionSet
            return Finding(
                check: "kernels", verdict: set == .portable ? .warning : .good,
                message: set == .portable ? "portable kernels only: several times slower" : set.rawValue)
        } catch { return Finding(check: "kernels", verdict: .bad, message: "\(error)") }
    }

    private func governor() -> Finding {
        let path = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            return Finding(check: "CPU governor", verdict: .good, message: "none on this machine")
        }
        let name = text.trimmingCharacters(in: .whitespacesAndNewlines)
        return Finding(
            check: "CPU governor", verdict: name == "powersave" ? .warning : .good,
            message: name == "powersave" ? "powersave: latencies will vary; performance or schedutil is better" : name)
    }

    private func content(of package: String) -> Finding {
        do throws(PackageFailure) {
            let file = try PackageFile(package)
            try file.verify()
            return Finding(check: package, verdict: .good, message: "a \(file.kind) as it was written")
        } catch {
            let message = error.section.map { "section \($0): \(error.reason)" } ?? error.reason
            return Finding(check: package, verdict: .bad, message: message)
        }
    }

    private func permissions() -> [Finding] {
        guard let state = coordinator.path, !state.hasSuffix(".json") else { return [] }
        return ["key.json", "admin.json", "fleet.sqlite"].map { name in
            let path = state + "/" + name
            guard let mode = (try? FileManager.default.attributesOfItem(atPath: path))?[.posixPermissions] as? Int
            else {
                return Finding(check: name, verdict: .bad, message: "\(path) is missing")
            }
            let isGood = mode & 0o077 == 0
            return Finding(
                check: name, verdict: isGood ? .good : .bad,
                message: isGood ? "only its owner can read it" : "others can read it: chmod 600 \(path)")
        }
    }

    private func reachability() async -> Finding {
        do {
            let status: StatusView = try await coordinator.client.get("v1/status")
            let isSame = status.version == Shoal.configuration.version
            return Finding(
                check: "coordinator", verdict: isSame ? .good : .warning,
                message:
                    "version \(status.version), \(status.boardsConnected) of \(status.boardsEnrolled) boards connected")
        } catch {
            return Finding(check: "coordinator", verdict: .bad, message: Refusal(error).message)
        }
    }
}
