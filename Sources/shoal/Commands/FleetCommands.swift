import AdminAPI
import ArgumentParser
import FleetListings
import FleetModel
import Foundation
import SearchReports

struct ApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Apply a policy to the fleet, or queue a search.")

    @Option(name: .shortAndLong, help: "A policy or a search (YAML).")
    var file: String
    @Flag(help: "Check it and say what it would select, but change nothing.")
    var dryRun = false
    @OptionGroup var coordinator: CoordinatorOptions
    @OptionGroup var format: FormatOptions

    func run() async throws {
        try await refusing {
            let text = try InputFile.text(file)
            if SearchFile.isSearch(text) { return try await submit(text) }
            // Refused here already, so that a bad file is found without a coordinator.
            do { _ = try PolicyFile.parse(text, file: file) } catch { throw Refusal("\(error)") }
            let result: ApplyResult = try await coordinator.client.post(
                "v1/policies", ApplyRequest(file: file, text: text, dryRun: dryRun))
            for warning in result.warnings { Terminal.note("shoal: warning: \(warning)") }
            guard format.format == .table else { return try format.print(result) }
            Terminal.print(result.text)
        }
    }

    private func submit(_ text: String) async throws {
        do { _ = try SearchFile.parse(text, file: file) } catch { throw Refusal("\(error)") }
        let view: SearchView = try await coordinator.client.post(
            "v1/searches", ApplyRequest(file: file, text: text, dryRun: dryRun))
        guard format.format == .table else { return try format.print(view) }
        Terminal.print("search \(view.search.name) \(dryRun ? "would be" : "is") \(view.search.state.rawValue)")
    }
}

struct CancelCommand: AsyncParsableCommand {
    enum Noun: String, ExpressibleByArgument, CaseIterable { case search, policy }

    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "End a search, whose points so far are kept; or take a policy back: boards return to what remains.",
        aliases: ["delete"])

    @Argument(help: "search or policy.")
    var noun: Noun
    @Argument(help: "Its name.")
    var name: String
    @Flag(help: "Of a policy: say what would change, but change nothing.")
    var dryRun = false
    @OptionGroup var coordinator: CoordinatorOptions
    @OptionGroup var format: FormatOptions

    func run() async throws {
        try await refusing {
            guard ResourceName.isValid(name) else { throw Refusal("no \(noun.rawValue) is named \(name)", .notFound) }
            guard noun == .search else {
                let gone: PolicyWithdrawal = try await coordinator.client.delete(
                    "v1/policies/\(name)", query: ["dryRun": "\(dryRun)"])
                return try format.print(gone, gone.text)
            }
            guard !dryRun else { throw Refusal("--dry-run: goes with a policy", .usage) }
            let view: SearchView = try await coordinator.client.delete("v1/searches/\(name)")
            guard format.format == .table else { return try format.print(view) }
            Terminal.print("search \(view.search.name) is \(view.search.state.rawValue)")
        }
    }
}

struct GetCommand: AsyncParsableCommand {
    enum Noun: String, ExpressibleByArgument, CaseIterable {
        case boards, models, policies, assignments, searches, predictors, hooks, events, audit, status, telemetry
        case rollouts, artefacts
    }

    static let configuration = CommandConfiguration(commandName: "get", abstract: "List what the coordinator knows.")

    @Argument(
        help: """
            boards, models, policies, assignments, rollouts, artefacts, searches, predictors, hooks, events, audit, \
            status or telemetry.
            """)
    var noun: Noun
    @Option(help: "Of telemetry: the board whose windows are wanted; of events: the board that they are about.")
    var board: String?
    @Option(help: "Of events: those of one kind, as in boardLost.")
    var kind: String?
    @Option(help: "Of telemetry: one model; all unless given.")
    var model: String?
    @Option(help: "Of telemetry, audit and events: what began or was from here on, milliseconds since 1970.")
    var since: UInt64 = 0
    @Option(
        name: [.customShort("l"), .long],
        help: "Of boards, models and assignments: those of boards with these labels, as in tier=edge,site=north.")
    var selector: BoardSelector?
    @Flag(name: .shortAndLong, help: "Show it again every second until interrupted.")
    var watch = false
    @OptionGroup var coordinator: CoordinatorOptions
    @OptionGroup var format: FormatOptions

    func run() async throws {
        try await refusing(watch ? nil : "waiting for the coordinator") {
            try checkOptions()
            var isFirst = true
            repeat {
                let text = try await listing(try coordinator.client)
                Terminal.print(watch ? format.separator(isFirst: isFirst) + text : text)
                isFirst = false
                if watch { try await Task.sleep(for: .seconds(1)) }
            } while watch
        }
    }

    private func checkOptions() throws {
        let table: [(option: String, isGiven: Bool, nouns: [Noun])] = [
            ("--board", board != nil, [.telemetry]), ("--model", model != nil, [.telemetry]),
            ("--since", since != 0, [.telemetry, .audit]),
            ("--selector", selector != nil, [.boards, .models, .assignments]),
        ]
        for row in table where row.isGiven && !row.nouns.contains(noun) {
            let nouns = row.nouns.map(\.rawValue).joined(separator: ", ")
            throw Refusal("\(row.option): goes with \(nouns), not with \(noun.rawValue)", .usage)
        }
    }

    private func listing(_ client: AdminClient) async throws -> String {
        switch noun {
        case .boards: try await text(client, .boards, ofBoard: \.name)
        case .models: try await text(client, .models, ofBoard: \.board)
        case .policies: try await text(client, .policies)
        case .assignments: try await text(client, .assignments, ofBoard: \.board)
        case .searches:
            try await text(client, FleetListing<[SearchView]>(SearchReport.header) { $0.map(SearchReport.row) })
        case .predictors:
            try await text(
                client, FleetListing<[LatencyPredictorView]>(PredictorReport.header) { $0.map(PredictorReport.row) })
        case .hooks: try await text(client, .hooks)
        case .rollouts: try await text(client, .rollouts)
        case .artefacts: try await text(client, .artefacts)
        case .events: try await text(client, .events, eventChoice)
        case .audit: try await text(client, .audit, ["since": "\(since)", "limit": "\(AdminServer.rowLimit)"])
        case .status: try await text(client, .status)
        case .telemetry: try await telemetry(client)
        }
    }

    /// With a choice, of all that are kept.
    private var eventChoice: [String: String] {
        guard board != nil || kind != nil || since > 0 else { return [:] }
        let query = ["since": "\(since)", "limit": "\(FleetLimits.events)", "board": board, "kind": kind]
        return query.compactMapValues { $0 }
    }

    /// SLO attainment and accuracy, window by window.
    private func telemetry(_ client: AdminClient) async throws -> String {
        guard let board else { throw Refusal("get telemetry: name the board with --board") }
        return try format.text(
            try await AttainmentWindow.series(of: board, model: model, since: since, client), .telemetry)
    }

    /// What belongs to the boards that are chosen.
    private func text<Element: Codable>(
        _ client: AdminClient, _ listing: FleetListing<[Element]>, ofBoard name: KeyPath<Element, String>
    ) async throws -> String {
        let all: [Element] = try await client.get("v1/\(noun.rawValue)")
        guard let selector else { return try format.text(all, listing) }
        let boards: [BoardView] = try await client.get("v1/boards")
        let names = Set(boards.filter(selector.selects).map(\.name))
        return try format.text(all.filter { names.contains($0[keyPath: name]) }, listing)
    }

    private func text<Value: Codable>(
        _ client: AdminClient, _ listing: FleetListing<Value>, _ query: [String: String] = [:]
    ) async throws -> String {
        try format.text(try await client.get("v1/\(noun.rawValue)", query: query), listing)
    }
}
