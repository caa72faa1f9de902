import AdminAPI
import FleetModel
import FleetStore
import Foundation
import Logging
import Testing

@testable import Coordinator

/// A real coordinator process, killed with SIGKILL while it searches: the search begins anew and ends in the result
/// that it would have had.
@Suite struct SearchKillTests {
    private let fixture: SearchFixture
    private var state: String { fixture.folder + "/state" }

    init() throws { fixture = try SearchFixture() }

    private func start() throws -> Process {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let beside = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appending(path: "shoal-coordinator")
        let built = root.appending(path: ".build/release/shoal-coordinator")
        let process = Process()
        process.executableURL = FileManager.default.isExecutableFile(atPath: beside.path()) ? beside : built
        process.arguments = [
            "--state", state, "--fleet-port", "0", "--enrolment-port", "0", "--admin-port", "0",
        ]
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        return process
    }

    private func client() async throws -> AdminClient {
        while true {
            if let access = try? AdminAccess.load(from: state + "/admin.json"), let url = URL(string: access.url),
                url.port != nil
            {
                let client = AdminClient(base: url, token: access.token, timeout: 5)
                if (try? await client.get("v1/status") as StatusView) != nil { return client }
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private func wait(_ client: AdminClient, _ condition: (SearchView) -> Bool) async throws -> SearchView {
        while true {
            let views: [SearchView] = try await client.get("v1/searches")
            if let view = views.first(where: { $0.search.name == "a" }), condition(view) { return view }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func aKilledSearchEndsInTheSameResult() async throws {
        defer { fixture.remove() }
        let request = ApplyRequest(file: "a.yaml", text: fixture.text("a", constraints: 24), dryRun: false)
        var process = try start()
        defer { process.terminate() }
        let first = try await client()
        let queued: SearchView = try await first.post("v1/searches", request)
        #expect(queued.search.state == .running)
        await #expect(throws: AdminFailure(.invalid, "search a is running; cancel it first")) {
            let _: SearchView = try await first.post("v1/searches", request)
        }
        let found = try await wait(first) { !$0.search.points.isEmpty }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        #expect(found.search.state == .running, "it was killed before its end")

        process = try start()
        let finished = try await wait(try await client()) { $0.search.state.isOver }
        let desk = try await SearchDesk(store: InMemoryFleetStore(), logger: Logger(label: "test")) { _ in }
        _ = try await desk.submit(found.search.job, text: "")
        while await desk.records.first?.state != .done { try await Task.sleep(for: .milliseconds(10)) }
        #expect(await desk.records.first?.outcome == finished.search.outcome)
        #expect(finished.search.outcome?.points.count == 24)
    }
}
