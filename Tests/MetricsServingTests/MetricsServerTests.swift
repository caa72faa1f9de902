import FleetMetrics
import Foundation
import Hummingbird
import MetricsServing
import ServingHarness
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

@Suite struct MetricsServerTests {
    private struct Broken: Error {}

    private func ask(_ url: URL, _ path: String, method: String = "GET") async throws -> (HTTPURLResponse, String) {
        var request = URLRequest(url: url.appending(path: path))
        request.httpMethod = method
        let (data, response) = try await URLSession.shared.data(for: request)
        return (try #require(response as? HTTPURLResponse), String(decoding: data, as: UTF8.self))
    }

    @Test func aScrapeIsTextAndAProgramThatWorksIsReady() async throws {
        let server = MetricsServer(
            collect: { [MetricFamily("shoal_boards", .gauge, "Boards.", 3)] }, ready: { nil })

        try await serving({ server.application(host: "127.0.0.1", port: 0, onBound: $0) }) { url in
            let (scrape, text) = try await ask(url, "metrics")
            #expect(scrape.value(forHTTPHeaderField: "Content-Type") == Exposition.contentType)
            #expect(text == "# HELP shoal_boards Boards.\n# TYPE shoal_boards gauge\nshoal_boards 3\n")
            #expect(try await ask(url, "livez").0.statusCode == 200)
            #expect(try await ask(url, "readyz").0.statusCode == 200)
        }
    }

    @Test func whatCannotBeDoneIsSaidWithoutWhatIsInside() async throws {
        let server = MetricsServer(collect: { throw Broken() }, ready: { "the models are being loaded" })

        try await serving({ server.application(host: "127.0.0.1", port: 0, onBound: $0) }) { url in
            let (ready, reason) = try await ask(url, "readyz")
            #expect(ready.statusCode == 503 && reason.contains("the models are being loaded"))
            #expect(try await ask(url, "livez").0.statusCode == 200)
            let (scrape, text) = try await ask(url, "metrics")
            #expect(scrape.statusCode == 500 && !text.contains("Broken"))
            let (method, _) = try await ask(url, "metrics", method: "POST")
            #expect(method.statusCode == 405 && method.value(forHTTPHeaderField: "Allow") == "GET")
            #expect(try await ask(url, "v1/boards").0.statusCode == 404)
        }
    }
}
