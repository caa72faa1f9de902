import AdminAPI
import ArgumentParser
import FleetModel
import Foundation

struct ApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "apply", abstract: "Apply a policy to the fleet.")

    @Option(name: .shortAndLong, help: "The policy (YAML).")
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
}

struct GetCommand: AsyncParsableCommand {
    enum Noun: String, ExpressibleByArgument, CaseIterable {
        case boards, models, policies, assignments, events, status
    }

    static let configuration = CommandConfiguration(commandName: "get", abstract: "List what the coordinator knows.")

    @Argument(help: "boards, models, policies, assignments, events or status.")
    var noun: Noun
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
        case .events:
            try await text(client, [EventView].self, ["TIME", "KIND", "BOARD", "MESSAGE"]) {
                $0.reversed().map { [Self.time($0.atMilliseconds), $0.kind, $0.board ?? "-", $0.message] }
            }
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
        if format.format == .json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        }
        var table = TextTable(header)
        for row in rows(value) { table.add(row) }
        return table.text
    }
}

struct DescribeCommand: AsyncParsableCommand {
    enum Noun: String, ExpressibleByArgument, CaseIterable { case board, model, policy }

    static let configuration = CommandConfiguration(
        commandName: "describe", abstract: "Everything the coordinator knows of one board, model or policy.")

    @Argument(help: "board, model or policy.")
    var noun: Noun
    @Argument(help: "Its name.")
    var name: String
    @OptionGroup var coordinator: CoordinatorOptions
    @OptionGroup var format: FormatOptions

    private struct BoardDescription: Encodable {
        var board: BoardView
        var assignment: AssignmentView?
        var models: [ModelView]
        var events: [EventView]
    }

    func run() async throws {
        try await refusing {
            let client = try coordinator.client
            switch noun {
            case .board: try await describeBoard(client)
            case .model: try await describeModel(client)
            case .policy: try await describePolicy(client)
            }
        }
    }

    private func describeBoard(_ client: AdminClient) async throws {
        let boards: [BoardView] = try await client.get("v1/boards")
        guard let board = boards.first(where: { $0.name == name }) else { throw missing(boards.map(\.name)) }
        let assignments: [AssignmentView] = try await client.get("v1/assignments")
        let models: [ModelView] = try await client.get("v1/models")
        let events: [EventView] = try await client.get("v1/events", query: ["limit": "1000"])
        let all = BoardDescription(
            board: board, assignment: assignments.first { $0.board == name },
            models: models.filter { $0.board == name }, events: events.filter { $0.board == name })
        guard format.format == .table else { return try Terminal.json(all) }
        let labels = board.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
        Terminal.print(
            """
            board        \(board.name), \(board.status), incarnation \(board.incarnation)
            class        \(board.boardClass)
            labels       \(labels.isEmpty ? "none" : labels)
            cores        \(board.cores.text(2))
            memory       \(board.memoryBytes / 1_048_576) MiB
            engine       \(board.engineVersion)
            assignment   generation \(board.desiredGeneration) desired, \(board.reportedGeneration) reported
            telemetry    \(board.telemetryRecords) records, \(board.telemetryGaps) missing
            """)
        var table = TextTable(GetCommand.modelHeader)
        for model in all.models { table.add(GetCommand.row(model)) }
        Terminal.print("\n" + table.text)
        for model in board.models {
            var points = TextTable(["POINT", "ms", "ACCURACY %", "MFLOPs", "SUBNET"])
            for (index, point) in model.points.enumerated() {
                points.add([
                    "\(index)", point.latencyMilliseconds.text(3), (100 * point.accuracy).text(2),
                    (Double(point.flops) / 1e6).text(1), point.subnet,
                ])
            }
            Terminal.print("\n\(model.name), \(model.framesPerSecond.text(1)) frames per second\n" + points.text)
        }
        Terminal.print("")
        for event in all.events.prefix(10).reversed() {
            Terminal.print("\(GetCommand.time(event.atMilliseconds))  \(event.kind)  \(event.message)")
        }
    }

    private func describeModel(_ client: AdminClient) async throws {
        let models: [ModelView] = try await client.get("v1/models")
        let found = models.filter { $0.model == name }
        guard !found.isEmpty else { throw missing(Array(Set(models.map(\.model)))) }
        guard format.format == .table else { return try Terminal.json(found) }
        var table = TextTable(GetCommand.modelHeader)
        for model in found { table.add(GetCommand.row(model)) }
        Terminal.print(table.text)
    }

    private func describePolicy(_ client: AdminClient) async throws {
        let policies: [PolicyView] = try await client.get("v1/policies")
        guard let policy = policies.first(where: { $0.name == name }) else { throw missing(policies.map(\.name)) }
        guard format.format == .table else { return try Terminal.json(policy) }
        Terminal.print(
            "policy \(policy.name), version \(policy.version), boards: \(policy.boards.joined(separator: ", "))\n")
        Terminal.print(policy.text)
    }

    private func missing(_ known: [String]) -> Refusal {
        let list = known.isEmpty ? "there is none" : "there are " + known.sorted().joined(separator: ", ")
        return Refusal("no \(noun.rawValue) is named \(name): \(list)", .notFound)
    }
}

struct BoardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "board", abstract: "Let boards into the fleet.", subcommands: [Enrol.self])

    struct Enrol: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a one-time token and write what a board needs to join.")

        @Option(name: .shortAndLong, help: "The bundle to write; give it to the board.")
        var output: String
        @Option(help: "Boards that may use the token.")
        var uses = 1
        @Option(help: "Seconds until the token expires.")
        var validSeconds = 3_600
        @OptionGroup var coordinator: CoordinatorOptions

        func run() async throws {
            try await refusing {
                let token: TokenView = try await coordinator.client.post(
                    "v1/tokens", TokenRequest(uses: uses, validSeconds: validSeconds))
                let bundle = [
                    "enrolmentEndpoint": token.enrolmentEndpoint, "fleetEndpoint": token.fleetEndpoint,
                    "serverPublicKey": token.serverPublicKey, "token": token.token,
                ]
                let data = try JSONEncoder().encode(bundle)
                // A secret: nobody else may read it, not even for a moment.
                guard
                    FileManager.default.createFile(
                        atPath: output, contents: data, attributes: [.posixPermissions: 0o600])
                else { throw Refusal("\(output): cannot be written", .environment) }
                Terminal.print(
                    "\(output): good for \(uses) boards until \(GetCommand.time(token.expiresAtMilliseconds))")
            }
        }
    }
}
