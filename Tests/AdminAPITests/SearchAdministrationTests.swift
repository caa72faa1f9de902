import AdminAPI
import FleetModel
import Foundation
import Hummingbird
import Testing

/// Searches over real HTTP.
@Suite struct AdminServerSearchesTests {
    @Test func searchesAreSubmittedListedAndCancelled() async throws {
        let (ports, port) = AsyncStream<Int>.makeStream()
        let application = AdminServer(fleet: InMemoryFleet(), access: InMemoryAccess()).application(
            host: "127.0.0.1", port: 0
        ) {
            port.yield($0)
        }
        let text = """
            apiVersion: shoal/v1
            kind: Search
            metadata: { name: a }
            spec: { model: m, boardClass: c, processor: cpu, space: ofa-mbv3, accuracyPredictor: /a, latencyTable: /t, \
            constraints: [{ flops: 1000 }] }
            """
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.run() }
            group.addTask {
                for await number in ports {
                    let client = AdminClient.patient(
                        try #require(URL(string: "http://127.0.0.1:\(number)")), "secret")
                    let request = ApplyRequest(file: "s.yaml", text: text, dryRun: false)
                    let queued: SearchView = try await client.post("v1/searches", request)
                    #expect(queued.search.job.constraints == [.init(flops: 1_000)])
                    let listed: [SearchView] = try await client.get("v1/searches")
                    #expect(listed == [queued])
                    let cancelled: SearchView = try await client.delete("v1/searches/a")
                    #expect(cancelled.generation == 3)
                    await #expect(throws: AdminFailure(.notFound, "b")) {
                        let _: SearchView = try await client.delete("v1/searches/b")
                    }
                    let predictors: [LatencyPredictorView] = try await client.get("v1/predictors")
                    #expect(predictors.isEmpty)
                    return
                }
            }
            _ = try await group.next()
            group.cancelAll()
        }
    }
}
