import FleetModel
import Foundation
import Messaging
import Testing
import WireProtocol

/// Makes both ends of a transport; the contract runs over every row of `all`.
struct TransportHarness: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let start: @Sendable (AllowList, TransportSettings) throws -> Ends

    struct Ends: Sendable {
        let coordinator: any CoordinatorTransport
        let agent: @Sendable (CurveKeyPair) throws -> any AgentTransport
        let stranger: @Sendable (CurveKeyPair) throws -> any AgentTransport
    }

    static let all = [
        TransportHarness(testDescription: "in memory") { allowList, settings in
            let coordinator = InMemoryCoordinatorTransport(allowList: allowList, settings: settings)
            return Ends(
                coordinator: coordinator, agent: { coordinator.connect($0.publicKey) },
                stranger: { coordinator.connectStranger($0.publicKey) })
        },
        TransportHarness(testDescription: "ZeroMQ") { allowList, settings in
            let keys = try CurveKeyPair.generate()
            let coordinator = try ZeroMQCoordinatorTransport(
                binding: .local, keys: keys, allowList: allowList, settings: settings)
            let endpoints = coordinator.boundEndpoints
            return Ends(
                coordinator: coordinator,
                agent: {
                    try ZeroMQAgentTransport(
                        connectingTo: endpoints.fleet, serverKey: keys.publicKey, keys: $0, settings: .impatient)
                },
                stranger: {
                    try ZeroMQAgentTransport(
                        connectingTo: endpoints.enrolment, serverKey: keys.publicKey, keys: $0, settings: .impatient)
                })
        },
    ]
}

extension ZeroMQCoordinatorTransport.Endpoints {
    static let local = Self(fleet: "tcp://127.0.0.1:*", enrolment: "tcp://127.0.0.1:*")
}

extension TransportSettings {
    static var impatient: TransportSettings {
        var settings = TransportSettings.agent
        settings.reconnectMilliseconds = 20
        settings.longestReconnectMilliseconds = 200
        return settings
    }
}

struct TimedOut: Error, CustomStringConvertible {
    let description: String
}

/// The next element; throws when none comes. A stream that timed out is finished.
func next<Element: Sendable>(
    of stream: AsyncStream<Element>, within timeout: Duration = .seconds(20), _ what: String = "a message"
) async throws -> Element {
    try await withThrowingTaskGroup(of: Element.self) { group in
        group.addTask {
            for await element in stream { return element }
            throw TimedOut(description: "the stream ended before \(what)")
        }
        group.addTask {
            try await Task.sleep(for: timeout)
            throw TimedOut(description: "no \(what) within \(timeout)")
        }
        defer { group.cancelAll() }
        return try #require(try await group.next())
    }
}

/// Waits until the condition holds, looking often.
func eventually(
    within timeout: Duration = .seconds(20), _ what: String, _ condition: () throws -> Bool
) async throws {
    let end = ContinuousClock.now + timeout
    while try !condition() {
        guard ContinuousClock.now < end else { throw TimedOut(description: "\(what) did not come within \(timeout)") }
        try await Task.sleep(for: .milliseconds(5))
    }
}

enum Samples {
    static func board(_ name: String) throws -> BoardID { try #require(BoardID(name)) }

    static func description(_ name: String) throws -> BoardDescription {
        BoardDescription(
            id: try board(name), boardClass: "x86", labels: [:], cores: 1, memoryBytes: 1 << 30, engineVersion: "1",
            models: [])
    }

    static let assignment = Assignment(generation: 7, models: [])
}

/// A file's path in a folder of its own, removed at the end.
func withScratchFile<Result>(_ name: String, _ body: (String) async throws -> Result) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "messaging-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder.appending(path: name).path)
}
