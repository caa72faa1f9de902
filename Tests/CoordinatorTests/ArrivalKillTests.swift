import AdminAPI
import FleetModel
import FleetStore
import Foundation
import Messaging
import SearchSpace
import Testing
import WireProtocol

/// A real coordinator process, killed with SIGKILL while many boards enrol and greet it at once: whoever was told that
/// it is enrolled or welcome is in its database, as it described itself.
@Suite struct ArrivalKillTests {
    private static let boards = 24

    private let programs: RealPrograms

    init() throws { programs = try RealPrograms() }

    /// What one board was told before the coordinator was killed.
    private struct Told: Sendable {
        var description: BoardDescription
        var isEnrolled = false
        /// The incarnation that it was welcomed with last; 0 before.
        var welcomed: UInt64 = 0
    }

    private static func description(_ number: Int) throws -> BoardDescription {
        let point = OperatingPoint(
            configuration: SubnetConfiguration(
                resolution: 28, depths: [2], kernelSizes: [3, 3], expandRatios: [3, 3]), accuracy: 0.9,
            latencyMilliseconds: 4, flops: 1)
        let model = DeployedModel(
            name: try #require(ModelName("classifier")), framesPerSecond: 30, points: [point])
        return BoardDescription(
            id: try #require(BoardID("edge-\(number)")), boardClass: "test", labels: [:], cores: 1, memoryBytes: 1,
            engineVersion: "1", models: [model])
    }

    /// Enrols, then greets again and again with a higher incarnation, until it is told to end.
    private static func live(
        _ number: Int, _ token: TokenView, _ count: Tally
    ) async throws -> Told {
        var told = Told(description: try description(number))
        let keys = try CurveKeyPair.generate()
        let serverKey = try #require(PublicKey(z85: token.serverPublicKey))
        var bare = told.description
        bare.models = []
        do {
            _ = try await Enrolment.enrol(
                at: token.enrolmentEndpoint, serverKey: serverKey, keys: keys, token: token.token, board: bare,
                timeout: .seconds(20))
        } catch { return told }
        told.isEnrolled = true
        let transport = try ZeroMQAgentTransport(connectingTo: token.fleetEndpoint, serverKey: serverKey, keys: keys)
        let ticker = Task {
            // Another chance where a message was lost, and an end when nobody answers any more.
            while !Task.isCancelled, await !count.isOver { try await Task.sleep(for: .milliseconds(20)) }
            await transport.stop()
        }
        let description = told.description
        try? transport.send(.hello(description, incarnation: 1, reportedGeneration: 0))
        for await message in transport.incoming {
            guard case .welcome = message else { continue }
            told.welcomed += 1
            await count.add()
            try? transport.send(.hello(description, incarnation: told.welcomed + 1, reportedGeneration: 0))
        }
        ticker.cancel()
        return told
    }

    private actor Tally {
        private(set) var welcomes = 0
        private(set) var isOver = false
        func add() { welcomes += 1 }
        func end() { isOver = true }
    }

    @Test(.timeLimit(.minutes(3)))
    func whoeverWasAnsweredIsInTheDatabase() async throws {
        defer { programs.remove() }
        let process = try programs.coordinator()
        defer { process.terminate() }
        let client = try await programs.client()
        let token: TokenView = try await client.post(
            "v1/tokens", TokenRequest(uses: Self.boards, validSeconds: 600))
        let count = Tally()
        let told = try await withThrowingTaskGroup(of: Told.self) { group in
            for number in 0..<Self.boards { group.addTask { try await Self.live(number, token, count) } }
            // In the middle of many hellos on their way.
            while await count.welcomes < 12 * Self.boards { try await Task.sleep(for: .milliseconds(1)) }
            process.killed()
            await count.end()
            return try await group.reduce(into: [Told]()) { $0.append($1) }
        }

        #expect(told.reduce(0) { $0 + $1.welcomed } >= 12 * UInt64(Self.boards))
        let store = try SQLiteFleetStore(path: programs.state + "/fleet.sqlite")
        let stored = Dictionary(uniqueKeysWithValues: try await store.boards().map { ($0.id, $0) })
        for board in told where board.isEnrolled {
            let record = try #require(stored[board.description.id], "\(board.description.id) is not there")
            // The next hello may be stored and its welcome on its way.
            #expect((board.welcomed...board.welcomed + 1).contains(record.incarnation))
            if board.welcomed > 0 { #expect(record.description == board.description) }
        }
        #expect(told.count(where: \.isEnrolled) == Self.boards)
    }
}
