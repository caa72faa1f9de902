import AdminAPI
import FleetModel
import Foundation
import Hummingbird
import Synchronization
import ServingHarness
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// The server and the client over real HTTP on a free port.
@Suite struct AdminServerTests {
    private let fleet = InMemoryFleet()

    private func serving(_ body: @Sendable @escaping (URL) async throws -> Void) async throws {
        let server = AdminServer(fleet: fleet, access: InMemoryAccess())
        try await ServingHarness.serving({ server.application(host: "127.0.0.1", port: 0, onBound: $0) }, body)
    }

    @Test func answersReachTheClient() async throws {
        try await serving { url in
            let client = AdminClient.patient(url, "secret")
            let status: StatusView = try await client.get("v1/status")
            #expect(status.droppedFrames == ["malformed": 3])
            let events: [FleetEvent] = try await client.get("v1/events", query: ["limit": "2"])
            #expect(events.map { $0.board?.rawValue } == ["b0", "b1"])
            await #expect(throws: AdminFailure(.notFound, "board b1 since 41 limit 1000")) {
                let _: [TelemetryWindowView] = try await client.get(
                    "v1/telemetry", query: ["board": "b1", "since": "41"])
            }
            #expect(try await client.delete("v1/boards/b0") == BoardRevocation(board: "b0"))
            let tried: BoardRevocation = try await client.delete("v1/boards/b0", query: ["dryRun": "true"])
            #expect(tried == BoardRevocation(board: "b0", dryRun: true))
            await #expect(throws: AdminFailure(.notFound, "b9")) {
                let _: BoardRevocation = try await client.delete("v1/boards/b9")
            }
            let result: ApplyResult = try await client.post(
                "v1/policies", ApplyRequest(file: "p.yaml", text: "good", dryRun: true))
            #expect(result.dryRun)
        }
    }

    /// Server-sent events: a whole snapshot at once, what has changed since in due time.
    @Test func changesFollowASnapshot() async throws {
        try await serving { url in
            var request = URLRequest(url: url.appending(path: "v1/live"))
            request.setValue("Bearer secret", forHTTPHeaderField: "Authorization")
            let events = EventCollector(count: 2)
            let session = URLSession(configuration: .ephemeral, delegate: events, delegateQueue: nil)
            session.dataTask(with: request).resume()
            let found = await events.found()
            session.invalidateAndCancel()
            #expect(events.type == "text/event-stream")
            func data(of event: String) throws -> Data {
                Data(try #require(event.split(separator: "\n").first { $0.hasPrefix("data: ") }).dropFirst(6).utf8)
            }
            #expect(found.map { $0.hasPrefix("event: fleet\n") } == [true, false])
            let snapshot = try JSONDecoder().decode(FleetSnapshot.self, from: try data(of: found[0]))
            #expect(snapshot.status.droppedFrames == ["malformed": 3] && snapshot.atMilliseconds > 0)
            #expect(snapshot.events.count == 3)
            let changes = try JSONDecoder().decode(FleetChanges.self, from: try data(of: found[1]))
            #expect(found[1].hasPrefix("event: changes\n") && changes.atMilliseconds >= snapshot.atMilliseconds)
            #expect(changes.status == snapshot.status && changes.events.isEmpty && changes.boards.isEmpty)
        }
    }

    @Test func eventsAreChosenByBoardKindAndTime() async throws {
        try await serving { url in
            let client = AdminClient.patient(url, "secret")
            for (query, boards) in [
                (["board": "b1"], ["b1"]), (["kind": "boardEnrolled", "since": "1"], ["b0", "b1", "b2"]),
                (["kind": "boardLost"], []), (["since": "2"], []), (["board": "b2", "kind": "boardLost"], []),
            ] as [([String: String], [String])] {
                let events: [FleetEvent] = try await client.get("v1/events", query: query)
                #expect(events.compactMap { $0.board?.rawValue } == boards, "\(query)")
            }
            for query in [["board": "a b"], ["kind": "boardlost"], ["since": "-1"]] {
                await #expect(throws: AdminFailure.self) {
                    let _: [FleetEvent] = try await client.get("v1/events", query: query)
                }
            }
        }
    }

    @Test(arguments: ["", "wrong", "secre", "secrett"])
    func aWrongTokenIsRefused(token: String) async throws {
        try await serving { url in
            await #expect(throws: AdminFailure(.unauthorized, "the token is missing or wrong")) {
                let _: StatusView = try await AdminClient.patient(url, token).get("v1/status")
            }
        }
    }

    @Test(arguments: ["0", "-1", "x", "10001", "99999999999999999999"])
    func limitsOutOfRangeAreRefused(limit: String) async throws {
        try await serving { url in
            await #expect(
                throws: AdminFailure(.invalid, "limit=\(limit): give a whole number from 1 to 10000")
            ) {
                let _: [FleetEvent] = try await AdminClient.patient(url, "secret")
                    .get("v1/events", query: ["limit": limit])
            }
        }
    }

    @Test func refusalsOfTheFleetReachTheClient() async throws {
        try await serving { url in
            await #expect(throws: AdminFailure(.invalid, "p.yaml:1: not a policy")) {
                let _: ApplyResult = try await AdminClient.patient(url, "secret").post(
                    "v1/policies", ApplyRequest(file: "p.yaml", text: "bad", dryRun: false))
            }
        }
    }

    @Test func whatGoesWrongInsideStaysInside() async throws {
        try await serving { url in
            await #expect(throws: AdminFailure(.unavailable, "the coordinator could not do this")) {
                let _: TokenView = try await AdminClient.patient(url, "secret").post(
                    "v1/tokens", TokenRequest(uses: 1, validSeconds: 60))
            }
        }
    }

    @Test func aBodyOverTheLimitIsRefused() async throws {
        try await serving { url in
            let text = String(repeating: "x", count: AdminServer.bodyLimit)
            await #expect(throws: AdminFailure.self) {
                let _: ApplyResult = try await AdminClient.patient(url, "secret").post(
                    "v1/policies", ApplyRequest(file: "p.yaml", text: text, dryRun: false))
            }
            #expect(await fleet.applied.isEmpty)
        }
    }

    @Test func anUnknownPathIsNotFound() async throws {
        try await serving { url in
            await #expect(throws: AdminFailure.self) {
                let _: StatusView = try await AdminClient.patient(url, "secret").get("v1/nothing")
            }
        }
    }

    @Test func aSlowCoordinatorIsNamed() async throws {
        let router = Router(context: BasicRequestContext.self)
        router.get("v1/status") { _, _ -> String in
            try await Task.sleep(for: .seconds(3_600))
            return ""
        }
        try await ServingHarness.serving({ onBound in
            Application(
                router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
                onServerRunning: { await onBound($0.localAddress?.port ?? 0) })
        }) { url in
            let failure = AdminFailure(
                .unavailable, "the coordinator at \(url.absoluteString) has not answered within 0.2 seconds")
            await #expect(throws: failure) {
                let _: StatusView = try await AdminClient(base: url, token: "", timeout: 0.2).get("v1/status")
            }
        }
    }

    @Test func aSilentCoordinatorIsNamed() async throws {
        let url = try #require(URL(string: "http://127.0.0.1:1"))
        await #expect(throws: AdminFailure(.unavailable, "no coordinator answers at http://127.0.0.1:1")) {
            let _: StatusView = try await AdminClient.patient(url, "secret").get("v1/status")
        }
    }
}

/// Collects the first events of a stream that does not end.
private final class EventCollector: NSObject, URLSessionDataDelegate, Sendable {
    private struct State {
        var text = ""
        var type: String?
        var waiter: CheckedContinuation<[String], Never>?
    }

    private let count: Int
    private let state = Mutex(State())

    init(count: Int) { self.count = count }

    var type: String? { state.withLock { $0.type } }

    func found() async -> [String] {
        await withCheckedContinuation { waiter in
            state.withLock { $0.waiter = waiter }
            deliver()
        }
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        state.withLock { state in
            state.text += String(decoding: data, as: UTF8.self)
            state.type = (dataTask.response as? HTTPURLResponse)?.value(forHTTPHeaderField: "Content-Type")
        }
        deliver()
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        state.withLock { state in
            state.waiter?.resume(returning: [])
            state.waiter = nil
        }
    }

    private func deliver() {
        state.withLock { state in
            let events = state.text.components(separatedBy: "\n\n").dropLast()
            guard events.count >= count, let waiter = state.waiter else { return }
            state.waiter = nil
            waiter.resume(returning: Array(events))
        }
    }
}
