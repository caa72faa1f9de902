import AdminAPI
import FleetModel
import Foundation
import SearchSpace
import Testing

/// Real programs over real ZeroMQ: a package of some MB on its way to a board whose agent is killed in the middle, and
/// the coordinator after it; then hooks that the running agent takes over.
@Suite(.serialized) struct ArtefactKillTests {
    private static let example = RealPrograms.root.path() + "/Examples/fashion-supernet"
    private let programs: RealPrograms
    private var folder: String { programs.folder }

    init() throws { programs = try RealPrograms() }

    private func prepare() async throws {
        try await programs.run([
            "import", Self.example + "/fashion_supernet.pth", "--config", Self.example + "/fashion_supernet.json",
            "--output", folder + "/f.shoal",
        ])
        let images: [UInt8] =
            [0, 0, 8, 3, 0, 0, 0, 40, 0, 0, 0, 28, 0, 0, 0, 28] + (0..<40 * 784).map { UInt8($0 % 251) }
        let labels: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 40] + (0..<40).map { UInt8($0 % 10) }
        try Data(images).write(to: URL(filePath: folder + "/images"))
        try Data(labels).write(to: URL(filePath: folder + "/labels"))
        // Two points: the smallest and the largest golden subnet.
        try await programs.run([
            "measure", "latency", folder + "/f.shoal", "--repeats", "3", "--output", folder + "/latency.json",
        ])
        try await programs.run([
            "search", "--space", folder + "/f.shoal", "--accuracy-predictor",
            Self.example + "/accuracy_samples.json", "--latency-table", folder + "/latency.json", "--points", "4",
            "--output", folder + "/search.json",
        ])
        try await programs.run([
            "calibrate", folder + "/f.shoal", "--points", folder + "/search.json", "--calibrate", folder + "/images",
            "--images", folder + "/images", "--labels", folder + "/labels", "--statistics", folder + "/statistics",
            "--table", folder + "/points.json",
        ])
        try await programs.prepareHooks()
        try """
        board: edge-1
        labels: {}
        stateDirectory: agent
        enrolment: bundle.json
        telemetryMilliseconds: 200
        models:
          - name: classifier
            package: f.shoal
            points: points.json
            statistics: statistics
            hooks: { file: first.hooks, budget: 0.1 }
            stream: { images: [images], framesPerSecond: 20 }
        """.write(toFile: folder + "/agent.yaml", atomically: true, encoding: .utf8)
    }

    private func agent() throws -> Process { try programs.start("shoal-agent", ["--config", folder + "/agent.yaml"]) }

    /// What the board says of an artefact, once it is as the condition asks.
    private func board(
        of kind: String, _ condition: (ArtefactView.Board) -> Bool
    ) async throws -> ArtefactView.Board {
        while true {
            let views: [ArtefactView] = try await programs.client().get("v1/artefacts")
            if let board = views.first(where: { $0.kind == kind })?.boards.first, condition(board) { return board }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func aPackageArrivesThoughBothSidesAreKilledAndHooksAreTakenOver() async throws {
        defer { programs.remove() }
        try await prepare()
        let size = try #require(
            try FileManager.default.attributesOfItem(atPath: folder + "/f.shoal")[.size] as? Int)
        try #require(size > 2_000_000)
        // So slow that there is a middle to be killed in.
        let slow = ["--artefact-rate", "\(size / 64)"]
        var coordinator = try programs.coordinator(more: slow)
        defer { coordinator.terminate() }
        let ports = try await programs.boardPorts() + [0]
        try await programs.run(["board", "enrol", "--output", folder + "/bundle.json"])
        var agent = try await agent()
        defer { agent.terminate() }
        try await programs.run([
            "artefact", "add", folder + "/f.shoal", "--kind", "model-package", "--name", "classifier", "--deploy",
        ])

        let before = try await board(of: "model-package") { $0.receivedBytes > size / 32 }
        try #require(before.status == "fetching" && before.receivedBytes < size * 3 / 4, "\(before)")
        agent.killed()
        coordinator.killed()
        coordinator = try programs.coordinator(ports, more: ["--artefact-rate", "\(size / 4)"])
        _ = try await programs.client()
        agent = try await self.agent()
        // What had come is on the disk, verified, and not sent again.
        let resumed = try await board(of: "model-package") { $0.receivedBytes > 0 }
        #expect(resumed.receivedBytes >= before.receivedBytes, "\(resumed)")
        let arrived = try await board(of: "model-package") { $0.status != "fetching" }
        #expect(arrived.status == "waits for start" && arrived.version == 1 && arrived.receivedBytes == size)

        agent.terminate()
        try await agent.ended()
        agent = try await self.agent()
        let used = try await board(of: "model-package") { $0.status == "in use" }
        #expect(used.version == 1 && used.reason == nil)
        try await hooksAreTakenOver(by: agent)

        // Looked at as people do, and in the log of what they changed.
        try await programs.run(["get", "artefacts"])
        try await programs.run(["describe", "artefact", "hook-version/classifier"])
        #expect(try await programs.status(["artefact", "deploy", "--kind", "hook-version", "--name", "nobody"]) == 3)
        let entries: [AuditEntryView] = try await programs.client().get("v1/audit")
        #expect(entries.filter { $0.action == "artefactDeployed" }.count == 3)
        #expect(entries.contains { $0.action == "artefactKeyRotated" })
        try await programs.run(["audit", "verify"])
    }

    private func hooksAreTakenOver(by agent: Process) async throws {
        try await programs.run([
            "artefact", "add", folder + "/second.hooks", "--kind", "hook-version", "--name", "classifier", "--deploy",
        ])
        _ = try await board(of: "hook-version") { $0.status == "in use" && $0.version == 1 }
        // Under another key, which the board is led to.
        try await programs.run(["artefact", "rotate-key"])
        try await programs.run([
            "artefact", "add", folder + "/first.hooks", "--kind", "hook-version", "--name", "classifier", "--deploy",
        ])
        let second = try await board(of: "hook-version") { $0.status == "in use" && $0.version == 2 }
        #expect(second.previousVersion == 1)
        #expect(agent.isRunning)
        // Frames were run all the while; a busy machine may have given up some.
        var latest: [TelemetryRecord] = []
        while latest.count < 5 {
            let windows: [TelemetryWindowView] = try await programs.client().get(
                "v1/telemetry", query: ["board": "edge-1", "limit": "1000"])
            latest = windows.map(\.record).filter { $0.incarnation == windows.last?.record.incarnation }
            try await Task.sleep(for: .milliseconds(50))
        }
        let (frames, dropped) = latest.reduce((0, 0)) {
            ($0.0 + Int($1.models[0].frames), $0.1 + Int($1.models[0].dropped))
        }
        #expect(frames > 20 * dropped, "\(frames) frames, \(dropped) given up")
        #expect(latest.last?.models[0].hooks?.state == .deciding)
    }
}

/// What is looked at of an entry.
private struct AuditEntryView: Decodable { var action: String }
