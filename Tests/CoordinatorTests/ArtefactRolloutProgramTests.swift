import AdminAPI
import FleetModel
import Foundation
import SearchSpace
import Testing

/// Real programs over real ZeroMQ: two boards get versions of artefacts by rollouts, one after the other, and get back
/// what they had when a version cannot be used, or when a gate sees that it is worse.
@Suite(.serialized) struct ArtefactRolloutProgramTests {
    private static let boards = ["edge-1", "edge-2"]
    private let programs: RealPrograms
    private var folder: String { programs.folder }

    init() throws { programs = try RealPrograms() }

    private func prepareBoards(_ hooks: String = "") async throws {
        for board in Self.boards {
            try """
            board: \(board)
            labels: {}
            stateDirectory: \(board)
            enrolment: \(board).bundle
            telemetryMilliseconds: 200
            models:
              - name: classifier
                package: f.shoal
                points: points.json
                statistics: statistics
                \(hooks)
                stream: { images: [images], framesPerSecond: 10 }
            """.write(toFile: folder + "/\(board).yaml", atomically: true, encoding: .utf8)
            try await programs.run(["board", "enrol", "--output", folder + "/\(board).bundle"])
        }
    }

    private func startAgent(_ board: String) throws -> Process {
        try programs.start("shoal-agent", ["--config", folder + "/\(board).yaml"])
    }

    private func restarted(_ agent: Process, _ board: String) async throws -> Process {
        agent.terminate()
        try await agent.ended()
        return try startAgent(board)
    }

    private func add(_ file: String, _ kind: String, deploy: Bool = false) async throws {
        try await programs.run(
            ["artefact", "add", folder + "/" + file, "--kind", kind, "--name", "classifier"]
                + (deploy ? ["--deploy"] : []))
    }

    /// The first board, then the other.
    private func begin(_ name: String, _ kind: String, version: Int, gates: String, more: [String] = []) async throws {
        let file = folder + "/\(name).yaml"
        try """
        apiVersion: shoal/v1
        kind: Rollout
        metadata: { name: \(name) }
        spec:
          groups: [{ boards: 1 }]
          soakSeconds: 5
          waitSeconds: 300
          gates: \(gates)
        """.write(toFile: file, atomically: true, encoding: .utf8)
        try await programs.run(
            ["rollout", "create", "-f", file, "--artefact", "\(kind)/classifier", "--number", "\(version)"] + more)
    }

    /// What each board says of the artefact, once that is as the condition asks. A test's time limit bounds the wait.
    @discardableResult
    private func boards(
        of kind: String, _ isSo: ([ArtefactView.Board]) -> Bool
    ) async throws -> [ArtefactView.Board] {
        while true {
            let views: [ArtefactView] = try await programs.client().get("v1/artefacts")
            let boards = views.first { $0.kind == kind }?.boards.sorted { $0.board < $1.board } ?? []
            if boards.count == Self.boards.count, isSo(boards) { return boards }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// A group is judged against its own past: each board has to have one, also on a machine that is busy.
    private func boardsHavePast() async throws {
        while true {
            let boards: [BoardView] = try await programs.client().get("v1/boards")
            if boards.count == Self.boards.count, boards.allSatisfy({ $0.telemetryRecords >= 50 }) { return }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private func uses(_ version: UInt64) -> ([ArtefactView.Board]) -> Bool {
        { $0.allSatisfy { $0.status == "in use" && $0.version == version } }
    }

    private func rollout(_ name: String, _ isSo: (RolloutView) throws -> Bool) async throws -> RolloutView {
        while true {
            let views: [RolloutView] = try await programs.client().get("v1/rollouts")
            if let view = views.first(where: { $0.name == name }), try isSo(view) { return view }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// When each sentence about a rollout was told, once its last group has passed. A machine that is busy may see
    /// nothing of a group but this.
    private func timesTold(by name: String) async throws -> [String: UInt64] {
        let head = "rollout \(name): "
        while true {
            let events: [FleetEvent] = try await programs.client().get("v1/events", query: ["limit": "1000"])
            let told = events.filter { $0.kind == .rolloutChanged && $0.message.hasPrefix(head) }.map {
                (String($0.message.dropFirst(head.count)), $0.atMilliseconds)
            }
            let times = Dictionary(told, uniquingKeysWith: min)
            if times["group 2 of 2 has passed"] != nil { return times }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private func deployed(_ kind: String) async throws -> UInt64? {
        let views: [ArtefactView] = try await programs.client().get("v1/artefacts")
        return views.first { $0.kind == kind }?.deployedVersion
    }

    @Test(.timeLimit(.minutes(15)))
    func hooksGoFromGroupToGroupAndWhatBoardsRefuseGoesBack() async throws {
        defer { programs.remove() }
        try await programs.prepareSupernet()
        let coordinator = try programs.coordinator()
        defer { coordinator.terminate() }
        _ = try await programs.client()
        try await programs.prepareHooks()
        try await prepareBoards("hooks: { file: first.hooks, budget: 0.1 }")
        let agents = try Self.boards.map(startAgent)
        defer { for agent in agents { agent.terminate() } }
        try await add("first.hooks", "hook-version", deploy: true)
        try await boards(of: "hook-version", uses(1))
        try await boardsHavePast()

        try await add("second.hooks", "hook-version")
        let gates = "{ leastFrames: 10, pastSeconds: 60, attainmentDrop: 1, restartsPerBoard: 0.5 }"
        try await begin("second", "hook-version", version: 2, gates: gates, more: ["--dry-run"])
        #expect(try await programs.client().get("v1/rollouts") == [RolloutView]())
        try await begin("second", "hook-version", version: 2, gates: gates)
        // Nobody changes by hand what a rollout changes.
        #expect(
            try await programs.status(["artefact", "deploy", "--kind", "hook-version", "--name", "classifier"]) == 2)
        let second = try await rollout("second") { view in
            let told = view.groups[1].boards.contains { $0.state != "waiting" }
            #expect(!told || view.groups[0].phase == "passed", "the second group was told before the first had passed")
            #expect(!["paused", "returning", "returned"].contains(view.status), "\(view.reason)")
            return view.status == "finished"
        }
        let told = try await timesTold(by: "second")
        let (first, next) = (told["group 1 of 2 has passed"], told["group 2 of 2 starts with 1 boards"])
        #expect(try #require(first) <= #require(next))
        #expect(second.artefact == RolloutArtefact("hook-version/classifier", version: 2))
        #expect(second.groups.allSatisfy { $0.findings.contains { $0.gate == "attainmentDrop" && !$0.isViolated } })
        try await boards(of: "hook-version", uses(2))
        #expect(try await deployed("hook-version") == 2)

        // Signed, whole, and no hooks: who gets it first says so, and nobody else gets it.
        try Data("no hooks at all".utf8).write(to: URL(filePath: folder + "/bad.hooks"))
        _ = try await programs.client().add(
            artefact: folder + "/bad.hooks", kind: "hook-version", name: "classifier", version: nil)
        try await begin("third", "hook-version", version: 3, gates: gates)
        let third = try await rollout("third") { $0.status == "returned" }
        #expect(third.reason.contains("1 of 1 boards of group 1 failed: edge-1: "), "\(third.reason)")
        #expect(third.groups[1].boards.map(\.state) == ["waiting"])
        #expect(try await deployed("hook-version") == 2)
        let after = try await boards(of: "hook-version", uses(2))
        #expect(after.allSatisfy { $0.desiredVersion == 2 })
        #expect(agents.allSatisfy { $0.isRunning })

        try await programs.run(["describe", "rollout", "third"])
        try await programs.run(["audit", "verify"])
    }

    /// The points of a table, all of them less accurate.
    private func writeWorseTable() throws {
        let data = try Data(contentsOf: URL(filePath: folder + "/points.json"))
        var table = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let points = try #require(table["points"] as? [[String: Any]])
        table["points"] = try points.map { point in
            var point = point
            point["accuracy"] = try #require(point["accuracy"] as? Double) - 0.2
            return point
        }
        try JSONSerialization.data(withJSONObject: table).write(to: URL(filePath: folder + "/worse.json"))
    }

    @Test(.timeLimit(.minutes(15)))
    func aTableThatIsLessAccurateGoesBackByItsGate() async throws {
        defer { programs.remove() }
        try await programs.prepareSupernet()
        let coordinator = try programs.coordinator()
        defer { coordinator.terminate() }
        _ = try await programs.client()
        try await prepareBoards()
        try writeWorseTable()
        var agents = try Self.boards.map(startAgent)
        defer { for agent in agents { agent.terminate() } }
        try await add("points.json", "subnet-table", deploy: true)
        try await boards(of: "subnet-table") { $0.allSatisfy { $0.status == "waits for start" } }
        for (place, board) in Self.boards.enumerated() { agents[place] = try await restarted(agents[place], board) }
        try await boards(of: "subnet-table", uses(1))
        // Some past to be compared with.
        let client = try await programs.client()
        let begun = UInt64(Date().timeIntervalSince1970 * 1_000)
        while try await frames(of: "edge-1", since: begun, client) < 60 {
            try await Task.sleep(for: .milliseconds(100))
        }

        try await add("worse.json", "subnet-table")
        try await begin(
            "worse", "subnet-table", version: 2, gates: "{ leastFrames: 20, pastSeconds: 60, accuracyDrop: 0.05 }")
        try await boards(of: "subnet-table") { $0[0].status == "waits for start" && $0[0].version == 2 }
        agents[0] = try await restarted(agents[0], "edge-1")
        let judged = try await rollout("worse") { ["returning", "paused", "finished"].contains($0.status) }
        #expect(judged.status == "returning" && judged.reason.contains("accuracyDrop"), "\(judged.reason)")
        try await boards(of: "subnet-table") { $0[0].status == "waits for start" && $0[0].version == 1 }
        agents[0] = try await restarted(agents[0], "edge-1")

        let returned = try await rollout("worse") { $0.status == "returned" }
        #expect(returned.groups[1].boards.map(\.state) == ["waiting"])
        try await boards(of: "subnet-table", uses(1))
        #expect(try await deployed("subnet-table") == 1)
    }

    private func frames(of board: String, since: UInt64, _ client: AdminClient) async throws -> Int {
        let windows: [TelemetryWindowView] = try await client.get(
            "v1/telemetry", query: ["board": board, "limit": "1000"])
        return windows.filter { $0.receivedAtMilliseconds >= since }
            .reduce(0) { $0 + Int($1.record.models.first?.frames ?? 0) }
    }
}
