import AdminAPI
import ArgumentParser
import FleetListings
import FleetModel
import Foundation
import HookNetworks
import Packages
import ProgressLines

struct ArtefactCommand: AsyncParsableCommand {
    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case modelPackage = "model-package", subnetTable = "subnet-table", hookVersion = "hook-version"
    }

    static let configuration = CommandConfiguration(
        commandName: "artefact", abstract: "Bring packages, subnet tables and hooks to boards, signed.",
        subcommands: [Add.self, Deploy.self, Withdraw.self, Remove.self, RotateKey.self])

    struct Options: ParsableArguments {
        @Option(help: "model-package, subnet-table or hook-version.")
        var kind: Kind
        @Option(help: "Of the models that it is for.")
        var name: String
        @Option(parsing: .unconditional, help: "Number of the version; the next one, or the last, unless given.")
        var number: UInt64?
        @OptionGroup var coordinator: CoordinatorOptions
        @OptionGroup var format: FormatOptions

        func change<Value: Decodable>(_ path: String, dryRun: Bool = false) async throws -> Value {
            let change = ArtefactChange(kind: kind.rawValue, name: name, version: number, dryRun: dryRun)
            return try await coordinator.client.post("v1/artefacts/\(path)", change)
        }

        func show(_ view: ArtefactView) throws {
            if view.dryRun == true { Terminal.note("shoal: nothing has changed; this would be:") }
            if format.format == .table { Terminal.print(view.lines.joined(separator: "\n")) }
            Terminal.print(try format.text(view, .holdings))
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Bring a file to the coordinator, which signs it; boards get it when it is deployed.")

        @Argument(help: "The file.")
        var file: String
        @Flag(help: "Deploy it at once.")
        var deploy = false
        @OptionGroup var options: Options

        func run() async throws {
            try await refusing("reading the file") {
                try check()
                StatusLine.standardError.goOn("sending \(file)")
                var view = try await options.coordinator.client.add(
                    artefact: file, kind: options.kind.rawValue, name: options.name, version: options.number)
                if deploy { view = try await options.change("deployments") }
                try options.show(view)
            }
        }

        /// What boards would refuse is refused before it is sent.
        private func check() throws {
            switch options.kind {
            case .modelPackage: _ = try PackageFile(file).weightsSHA256()
            case .hookVersion: if let damage = try HookState.read(from: file).damage { throw Refusal(damage) }
            case .subnetTable:
                guard let data = FileManager.default.contents(atPath: file),
                    (try? JSONDecoder().decode(ParetoTable.self, from: data))?.points.isEmpty == false
                else { throw Refusal("\(file): is not a table of operating points") }
            }
        }
    }

    struct Deploy: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a version that of all boards; an earlier one takes boards back to it.")
        @Flag(help: "Say what would be deployed then, but change nothing.") var dryRun = false
        @OptionGroup var options: Options

        func run() async throws {
            try await refusing { try options.show(await options.change("deployments", dryRun: dryRun)) }
        }
    }

    struct Withdraw: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Deploy no version; boards keep what they use.")
        @Flag(help: "Say what would be deployed then, but change nothing.") var dryRun = false
        @OptionGroup var options: Options

        func run() async throws {
            try await refusing { try options.show(await options.change("withdrawals", dryRun: dryRun)) }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Forget a version that is not deployed.")
        @Flag(help: "See whether it could be, and list what there is.") var dryRun = false
        @OptionGroup var options: Options

        func run() async throws {
            try await refusing {
                let left: [ArtefactView] = try await options.change("removals", dryRun: dryRun)
                Terminal.print(try options.format.text(left, .artefacts))
            }
        }
    }

    struct RotateKey: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sign with a new key; boards follow the old key's statement.")
        @Flag(help: "See whether it could be, but change nothing.") var dryRun = false
        @OptionGroup var coordinator: CoordinatorOptions
        @OptionGroup var format: FormatOptions

        func run() async throws {
            try await refusing {
                let key: ArtefactKeyView = try await coordinator.client.post(
                    "v1/artefacts/key-rotations", ArtefactKeyRotation(dryRun: dryRun))
                let past = dryRun ? "would be replaced: " : ""
                try format.print(key, "\(past)signing key \(key.publicKey), after \(key.rotations) changes")
            }
        }
    }
}
