import AdminAPI
import AuditLog
import FleetModel
import FleetStore
import Foundation
import Messaging
import SearchSpace
import Testing
import WireProtocol

/// Rollouts with the real coordinator as a process, killed on the way, the real command line, and boards over real
/// sockets that measure what the test says.
@Suite struct RolloutTests {
    private let programs: RealPrograms

    init() throws { programs = try RealPrograms() }

    /// A board that carries out what it is assigned and reports a window ten times a second.
    private actor Board {
        let description: BoardDescription
        private let transport: ZeroMQAgentTransport
        private var assignment = Assignment(generation: 0, models: [])
        private var sequence: UInt64 = 0
        /// Milliseconds at the constraint that is in force.
        private let latency: @Sendable (Double?) -> Double

        init(
            _ name: String, _ client: AdminClient, latency: @escaping @Sendable (Double?) -> Double
        ) async throws {
            let subnet = SubnetConfiguration(resolution: 28, depths: [2], kernelSizes: [3, 3], expandRatios: [3, 3])
            description = BoardDescription(
                id: try #require(BoardID(name)), boardClass: "test", labels: ["tier": "edge"], cores: 1,
                memoryBytes: 1 << 30, engineVersion: "1",
                models: [
                    DeployedModel(
                        name: try #require(ModelName("m")), framesPerSecond: 30,
                        points: (1...3).map {
                            OperatingPoint(
                                configuration: subnet, accuracy: 0.8 + Double($0) / 100,
                                latencyMilliseconds: 4 * Double($0), flops: $0)
                        })
                ])
            self.latency = latency
            let token: TokenView = try await client.post("v1/tokens", TokenRequest(uses: 1, validSeconds: 60))
            let keys = try CurveKeyPair.generate()
            let serverKey = try #require(PublicKey(z85: token.serverPublicKey))
            _ = try await Enrolment.enrol(
                at: token.enrolmentEndpoint, serverKey: serverKey, keys: keys, token: token.token,
                board: description, timeout: .seconds(20))
            transport = try ZeroMQAgentTransport(
                connectingTo: token.fleetEndpoint, serverKey: serverKey, keys: keys)
        }

        var constraint: Double? { assignment.models.first?.latency.milliseconds }

        func run() async throws {
            try greet()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { for await message in await self.transport.incoming { try await self.heard(message) } }
                group.addTask {
                    while !Task.isCancelled {
                        try await Task.sleep(for: .milliseconds(100))
                        try await self.measure()
                    }
                }
                try await group.next()
                group.cancelAll()
            }
        }

        private func greet() throws {
            try transport.send(.hello(description, incarnation: 1, reportedGeneration: assignment.generation))
        }

        private func heard(_ message: Message) throws {
            switch message {
            case .helloWanted: try greet()
            case .assign(let assignment):
                if assignment.generation > self.assignment.generation { self.assignment = assignment }
                try transport.send(.assignmentReported(generation: self.assignment.generation))
            default: break
            }
        }

        private func measure() throws {
            sequence += 1
            let milliseconds = latency(constraint)
            try transport.send(
                .telemetry([
                    TelemetryRecord(
                        incarnation: 1, sequence: sequence, startMilliseconds: 100 * sequence,
                        durationMilliseconds: 100, generation: assignment.generation,
                        models: [
                            ModelTelemetry(
                                model: description.models[0].name, frames: 20, dropped: 0, violations: 0, labelled: 0,
                                correct: 0, switches: 0, activePoint: 0, p50Milliseconds: milliseconds / 2,
                                p90Milliseconds: milliseconds, p99Milliseconds: milliseconds,
                                constraintMilliseconds: constraint ?? 0)
                        ],
                        board: BoardTelemetry(
                            memoryBytes: 1, cpuLoad: nil, cpuFrequencyMegahertz: nil, temperatureCelsius: nil,
                            droppedRecords: 0))
                ]))
        }

        func stop() async { await transport.stop() }
    }

    private func write(_ name: String, _ text: String) throws -> String {
        let path = programs.folder + "/\(name).yaml"
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    private func policy(_ milliseconds: Int) throws -> String {
        try write(
            "policy-\(milliseconds)",
            """
            apiVersion: shoal/v1
            kind: Policy
            metadata: { name: p }
            spec:
              selector: { tier: edge }
              models: [{ model: m, latency: { milliseconds: \(milliseconds), percentile: 95 }, priority: 10 }]
            """)
    }

    private func plan(_ name: String, approval: Bool = false, soak: Int = 2) throws -> String {
        try write(
            name,
            """
            apiVersion: shoal/v1
            kind: Rollout
            metadata: { name: \(name) }
            spec:
              groups: [{ boards: 1 }]
              approval: \(approval)
              soakSeconds: \(soak)
              waitSeconds: 60
              gates: { pastSeconds: 600, leastFrames: 100, p99Ratio: 1.5 }
            """)
    }

    /// Waits until the rollout is as wanted; a test's time limit bounds that.
    private func rollout(
        _ name: String, _ client: AdminClient, until isReached: (RolloutView) -> Bool
    ) async throws -> RolloutView {
        while true {
            let all: [RolloutView]? = try? await client.get("v1/rollouts")
            if let view = all?.first(where: { $0.name == name }), isReached(view) { return view }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func constraints(_ boards: [Board], are wanted: Double) async throws {
        while true {
            var found: [Double?] = []
            for board in boards { found.append(await board.constraint) }
            if found.allSatisfy({ $0 == wanted }) { return }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// What people and the coordinator did, with what was in force before and after.
    private func expectAudit(_ client: AdminClient, bad reason: String) async throws {
        let audit: [AuditEntry] = try await client.get("v1/audit", query: ["limit": "100"])
        let actions = audit.filter { $0.target == "rollout third" && $0.actor == "local" }.map(\.action)
        #expect(actions == ["rolloutCreated", "rolloutPaused", "rolloutResumed", "rolloutAborted"])
        let created = audit.first { $0.target == "rollout good" && $0.action == "rolloutCreated" }
        #expect(created?.before?.hasPrefix("version 1, text ") == true, "\(String(describing: created))")
        let adopted = audit.first { $0.action == "policyApplied" && $0.actor == "coordinator" }
        #expect(adopted?.before == created?.before)
        #expect(adopted?.after?.hasPrefix("version 2, text ") == true && adopted?.after?.hasSuffix("good") == true)
        let stop = audit.last {
            $0.target == "rollout bad" && $0.action == "rolloutAdvanced" && $0.actor == "coordinator"
        }
        #expect(stop?.before == "returning: \(reason)" && stop?.after == "returned: \(reason)")
    }

    @Test(.byItself, .timeLimit(.minutes(3)))
    func aGoodVersionReachesAllABadOneIsReturnedAndKillsChangeNothing() async throws {
        defer { programs.remove() }
        var process = try programs.coordinator()
        defer { process.terminate() }
        var client = try await programs.client()
        let ports = try await programs.boardPorts() + [0]
        // Under a constraint of 30 ms the boards answer three times as late as before.
        let latency: @Sendable (Double?) -> Double = { $0 == 30 ? 27 : 9 }
        let boards = [
            try await Board("edge-1", client, latency: latency), try await Board("edge-2", client, latency: latency),
        ]
        let running = boards.map { board in Task { try await board.run() } }
        try await programs.run(["apply", "-f", try policy(10)])
        try await constraints(boards, are: 10)

        // A dry run changes nothing; a good version goes all the way, over a kill.
        let good = try plan("good", approval: true)
        try await programs.run(["rollout", "create", "-f", good, "--policy", try policy(20), "--dry-run"])
        #expect(try await (client.get("v1/rollouts") as [RolloutView]).isEmpty)
        try await programs.run(["rollout", "create", "-f", good, "--policy", try policy(20)])
        #expect(try await programs.status(["rollout", "create", "-f", good, "--policy", try policy(20)]) == 2)
        // Meanwhile nobody applies the same policy past it, and dry runs say so.
        for change in [["apply", "-f", try policy(30)], ["delete", "policy", "p"]] {
            for more in [[], ["--dry-run"]] { #expect(try await programs.status(change + more) == 2) }
        }
        try await programs.run(["rollout", "approve", "good", "--reason", "seen"])
        _ = try await rollout("good", client) { $0.groups[0].phase == "inFlight" }
        process.killed()
        process = try programs.coordinator(ports)
        client = try await programs.client()
        _ = try await rollout("good", client) { $0.status == "finished" }
        try await constraints(boards, are: 20)
        let policies: [PolicyView] = try await client.get("v1/policies")
        #expect(policies.map(\.version) == [2])

        // A bad one is stopped at the first board, and that board gets back what it had.
        try await programs.run(["rollout", "create", "-f", try plan("bad", soak: 60), "--policy", try policy(30)])
        let bad = try await rollout("bad", client) { $0.status == "returned" }
        #expect(bad.reason.contains("p99Ratio of m"), "\(bad)")
        #expect(bad.groups[0].boards.map(\.state) == ["returned"])
        #expect(bad.groups[1].phase == "waiting" && bad.groups[1].boards.map(\.state) == ["waiting"])
        try await constraints(boards, are: 20)

        // A person aborts one.
        try await programs.run(["rollout", "create", "-f", try plan("third", soak: 60), "--policy", try policy(25)])
        _ = try await rollout("third", client) { $0.groups[0].boards[0].state == "acknowledged" }
        try await programs.run(["rollout", "pause", "third"])
        try await programs.run(["rollout", "resume", "third"])
        try await programs.run(["rollout", "abort", "third", "--reason", "enough"])
        let third = try await rollout("third", client) { $0.status == "returned" }
        #expect(third.reason.contains("local") && third.reason.contains("enough"))
        try await constraints(boards, are: 20)
        for arguments in [["get", "rollouts"], ["describe", "rollout", "bad"], ["rollout", "status", "good"]] {
            try await programs.run(arguments)
            try await programs.run(arguments + ["--format", "json"])
        }
        #expect(try await programs.status(["rollout", "status", "fourth"]) == 3)
        #expect(try await programs.status(["rollout", "pause", "third"]) == 2)
        try await expectAudit(client, bad: bad.reason)
        try await programs.run(["audit", "verify"])

        for task in running { task.cancel() }
        for board in boards { await board.stop() }
    }
}
