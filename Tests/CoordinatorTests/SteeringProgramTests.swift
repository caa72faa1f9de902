import AdminAPI
import FleetMetrics
import FleetModel
import Foundation
import Messaging
import Testing
import WireProtocol

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Real programs: a board is scraped, drained and taken back, and changes its key while it and the coordinator are
/// killed with SIGKILL.
@Suite(.serialized) struct SteeringProgramTests {
    private let programs: RealPrograms
    private var folder: String { programs.folder }
    private var log: String {
        String(decoding: FileManager.default.contents(atPath: folder + "/shoal-agent.log") ?? Data(), as: UTF8.self)
    }

    init() throws { programs = try RealPrograms() }

    private func prepareAgent() async throws {
        try """
        board: edge-1
        labels: { tier: edge }
        stateDirectory: edge-1
        enrolment: edge-1.bundle
        metrics: { port: 0 }
        telemetryMilliseconds: 200
        models:
          - name: classifier
            package: f.shoal
            points: points.json
            statistics: statistics
            stream: { images: [images], framesPerSecond: 20 }
        """.write(toFile: folder + "/edge-1.yaml", atomically: true, encoding: .utf8)
        try """
        apiVersion: shoal/v1
        kind: Policy
        metadata: { name: kitchen }
        spec:
          selector: { tier: edge }
          models: [{ model: classifier, latency: { milliseconds: 500, percentile: 95 }, priority: 10 }]
        """.write(toFile: folder + "/kitchen.yaml", atomically: true, encoding: .utf8)
        try await programs.run(["board", "enrol", "--output", folder + "/edge-1.bundle"])
    }

    private func startAgent() throws -> Process {
        try programs.start("shoal-agent", ["--config", folder + "/edge-1.yaml"])
    }

    private func key() throws -> String {
        struct File: Decodable { var publicKey: String }
        let data = try Data(contentsOf: URL(filePath: folder + "/edge-1/key.json"))
        return try JSONDecoder().decode(File.self, from: data).publicKey
    }

    /// The board, once that holds. A test's time limit bounds the wait.
    @discardableResult
    private func board(_ isSo: (BoardView) -> Bool) async throws -> BoardView {
        while true {
            if let client = try? await programs.client(), let boards: [BoardView] = try? await client.get("v1/boards"),
                let board = boards.first, isSo(board)
            {
                return board
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private func isConverged(_ board: BoardView) -> Bool {
        board.status == "connected" && board.reportedGeneration == board.desiredGeneration
    }

    /// The text that is applied already, then one with a comment more.
    private func applyAgain() async throws {
        let client = try await programs.client()
        let text = try String(contentsOfFile: folder + "/kitchen.yaml", encoding: .utf8)
        for (text, dryRun, version, isUnchanged) in [
            (text, true, 1, true), (text, false, 1, true), (text + "\n# more", true, 2, false),
        ] {
            let result: ApplyResult = try await client.post(
                "v1/policies", ApplyRequest(file: "kitchen.yaml", text: text, dryRun: dryRun))
            #expect(result.version == version && result.isUnchanged == isUnchanged && result.dryRun == dryRun)
        }
    }

    /// The board has the policy signed, and what the coordinator planned by it outlasts a restart without it.
    private func policyIsHeld() async throws {
        while true {
            let artefacts: [ArtefactView] = try await programs.client().get("v1/artefacts")
            let policy = artefacts.first { $0.kind == "policy" && $0.name == "classifier" }
            if let version = policy?.deployedVersion, let held = policy?.boards.first {
                #expect(held.board == "edge-1")
                if held.status == "in use", held.version == version, held.runningVersion == version { break }
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        while true {
            let kept = FileManager.default.contents(atPath: folder + "/edge-1/policies-in-force.json")
            if let kept, String(decoding: kept, as: UTF8.self).hasSuffix("[\"kitchen\"]") { return }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    @Test(.timeLimit(.minutes(15)))
    func aBoardIsScrapedDrainedAndChangesItsKeyThroughKills() async throws {
        defer { programs.remove() }
        try await programs.prepareSupernet()
        var coordinator = try programs.coordinator()
        defer { coordinator.terminate() }
        let ports = try await programs.boardPorts() + [0]
        try await prepareAgent()
        var agent = try startAgent()
        defer { agent.terminate() }
        try await board { $0.status == "connected" }
        try await programs.run(["apply", "-f", folder + "/kitchen.yaml"])
        try await board { isConverged($0) && $0.desiredGeneration > 0 }
        try await applyAgain()
        try await policyIsHeld()

        try await scrape()
        try await drain()

        // A change without faults.
        let (first, old) = (try key(), try CurveKeyPair.load(from: folder + "/edge-1/key.json"))
        let before = try await board { $0.status == "connected" }
        try await programs.run(["board", "rotate-key", "edge-1"])
        try await board { $0.keyChange == nil && $0.status == "connected" }
        while try key() == first { try await Task.sleep(for: .milliseconds(20)) }
        // Nothing that the board measured meanwhile is missing, and the key that it gave up opens nothing.
        let after = try await board { isConverged($0) && $0.telemetryRecords > before.telemetryRecords + 10 }
        #expect(after.telemetryGaps == 0 && after.incarnation == before.incarnation)
        #expect(try await isAnswered(old) == false)

        // Either side is killed at moments that differ from run to run; whatever they hit, the board comes back.
        for round in 0..<4 {
            let before = try key()
            try await programs.run(["board", "rotate-key", "--selector", "tier=edge"])
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...150)))
            if round % 2 == 0 {
                agent.killed()
                agent = try startAgent()
            } else {
                coordinator.killed()
                coordinator = try programs.coordinator(ports)
            }
            try await board { $0.keyChange == nil && isConverged($0) }
            while try key() == before { try await Task.sleep(for: .milliseconds(20)) }
            #expect(!FileManager.default.fileExists(atPath: folder + "/edge-1/key-next.json.new"))
            print("round \(round): the key changed")
        }

        // Shut out within a heartbeat, whatever key it has.
        let heard = try await board { isConverged($0) }.telemetryRecords
        #expect(heard > 0)
        try await programs.run(["board", "revoke", "edge-1"])
        let client = try await programs.client()
        #expect(try await client.get("v1/boards") == [BoardView]())
        try await programs.run(["audit", "verify"])
    }

    /// Names, values, and what Prometheus's own tool says.
    private func scrape() async throws {
        let line = try #require(log.split(separator: "\n").first { $0.contains("metrics are served") })
        let address = try #require(line.firstMatch(of: /http:\/\/127\.0\.0\.1:\d+\/metrics/)).0
        let url = try #require(URL(string: String(address)))
        var text = ""
        var page = ParsedExpositionBox.empty
        // Until a window with frames has closed.
        while !page.contains(#"shoal_agent_model_slo_attainment_ratio{model="classifier"}"#) {
            let (data, response) = try await URLSession.shared.data(from: url)
            #expect((response as? HTTPURLResponse)?.value(forHTTPHeaderField: "Content-Type") == Exposition.contentType)
            text = String(decoding: data, as: UTF8.self)
            page = ParsedExpositionBox(try ParsedExposition(text))
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(page.value("shoal_agent_connected") == 1 && page.value("shoal_agent_starts_total") ?? 0 >= 1)
        #expect(page.value("shoal_agent_assignment_generation") ?? 0 > 0)
        #expect(page.value(#"shoal_agent_model_frames_total{model="classifier"}"#) ?? 0 > 0)
        #expect(page.value(#"shoal_agent_model_constraint_seconds{model="classifier"}"#) == 0.5)
        #expect(page.value(#"shoal_agent_model_latency_seconds_bucket{le="+Inf",model="classifier"}"#) ?? 0 > 0)
        for path in ["livez", "readyz"] {
            let (_, answer) = try await URLSession.shared.data(
                from: url.deletingLastPathComponent().appending(path: path))
            #expect((answer as? HTTPURLResponse)?.statusCode == 200, "\(path)")
        }
        guard let tool = CoordinatorMetricsTests.promtool else { return }
        let file = folder + "/metrics.txt"
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        let check = Process()
        check.executableURL = URL(filePath: "/bin/sh")
        check.arguments = ["-c", "'\(tool)' check metrics < '\(file)' > '\(file).said' 2>&1"]
        try check.run()
        try await check.ended()
        let said = (try? String(contentsOfFile: file + ".said", encoding: .utf8)) ?? ""
        #expect(check.terminationStatus == 0 && said.isEmpty, "\(said)")
    }

    /// Whether a heartbeat over a connection of these keys is answered within ten of them.
    private func isAnswered(_ keys: CurveKeyPair) async throws -> Bool {
        let token: TokenView = try await programs.client().post("v1/tokens", TokenRequest(uses: 1, validSeconds: 60))
        let transport = try ZeroMQAgentTransport(
            connectingTo: token.fleetEndpoint, serverKey: try #require(PublicKey(z85: token.serverPublicKey)),
            keys: keys)
        try transport.send(.heartbeat)
        let answer = await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await _ in transport.incoming { return true }
                return false
            }
            group.addTask {
                try? await Task.sleep(for: .seconds(2))
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
        await transport.stop()
        return answer
    }

    private func drain() async throws {
        try await programs.run(["board", "drain", "edge-1", "--dry-run"])
        #expect(try await board(isConverged).isDrained == false)
        let before = try await board(isConverged).desiredGeneration
        try await programs.run(["board", "drain", "edge-1", "--reason", "a new disk"])
        let drained = try await board { isConverged($0) && $0.isDrained == true }
        #expect(drained.desiredGeneration == before + 1)
        let client = try await programs.client()
        let assignments: [AssignmentView] = try await client.get("v1/assignments")
        #expect(assignments.first?.models.isEmpty == true)
        #expect(try await programs.status(["board", "drain", "edge-9"]) == 3)
        #expect(try await programs.status(["board", "rotate-key"]) == 64)
        for noun in ["boards", "models", "assignments"] {
            try await programs.run(["get", noun, "--selector", "tier=edge,site="])
        }
        #expect(try await programs.status(["get", "boards", "--selector", "tier"]) == 64)
        #expect(try await programs.status(["get", "policies", "--selector", "tier=edge"]) == 64)
        try await programs.run(["describe", "board", "edge-1"])

        try await programs.run(["board", "undrain", "edge-1"])
        try await board { isConverged($0) && $0.isDrained == false && $0.desiredGeneration == before + 2 }
    }
}

/// Values of a scrape by series.
private struct ParsedExpositionBox {
    static let empty = ParsedExpositionBox()
    private var values: [String: Double] = [:]

    private init() {}

    init(_ page: ParsedExposition) {
        values = Dictionary(page.samples.map { ($0.series, $0.value) }, uniquingKeysWith: { first, _ in first })
    }

    func contains(_ series: String) -> Bool { values[series] != nil }
    func value(_ series: String) -> Double? { values[series] }
}
