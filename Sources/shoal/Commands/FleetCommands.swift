import AdminAPI
import ArgumentParser
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
            guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
                throw Refusal("\(file): cannot be read as text")
            }
            if SearchFile.isSearch(text) { return try await submit(text) }
            // Refused here already, so that a bad file is found without a coordinator.
            do { _ = try PolicyFile.parse(text, file: file) } catch { throw Refusal("\(error)") }
            let result: ApplyResult = try await coordinator.client.post(
                "v1/policies", ApplyRequest(file: file, text: text, dryRun: dryRun))
            for warning in result.warnings { Terminal.note("shoal: warning: \(warning)") }
            guard format.format == .table else { return try Terminal.json(result) }
            let what = dryRun ? "would be" : "is"
            Terminal.print(
                "policy \(result.policy) \(what) version \(result.version) on \(result.boards.count) boards: "
                    + result.boards.joined(separator: ", "))
        }
    }

    private func submit(_ text: String) async throws {
        do { _ = try SearchFile.parse(text, file: file) } catch { throw Refusal("\(error)") }
        let view: SearchView = try await coordinator.client.post(
            "v1/searches", ApplyRequest(file: file, text: text, dryRun: dryRun))
        guard format.format == .table else { return try Terminal.json(view) }
        Terminal.print("search \(view.search.name) \(dryRun ? "would be" : "is") \(view.search.state.rawValue)")
    }
}

struct CancelCommand: AsyncParsableCommand {
    enum Noun: String, ExpressibleByArgument, CaseIterable { case search }

    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "End a search that waits or runs; its points so far are kept.")

    @Argument(help: "search.")
    var noun: Noun
    @Argument(help: "Its name.")
    var name: String
    @OptionGroup var coordinator: CoordinatorOptions
    @OptionGroup var format: FormatOptions

    func run() async throws {
        try await refusing {
            guard name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }) else {
                throw Refusal("no search is named \(name)", .notFound)
            }
            let view: SearchView = try await coordinator.client.delete("v1/searches/\(name)")
            guard format.format == .table else { return try Terminal.json(view) }
            Terminal.print("search \(view.search.name) is \(view.search.state.rawValue)")
        }
    }
}

struct GetCommand: AsyncParsableCommand {
    enum Noun: String, ExpressibleByArgument, CaseIterable {
        case boards, models, policies, assignments, searches, predictors, hooks, events, status, telemetry
    }

    static let configuration = CommandConfiguration(commandName: "get", abstract: "List what the coordinator knows.")

    @Argument(
        help: "boards, models, policies, assignments, searches, predictors, hooks, events, status or telemetry.")
    var noun: Noun
    @Option(help: "Of telemetry: the board whose windows are wanted.")
    var board: String?
    @Option(help: "Of telemetry: one model; all unless given.")
    var model: String?
    @Option(help: "Of telemetry: windows that were received from here on, milliseconds since 1970.")
    var since: UInt64 = 0
    @Flag(name: .shortAndLong, help: "Show it again every second until interrupted.")
    var watch = false
    @OptionGroup var coordinator: CoordinatorOptions
    @OptionGroup var format: FormatOptions

    func run() async throws {
        try await refusing {
            repeat {
                let text = try await listing(try coordinator.client)
                Terminal.print(watch && format.format == .table ? "\u{1B}[H\u{1B}[2J" + text : text)
                if watch { try await Task.sleep(for: .seconds(1)) }
            } while watch
        }
    }

    private func listing(_ client: AdminClient) async throws -> String {
        switch noun {
        case .boards:
            try await text(
                client, [BoardView].self,
                ["BOARD", "STATUS", "CORES", "MODELS", "GENERATION", "RECORDS", "GAPS", "CLASS"]
            ) {
                $0.map {
                    [
                        $0.name, $0.status, $0.cores.text(2), "\($0.models.count)",
                        "\($0.reportedGeneration)/\($0.desiredGeneration)", "\($0.telemetryRecords)",
                        "\($0.telemetryGaps)", $0.boardClass,
                    ]
                }
            }
        case .models: try await text(client, [ModelView].self, Self.modelHeader) { $0.map(Self.row) }
        case .policies:
            try await text(client, [PolicyView].self, ["POLICY", "VERSION", "BOARDS"]) {
                $0.map { [$0.name, "\($0.version)", $0.boards.joined(separator: ",")] }
            }
        case .assignments:
            try await text(
                client, [AssignmentView].self, ["BOARD", "GENERATION", "MODEL", "CONSTRAINT ms", "POINTS", "PREFERRED"]
            ) {
                $0.flatMap { board in
                    board.models.map {
                        [
                            board.board, "\(board.reportedGeneration)/\(board.generation)", $0.model,
                            $0.constraintMilliseconds.text(1), "\($0.lowestPoint)-\($0.highestPoint)",
                            "\($0.preferredPoint)",
                        ]
                    }
                }
            }
        case .searches:
            try await text(client, [SearchView].self, SearchReport.header) { $0.map(SearchReport.row) }
        case .predictors:
            try await text(client, [LatencyPredictorView].self, PredictorReport.header) { $0.map(PredictorReport.row) }
        case .events:
            try await text(client, [FleetEvent].self, ["TIME", "KIND", "BOARD", "MESSAGE"]) {
                $0.reversed().map { event in
                    let board = event.board?.rawValue ?? "-"
                    return [Self.time(event.atMilliseconds), event.kind.rawValue, board, event.message]
                }
            }
        case .hooks:
            try await text(client, [HooksView].self, HooksListing.header) { $0.map(HooksListing.row) }
        case .telemetry: try await telemetry(client)
        case .status:
            try await text(
                client, StatusView.self, ["FLEET", "ENROLMENT", "ENROLLED", "CONNECTED", "RECORDS", "DROPPED FRAMES"]
            ) {
                let dropped = $0.droppedFrames.filter { $0.value > 0 }.sorted { $0.key < $1.key }
                return [
                    [
                        $0.fleetEndpoint, $0.enrolmentEndpoint, "\($0.boardsEnrolled)", "\($0.boardsConnected)",
                        "\($0.telemetryRecords)",
                        dropped.isEmpty ? "none" : dropped.map { "\($0.key) \($0.value)" }.joined(separator: ", "),
                    ]
                ]
            }
        }
    }

    /// SLO attainment and accuracy, window by window.
    private func telemetry(_ client: AdminClient) async throws -> String {
        guard let board else { throw Refusal("get telemetry: name the board with --board") }
        let windows: [TelemetryWindowView] = try await client.get(
            "v1/telemetry", query: ["board": board, "since": "\(since)", "limit": "1000"])
        let series = AttainmentWindow.series(windows, model: model)
        if format.format == .json { return try Terminal.jsonText(series) }
        var table = TextTable(["TIME", "MODEL", "FRAMES", "SLO %", "ACCURACY %", "PRODUCT %", "POINT", "p99 ms"])
        for window in series {
            table.add([
                Self.time(window.startMilliseconds), window.model, "\(window.arrived)",
                window.sloAttainment.map { (100 * $0).text(2) } ?? "-",
                window.accuracy.map { (100 * $0).text(2) } ?? "-",
                window.attainedAccuracy.map { (100 * $0).text(2) } ?? "-", "\(window.activePoint)",
                window.p99Milliseconds.text(2),
            ])
        }
        return table.text
    }

    static let modelHeader = [
        "BOARD", "MODEL", "POINT", "p50 ms", "p99 ms", "CONSTRAINT ms", "SLO %", "ACCURACY %", "SWITCHES", "DROPPED",
        "SUBNET",
    ]

    static func row(_ view: ModelView) -> [String] {
        [
            view.board, view.model, view.activePoint.map { "\($0)/\(view.pointCount - 1)" } ?? "-",
            view.p50Milliseconds?.text(2) ?? "-", view.p99Milliseconds?.text(2) ?? "-",
            view.constraintMilliseconds?.text(1) ?? "-", view.sloAttainment.map { (100 * $0).text(2) } ?? "-",
            view.accuracy.map { (100 * $0).text(2) } ?? "-", "\(view.switches)", "\(view.dropped)", view.subnet ?? "-",
        ]
    }

    static func time(_ milliseconds: UInt64) -> String {
        Date(timeIntervalSince1970: Double(milliseconds) / 1_000).formatted(.iso8601)
    }

    private func text<Value: Codable>(
        _ client: AdminClient, _: Value.Type, _ header: [String], _ rows: (Value) -> [[String]]
    ) async throws -> String {
        let value: Value = try await client.get("v1/\(noun.rawValue)")
        if format.format == .json { return try Terminal.jsonText(value) }
        var table = TextTable(header)
        for row in rows(value) { table.add(row) }
        return table.text
    }
}
