import AdminAPI
import FleetModel
import Foundation
import Testing

/// A real coordinator as a process, over its own database, with boards over real sockets, policies, rollouts and
/// people.
struct RunningFleet: Sendable {
    /// Where the page is.
    let address: URL
    let folder: String
    /// The administrator's.
    let client: AdminClient
    /// By role.
    let tokens: [AccessRole: String]

    /// Two classes of boards, and a label that would do harm if it were taken for markup.
    static let boards: [SimulatedBoard.Kind] = [
        .init(
            name: "kitchen-1", boardClass: "arm64-a76-2c", labels: ["tier": "edge", "room": "kitchen"], slowness: 1.8),
        .init(
            name: "kitchen-2", boardClass: "arm64-a76-2c",
            labels: ["tier": "edge", "room": "kitchen", "note": "<img src=x onerror=alert(1)>"], slowness: 1.8),
        .init(
            name: "hall-1", boardClass: "x86-64-v4-2c", labels: ["tier": "edge", "room": "hall"], slowness: 1,
            harm: 30),
    ]

    /// Starts all of it, waits until every board has measured, and ends it after the body.
    static func with(_ body: @escaping @Sendable (RunningFleet) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "shoal-page-\(UUID())").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let process = try coordinator(in: folder)
        defer { end(process) }
        let access = try await access(in: folder)
        let address = try #require(URL(string: access.url))
        let client = AdminClient(base: address, token: access.token, timeout: 300)
        var tokens = [AccessRole.admin: access.token]
        for role in [AccessRole.viewer, .operator] {
            let made: CreatedAccessToken = try await client.post(
                "v1/access-tokens", AccessTokenRequest(name: "test-\(role.rawValue)", role: role.rawValue))
            tokens[role] = made.token
        }
        let fleet = RunningFleet(address: address, folder: folder, client: client, tokens: tokens)
        var boards: [SimulatedBoard] = []
        for kind in Self.boards { boards.append(try await SimulatedBoard(kind, client)) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for board in boards { group.addTask { try await board.run() } }
            group.addTask {
                try await fleet.measured()
                try await fleet.steered()
                try await body(fleet)
            }
            defer { group.cancelAll() }
            // The first to end is the body, unless something fails.
            try await group.next()
        }
        for board in boards { await board.stop() }
    }

    private static func end(_ process: Process) {
        process.terminate()
        process.waitUntilExit()
    }

    private static func coordinator(in folder: String) throws -> Process {
        let beside = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        let built = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: ".build/release")
        let program = try #require(
            [beside, built].map { $0.appending(path: "shoal-coordinator") }.first {
                FileManager.default.isExecutableFile(atPath: $0.path())
            }, "shoal-coordinator is not built")
        let process = Process()
        process.executableURL = program
        process.arguments = [
            "--state", folder + "/state", "--fleet-port", "0", "--enrolment-port", "0", "--admin-port", "0",
            // Boards may be held up on a busy machine without being lost.
            "--heartbeat", "5000",
        ]
        let log = folder + "/coordinator.log"
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle(forWritingAtPath: log)
        try process.run()
        return process
    }

    /// Once the coordinator answers.
    private static func access(in folder: String) async throws -> AdminAccess {
        while true {
            let access = try? AdminAccess.load(from: folder + "/state/admin.json")
            if let access, let url = URL(string: access.url), url.port != nil {
                let client = AdminClient(base: url, token: access.token, timeout: 300)
                if (try? await client.get("v1/status") as StatusView) != nil { return access }
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Waits until the answer is as wanted; a test's time limit bounds that.
    @discardableResult
    func wait<Value: Decodable & Sendable>(_ path: String, until isReached: (Value) -> Bool) async throws -> Value {
        while true {
            let value: Value = try await client.get(path)
            if isReached(value) { return value }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func measured() async throws {
        try await wait("v1/boards") { (boards: [BoardView]) in
            boards.count == Self.boards.count
                && boards.allSatisfy { $0.status == "connected" && $0.telemetryRecords > 240 }
        }
    }

    // MARK: Policies and rollouts

    static func policy(_ name: String, room: String, milliseconds: Int) -> String {
        """
        apiVersion: shoal/v1
        kind: Policy
        metadata: { name: \(name) }
        spec:
          selector: { room: \(room) }
          models:
            - { model: classifier, latency: { milliseconds: \(milliseconds), percentile: 95 }, priority: 20 }
            - { model: detector, latency: { milliseconds: \(milliseconds + 20), percentile: 95 }, priority: 10 }

        """
    }

    private func rollOut(_ name: String, _ spec: String, policy: String) async throws {
        let text = "apiVersion: shoal/v1\nkind: Rollout\nmetadata: { name: \(name) }\nspec: \(spec)\n"
        let _: RolloutView = try await client.post(
            "v1/rollouts",
            RolloutRequest(
                file: "rollout.yaml", text: text, policyFile: "policy.yaml", policyText: policy, dryRun: false))
    }

    /// Policies in force; one rollout that harmed and was returned, one that is watched, and one that waits for
    /// approval.
    private func steered() async throws {
        for (name, room) in [("kitchen", "kitchen"), ("hall", "hall")] {
            let _: ApplyResult = try await client.post(
                "v1/policies",
                ApplyRequest(
                    file: "\(name).yaml", text: Self.policy(name, room: room, milliseconds: 60), dryRun: false))
        }
        try await wait("v1/boards") { (boards: [BoardView]) in
            boards.allSatisfy { $0.desiredGeneration > 0 && $0.reportedGeneration == $0.desiredGeneration }
        }
        try await rollOut(
            "hall-30", "{ soakSeconds: 3600, gates: { pastSeconds: 600, leastFrames: 100, p99Ratio: 1.5 } }",
            policy: Self.policy("hall", room: "hall", milliseconds: 30))
        try await wait("v1/rollouts") { (all: [RolloutView]) in all.contains { $0.status == "returned" } }
        try await rollOut(
            "kitchen-45",
            """
            { groups: [{ boards: 1 }], soakSeconds: 3600, \
            gates: { leastFrames: 100, p99Ratio: 9, accuracyDrop: 0.5 } }
            """,
            policy: Self.policy("kitchen", room: "kitchen", milliseconds: 45))
        try await rollOut(
            "hall-50", "{ approval: true, groups: [{ percent: 50 }] }",
            policy: Self.policy("hall", room: "hall", milliseconds: 50))
        try await wait("v1/rollouts") { (all: [RolloutView]) in
            all.contains { $0.name == "kitchen-45" && $0.groups[0].findings.count > 1 }
        }
    }
}
