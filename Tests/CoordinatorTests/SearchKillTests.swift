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
    private let programs: RealPrograms

    init() throws {
        fixture = try SearchFixture()
        programs = try RealPrograms(in: fixture.folder)
    }

    private func wait(
        _ client: AdminClient, for name: String, _ condition: (SearchView) -> Bool
    ) async throws -> SearchView {
        while true {
            let views: [SearchView] = try await client.get("v1/searches")
            if let view = views.first(where: { $0.search.name == name }), condition(view) { return view }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Kills the coordinator when the search has a point, and starts it again.
    /// - Returns: the search when it was over; `nil` where that was before it was killed.
    private func killed(_ process: inout Process, during name: String) async throws -> SearchView? {
        let client = try await programs.client()
        let request = ApplyRequest(file: "a.yaml", text: fixture.text(name, constraints: 60), dryRun: false)
        let queued: SearchView = try await client.post("v1/searches", request)
        #expect(!queued.search.state.isOver)
        let begun = try await wait(client, for: name) { $0.search.state != .queued }
        #expect(begun.search.state == .running || begun.search.state.isOver)
        do {
            let _: SearchView = try await client.post("v1/searches", request)
            return nil
        } catch let failure as AdminFailure {
            #expect(failure == AdminFailure(.invalid, "search \(name) is running; cancel it first"))
        }
        _ = try await wait(client, for: name) { !$0.search.points.isEmpty }
        process.killed()
        let end = UInt64(Date().timeIntervalSince1970 * 1_000)

        process = try programs.coordinator()
        let finished = try await wait(try await programs.client(), for: name) { $0.search.state.isOver }
        return finished.search.startedAtMilliseconds.map { $0 >= end } == true ? finished : nil
    }

    /// On a busy machine a search may be over before this test sees its first point: then another is tried.
    @Test(.timeLimit(.minutes(5)))
    func aKilledSearchEndsInTheSameResult() async throws {
        defer { fixture.remove() }
        var process = try programs.coordinator()
        defer { process.terminate() }
        var finished: SearchView?
        for attempt in 0..<10 where finished == nil {
            finished = try await killed(&process, during: "a\(attempt)")
        }
        let view = try #require(finished, "no search was killed before its end")
        let desk = try await SearchDesk(store: InMemoryFleetStore(), logger: Logger(label: "test")) { _ in }
        _ = try await desk.submit(view.search.job, text: "", by: "test")
        while await desk.records.first?.state != .done { try await Task.sleep(for: .milliseconds(10)) }
        #expect(await desk.records.first?.outcome == view.search.outcome)
        #expect(view.search.outcome?.points.count == 60)
    }
}
