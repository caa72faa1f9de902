import AdminAPI
import ArgumentParser
import FleetListings
import HookSharing

struct HooksRollbackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback", abstract: "Put an earlier version of shared gates in force on all boards.")

    @Argument(help: "The hooks, as shoal get hooks names them.")
    var name: String
    @Option(parsing: .unconditional, help: "The version; without it the one that the current one was made from.")
    var to: UInt64?
    @OptionGroup var coordinator: CoordinatorOptions
    @OptionGroup var format: FormatOptions

    func run() async throws {
        try await refusing {
            let view: HooksView = try await coordinator.client.post(
                "v1/hooks/rollback", HooksRollback(name: name, version: to))
            guard format.format == .table else { return try Terminal.json(view) }
            Terminal.print("version \(view.currentVersion) of \(view.name) is in force")
        }
    }
}

/// Shared gates as tables.
enum HooksListing {
    static func find(_ name: String, _ client: AdminClient) async throws -> HooksView {
        let all: [HooksView] = try await client.get("v1/hooks")
        guard let view = all.first(where: { $0.name == name }) else {
            let known = all.isEmpty ? "there are none" : "there are " + all.map(\.name).joined(separator: ", ")
            throw Refusal("no hooks are named \(name): \(known)", .notFound)
        }
        return view
    }

    static func describe(_ view: HooksView, _ format: FormatOptions) async throws {
        guard format.format == .table else { return try Terminal.json(view) }
        Terminal.print(
            """
            hooks        \(view.name)
            class        \(view.boardClass)
            network      \(view.modelSHA256)
            start        \(view.hookSHA256)
            parameters   \(view.parameters), \(view.bytesPerUpdate) bytes an update
            version      \(view.currentVersion)\(view.candidate.map { "; \($0) is being judged" } ?? "")
            waiting      \(view.waiting.isEmpty ? "none" : view.waiting.joined(separator: ", "))
            """)
        for outlier in view.outliers {
            Terminal.print("outlier      \(outlier.board): \(outlier.reason), at version \(outlier.version)")
        }
        let boards = view.boards.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }
        Terminal.print("boards       \(boards.joined(separator: ", "))\n")
        var table = TextTable(["VERSION", "FROM", "TIME", "SAMPLES", "LOSS %", "JUDGED BY", "MERGED", "LEFT OUT"])
        for version in view.versions {
            let (merged, out) = (
                version.boards.filter { $0.exclusion == nil }, version.boards.filter { $0.exclusion != nil }
            )
            table.add([
                "\(version.number)\(version.isTakenBack ? " taken back" : "")", "\(version.parent)",
                timeText(version.atMilliseconds), "\(version.samples)", (100 * version.lossChange).text(1),
                version.validators.joined(separator: ","),
                merged.map { "\($0.board) \(Int((100 * $0.weight).rounded())) %" }.joined(separator: ", "),
                out.isEmpty ? "none" : out.map { "\($0.board): \($0.exclusion ?? "")" }.joined(separator: "; "),
            ])
        }
        Terminal.print(table.text)
    }
}
