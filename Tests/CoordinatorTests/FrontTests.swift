import AdminAPI
import Files
import FleetModel
import FleetStore
import Foundation
import Messaging
import PostgreSQLFleetStore
import PostgreSQLHarness
import Testing
import WireProtocol

@testable import Coordinator

/// Real coordinators over one real database: one leads, the others take boards in for it.
@Suite(.serialized, .enabled(if: PostgreSQLServer.isInstalled, "needs PostgreSQL (apt: postgresql)"))
struct FrontTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "shoal-fronts-\(UUID())").path()

    /// One coordinator with its process.
    private struct Member {
        let programs: RealPrograms
        let adminPort: Int
        let metricsPort: Int
        let options: [String]
        var process: Process

        /// - Parameter key: the others' own; the first one makes it.
        init(in folder: String, connection: String, key: String?) throws {
            programs = try RealPrograms(in: folder)
            try FileManager.default.createDirectory(atPath: programs.state, withIntermediateDirectories: true)
            if let key { try FileManager.default.copyItem(atPath: key, toPath: programs.state + "/key.json") }
            let secret = folder + "/connection"
            try PrivateFile.write(Array(connection.utf8), to: secret)
            (adminPort, metricsPort) = (try LocalPort.free(), try LocalPort.free())
            options = [
                "--store", "postgresql", "--store-connection", secret, "--relay-port", "0", "--metrics-port",
                "\(metricsPort)",
            ]
            process = try programs.coordinator([0, 0, adminPort], more: options)
        }

        var key: String { programs.state + "/key.json" }

        func isReady() async -> Bool { await LocalPort.status(metricsPort, "/readyz") == 200 }

        func log() throws -> String {
            try String(contentsOfFile: programs.folder + "/shoal-coordinator.log", encoding: .utf8)
        }
    }

    /// The first leads, all are ready, and the leader knows the others.
    private func fleet(of count: Int, _ connection: String) async throws -> [Member] {
        var members = [try Member(in: folder + "/1", connection: connection, key: nil)]
        let client = try await members[0].programs.client()
        for number in 2...count {
            members.append(try Member(in: folder + "/\(number)", connection: connection, key: members[0].key))
        }
        while try await (client.get("v1/status") as StatusView).fronts?.count != count - 1 {
            try await Task.sleep(for: .milliseconds(50))
        }
        for member in members { while await !member.isReady() { try await Task.sleep(for: .milliseconds(50)) } }
        return members
    }

    /// One that knows no other address.
    private func boardAtFront(_ client: AdminClient) async throws -> (board: TalkingBoard, front: FrontView) {
        let front = try #require((try await client.get("v1/status") as StatusView).fronts?.first)
        let endpoints = (enrolment: front.enrolmentEndpoint, fleet: front.fleetEndpoint)
        return (try await TalkingBoard.enrolled(by: client, at: endpoints), front)
    }

    private func policy(_ milliseconds: Int) -> ApplyRequest {
        ApplyRequest(
            file: "p.yaml",
            text: """
                apiVersion: shoal/v1
                kind: Policy
                metadata: { name: p }
                spec:
                  models:
                    - { model: classifier, latency: { milliseconds: \(milliseconds), percentile: 95 }, \
                accuracyFloor: 0.5, priority: 10 }
                """, dryRun: false)
    }

    /// Everything that was acknowledged is in the database, once.
    private func expectDurable(_ boards: [TalkingBoard], _ connection: String) async throws {
        let store = try await PostgreSQLFleetStore.open(try #require(PostgreSQLAddress(connection)))
        for board in boards {
            let stored = try await store.telemetry(board: board.description.id, sinceMilliseconds: 0, limit: 5_000)
            let sequences = Set(stored.map(\.record.sequence))
            #expect(
                (1...board.acknowledged).allSatisfy { sequences.contains($0) } && sequences.count == stored.count,
                "\(board.description.id): \(board.acknowledged) acknowledged, \(stored.count) stored")
        }
        await store.close()
    }

    /// All of them at once, until each has so many records acknowledged.
    private func speak(_ boards: [TalkingBoard], until count: UInt64) async throws -> [TalkingBoard] {
        try await withThrowingTaskGroup(of: (Int, TalkingBoard).self) { group in
            for (place, board) in boards.enumerated() {
                group.addTask {
                    var board = board
                    try await board.speak(until: count)
                    return (place, board)
                }
            }
            var spoken = boards
            for try await (place, board) in group { spoken[place] = board }
            return spoken
        }
    }

    @Test(.timeLimit(.minutes(4)))
    func aBoardAtAFrontIsServedAndRevokedThere() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await PostgreSQLServer.shared.value.withDatabase { connection, _ in
            let members = try await fleet(of: 2, connection)
            defer { for member in members { member.process.terminate() } }
            let client = try await members[0].programs.client()
            let (enrolled, front) = try await boardAtFront(client)
            var board = enrolled
            try await board.speak(until: 40)
            let _: ApplyResult = try await client.post("v1/policies", policy(20))
            try await board.speak(until: board.acknowledged + 40, generation: 1)
            let view = try #require((try await client.get("v1/boards") as [BoardView]).first)
            #expect(view.status == "connected" && view.desiredGeneration == board.generation)
            try await expectDurable([board], connection)
            let seen = try #require((try await client.get("v1/status") as StatusView).fronts?.first)
            #expect(seen.boards == 1 && seen.droppedFrames.count == DropReason.allCases.count)

            // People are shown the way, and told which one they have reached.
            let answer = await LocalPort.answer(members[1].adminPort, "/v1/status")
            #expect(answer.hasPrefix("HTTP/1.1 307"), "\(answer)")
            #expect(answer.contains("http://127.0.0.1:\(members[0].adminPort)/v1/status"), "\(answer)")
            let metrics = await LocalPort.answer(members[1].metricsPort, "/metrics")
            #expect(metrics.contains("\nshoal_front_up 1\n"), "\(metrics)")
            #expect(!FileManager.default.fileExists(atPath: members[1].programs.state + "/admin.json"))

            try await expectSilence(after: client, revokes: board)
            await board.transport.stop()
        }
    }

    /// What comes later than one heartbeat after the revocation is not heard by the board, nor anything it says.
    private func expectSilence(after client: AdminClient, revokes board: TalkingBoard) async throws {
        let revoked: BoardRevocation = try await client.delete("v1/boards/\(board.description.id)")
        #expect(revoked.board == board.description.id.rawValue)
        // As `RealPrograms` starts coordinators.
        try await Task.sleep(for: .milliseconds(200))
        let before = (try await client.get("v1/status") as StatusView).telemetryRecords
        let received = board.transport.counters().received
        for _ in 0..<20 {
            try board.transport.send(.hello(board.description, incarnation: 1, reportedGeneration: 0))
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(board.transport.counters().received == received)
        let status: StatusView = try await client.get("v1/status")
        #expect(status.boardsEnrolled == 0 && status.telemetryRecords == before)
        #expect(status.fronts?.first?.droppedFrames["unauthenticated"] ?? 0 > 0)
        #expect(status.fronts?.first?.boards == 0)
    }

    /// The leader is killed, then one of the two that are left: the boards are served all the time but for moments, and
    /// all that was acknowledged is there.
    @Test(.timeLimit(.minutes(6)))
    func boardsAreServedThoughTheLeaderAndAFrontAreKilled() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await PostgreSQLServer.shared.value.withDatabase { connection, _ in
            let members = try await fleet(of: 3, connection)
            defer { for member in members { member.process.terminate() } }
            let client = try await members[0].programs.client()
            let token: TokenView = try await client.post("v1/tokens", TokenRequest(uses: 1, validSeconds: 60))
            #expect(token.fleetEndpoints?.count == 3 && token.enrolmentEndpoints?.count == 3)
            var boards: [TalkingBoard] = []
            for number in 1...9 { boards.append(try await TalkingBoard.enrolled(by: client, as: "edge-\(number)")) }
            boards = try await speak(boards, until: 20)
            let carried = (try await client.get("v1/status") as StatusView).fronts?.map(\.boards) ?? []
            let endpoints = try #require(token.fleetEndpoints)
            let elsewhere = (1...9).filter {
                AddressChoice<ContinuousClock.Instant>.order(of: endpoints, for: "edge-\($0)")[0]
                    != token.fleetEndpoint
            }
            #expect(carried.count == 2 && carried.reduce(0, +) == elsewhere.count, "\(carried), \(elsewhere)")

            members[0].process.killed()
            boards = try await speak(boards, until: 80)
            try await expectDurable(boards, connection)
            let (leader, front) = try await roles(Array(members.dropFirst()))
            let status: StatusView = try await leader.programs.client().get("v1/status")
            #expect(status.boardsEnrolled == 9 && status.fronts?.count == 1)

            front.process.killed()
            boards = try await speak(boards, until: 140)
            try await expectDurable(boards, connection)
            #expect((try await leader.programs.client().get("v1/status") as StatusView).boardsEnrolled == 9)
            for board in boards { await board.transport.stop() }
            for member in members { #expect(try !member.log().contains(connection)) }
        }
    }

    /// Which of two leads, once the other one is a front again.
    private func roles(_ members: [Member]) async throws -> (leader: Member, front: Member) {
        while true {
            let leaders = members.filter {
                FileManager.default.fileExists(atPath: $0.programs.state + "/admin.json")
            }
            if let leader = leaders.first, let front = members.first(where: { $0.adminPort != leader.adminPort }),
                await leader.isReady(), await front.isReady()
            {
                #expect(leaders.count == 1)
                return (leader, front)
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// A leader that is stopped and not dead: the front says that it cannot serve, then leads with the boards that it
    /// has, and the one before ends when it goes on.
    @Test(.timeLimit(.minutes(4)))
    func aFrontWithoutItsLeaderIsNotReadyUntilItLeads() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await PostgreSQLServer.shared.value.withDatabase { connection, _ in
            let members = try await fleet(of: 2, connection)
            defer { for member in members { member.process.terminate() } }
            let (enrolled, front) = try await boardAtFront(try await members[0].programs.client())
            var board = enrolled
            try await board.speak(until: 20)

            let leader = members[0].process.processIdentifier
            defer { kill(leader, SIGCONT) }
            kill(leader, SIGSTOP)
            while await LocalPort.status(members[1].metricsPort, "/readyz") != 503 {
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(await LocalPort.answer(members[1].metricsPort, "/readyz").contains("does not answer at tcp://"))
            #expect(await LocalPort.status(members[1].metricsPort, "/livez") == 200)

            try await board.speak(until: board.acknowledged + 40)
            let view: StatusView = try await members[1].programs.client().get("v1/status")
            #expect(view.boardsEnrolled == 1 && view.fleetEndpoint == front.fleetEndpoint)
            kill(leader, SIGCONT)
            while members[0].process.isRunning { try await Task.sleep(for: .milliseconds(20)) }
            #expect(members[0].process.terminationStatus == 6)
            try await board.speak(until: board.acknowledged + 40)
            try await expectDurable([board], connection)
            await board.transport.stop()
        }
    }

    /// The agent itself, enrolled by the command line with a bundle that names both coordinators.
    @Test(.timeLimit(.minutes(10)))
    func anAgentSpeaksThroughAFrontAndMovesWhenThatIsKilled() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await PostgreSQLServer.shared.value.withDatabase { connection, _ in
            let members = try await fleet(of: 2, connection)
            defer { for member in members { member.process.terminate() } }
            let programs = members[0].programs
            let client = try await programs.client()
            try await programs.prepareSupernet()
            try await programs.run(["board", "enrol", "--output", programs.folder + "/bundle.json"])
            let bundle = try EnrolmentBundle.load(from: programs.folder + "/bundle.json")
            #expect(bundle.fleetEndpoints?.count == 2 && bundle.enrolmentEndpoints?.count == 2)
            // A name whose first address is the front.
            let front = try #require((try await client.get("v1/status") as StatusView).fronts?.first)
            let name = try #require(
                (1...64).map { "edge-\($0)" }.first {
                    AddressChoice<ContinuousClock.Instant>.order(of: bundle.allFleetEndpoints, for: $0)[0]
                        == front.fleetEndpoint
                })
            try """
            board: \(name)
            stateDirectory: agent
            enrolment: bundle.json
            telemetryMilliseconds: 200
            models:
              - name: classifier
                package: f.shoal
                points: points.json
                statistics: statistics
                stream: { images: [images], framesPerSecond: 20 }
            """.write(toFile: programs.folder + "/agent.yaml", atomically: true, encoding: .utf8)
            let agent = try programs.start("shoal-agent", ["--config", programs.folder + "/agent.yaml"])
            defer { agent.terminate() }

            _ = try await board(client) { $0.status == "connected" && $0.telemetryRecords > 10 }
            #expect((try await client.get("v1/status") as StatusView).fronts?.first?.boards == 1)
            let _: ApplyResult = try await client.post("v1/policies", policy(500))
            let assigned = try await board(client) {
                $0.desiredGeneration > 0 && $0.reportedGeneration == $0.desiredGeneration
            }

            members[1].process.killed()
            let moved = try await board(client) { $0.telemetryRecords > assigned.telemetryRecords + 60 }
            #expect(moved.telemetryGaps == 0)
            #expect((try await client.get("v1/status") as StatusView).fronts == nil)
            let _: ApplyResult = try await client.post("v1/policies", policy(400))
            _ = try await board(client) {
                $0.desiredGeneration > assigned.desiredGeneration && $0.reportedGeneration == $0.desiredGeneration
            }
        }
    }

    private func board(_ client: AdminClient, _ condition: (BoardView) -> Bool) async throws -> BoardView {
        while true {
            let views: [BoardView] = try await client.get("v1/boards")
            if let board = views.first, condition(board) { return board }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
