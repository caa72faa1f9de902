import AdminAPI
import ArgumentParser
import FleetListings
import FleetModel
import Foundation
import SearchReports

struct DescribeCommand: AsyncParsableCommand {
    enum Noun: String, ExpressibleByArgument, CaseIterable {
        case board, model, policy, rollout, hooks, search, predictor, artefact
    }

    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract:
            "All that is known of one board, model, policy, rollout, group of hooks, search, predictor or artefact.")

    @Argument(help: "board, model, policy, rollout, hooks, search, predictor or artefact (as KIND/NAME).")
    var noun: Noun
    @Argument(help: "Its name.")
    var name: String
    @Option(help: "Of a predictor: draw predicted against measured latency into this file (SVG).")
    var plot: String?
    @Option(help: "Of a verified search: write its operating points as agents read them into this file (JSON).")
    var table: String?
    @OptionGroup var coordinator: CoordinatorOptions
    @OptionGroup var format: FormatOptions

    func run() async throws {
        try await refusing {
            guard plot == nil || noun == .predictor else { throw Refusal("--plot: goes with predictor", .usage) }
            guard table == nil || noun == .search else { throw Refusal("--table: goes with search", .usage) }
            let client = try coordinator.client
            switch noun {
            case .board: try await describeBoard(client)
            case .model: try await describeModel(client)
            case .policy: try await describePolicy(client)
            case .search: try await describeSearch(client)
            case .predictor: try await describePredictor(client)
            case .hooks: try await describeHooks(client)
            case .rollout: try await describeRollout(client)
            case .artefact: try await describeArtefact(client)
            }
        }
    }

    private func describeBoard(_ client: AdminClient) async throws {
        let boards: [BoardView] = try await client.get("v1/boards")
        guard let board = boards.first(where: { $0.name == name }) else { throw missing(boards.map(\.name)) }
        let all = try await BoardDetails.of(board, client)
        guard format.format == .table else { return try format.print(all) }
        Terminal.print(all.lines.joined(separator: "\n"))
        Terminal.print("\n" + TextTable(all.models, .models).text)
        if let day = all.lastDay, !day.isEmpty {
            Terminal.print("\nThe last 24 hours:\n" + TextTable(day, .lastDay).text)
        }
        let hooked = all.models.filter { $0.hooks != nil }
        if !hooked.isEmpty { Terminal.print("\n" + TextTable(hooked, .hooksOfModels).text) }
        for model in board.models {
            Terminal.print("\n\(model.name), \(model.framesPerSecond.text(1)) frames per second")
            Terminal.print(TextTable(model.points, .points).text)
        }
        Terminal.print(([""] + all.history).joined(separator: "\n"))
    }

    private func describeModel(_ client: AdminClient) async throws {
        let models: [ModelView] = try await client.get("v1/models")
        let found = models.filter { $0.model == name }
        guard !found.isEmpty else { throw missing(Array(Set(models.map(\.model)))) }
        Terminal.print(try format.text(found, .models))
    }

    private func describeHooks(_ client: AdminClient) async throws {
        let all: [HooksView] = try await client.get("v1/hooks")
        guard let view = all.first(where: { $0.name == name }) else { throw missing(all.map(\.name)) }
        if format.format == .table { Terminal.print(view.lines.joined(separator: "\n")) }
        Terminal.print(try format.text(view, .versions))
    }

    private func describeRollout(_ client: AdminClient) async throws {
        let all: [RolloutView] = try await client.get("v1/rollouts")
        guard let view = all.first(where: { $0.name == name }) else { throw missing(all.map(\.name)) }
        try format.show(view)
    }

    private func describeArtefact(_ client: AdminClient) async throws {
        let all: [ArtefactView] = try await client.get("v1/artefacts")
        guard let view = all.first(where: { $0.fullName == name }) else { throw missing(all.map(\.fullName)) }
        if format.format == .table { Terminal.print(view.lines.joined(separator: "\n")) }
        Terminal.print(try format.text(view, .holdings))
    }

    private func describePolicy(_ client: AdminClient) async throws {
        let policies: [PolicyView] = try await client.get("v1/policies")
        guard let policy = policies.first(where: { $0.name == name }) else { throw missing(policies.map(\.name)) }
        try format.print(policy, policy.details)
    }

    private func describeSearch(_ client: AdminClient) async throws {
        let searches: [SearchView] = try await client.get("v1/searches")
        guard let view = searches.first(where: { $0.search.name == name }) else {
            throw missing(searches.map(\.search.name))
        }
        if let file = table {
            try OutputFile.check(file)
            try OutputFile.checkFolder(of: file)
            guard let points = view.search.table else {
                let reason = view.search.verification?.refusal.map { ": \($0)" } ?? ""
                throw Refusal("search \(name) is \(view.search.state.rawValue), not verified\(reason)")
            }
            try OutputFile.writeJSON(points, to: file)
        }
        guard format.format == .table else { return try format.print(view) }
        var table = TextTable(SearchReport.pointHeader)
        for row in SearchReport.pointRows(view.search) { table.add(row) }
        Terminal.print(SearchReport.lines(view).joined(separator: "\n") + "\n\n" + table.text)
        let published = SearchReport.verifiedRows(view.search)
        guard !published.isEmpty else { return }
        var measured = TextTable(SearchReport.verifiedHeader)
        for row in published { measured.add(row) }
        Terminal.print("\nPublished, by measurement:\n\n" + measured.text)
    }

    private func describePredictor(_ client: AdminClient) async throws {
        let predictors: [LatencyPredictorView] = try await client.get("v1/predictors")
        guard let view = predictors.first(where: { $0.name == name }) else { throw missing(predictors.map(\.name)) }
        if let plot {
            try OutputFile.check(plot)
            try OutputFile.checkFolder(of: plot)
            guard let picture = PredictorPlot(view) else {
                throw Refusal("predictor \(name) has no samples to draw: \(view.refusal ?? "none was left out")")
            }
            try OutputFile.write(Array(picture.svg.utf8), to: plot)
        }
        guard format.format == .table else { return try format.print(view) }
        var table = TextTable(PredictorReport.sampleHeader)
        for row in PredictorReport.sampleRows(view) { table.add(row) }
        Terminal.print(PredictorReport.lines(view).joined(separator: "\n") + "\n\n" + table.text)
    }

    private func missing(_ known: [String]) -> Refusal {
        let names = known.isEmpty ? "none" : known.sorted().joined(separator: ", ")
        let list = "there \(known.count > 1 ? "are" : "is") \(names)"
        return Refusal("no \(noun.rawValue) is named \(name): \(list)", .notFound)
    }
}
