import AdminAPI
import Foundation
import HTTPTypes
import Hummingbird
import ServingHarness
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// What a coordinator that does not lead answers to people and programs.
@Suite struct AdminRedirectTests {
    /// Does not go where it is sent.
    private final class Staying: NSObject, URLSessionTaskDelegate, Sendable {
        func urlSession(
            _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
            newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
        ) { completionHandler(nil) }
    }

    private func ask(_ url: URL, _ path: String, token: String? = nil) async throws -> (HTTPURLResponse, String) {
        var request = URLRequest(url: try #require(URL(string: url.absoluteString + path)))
        if let token { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
        let session = URLSession(configuration: .ephemeral, delegate: Staying(), delegateQueue: nil)
        defer { session.finishTasksAndInvalidate() }
        let (data, response) = try await session.data(for: request)
        return (try #require(response as? HTTPURLResponse), String(decoding: data, as: UTF8.self))
    }

    private func with(
        leader: String?, obstacle: String?, _ body: @Sendable @escaping (URL) async throws -> Void
    ) async throws {
        let redirect = AdminRedirect(leader: { leader }, ready: { obstacle })
        try await serving({ redirect.application(host: "127.0.0.1", port: 0, onBound: $0) }, body)
    }

    @Test func whoeverHasNoTokenIsSentToTheLeader() async throws {
        try await with(leader: "http://10.0.0.1:7780", obstacle: nil) { url in
            for path in ["/", "/v1/boards?limit=3", "//elsewhere.example/x"] {
                let (answer, _) = try await ask(url, path)
                #expect(answer.statusCode == 307)
                #expect(answer.value(forHTTPHeaderField: "Location") == "http://10.0.0.1:7780" + path)
            }
            #expect(try await ask(url, "/readyz").0.statusCode == 200)
            #expect(try await ask(url, "/livez").0.statusCode == 200)
        }
    }

    @Test func whoeverCarriesATokenIsToldTheAddress() async throws {
        try await with(leader: "http://10.0.0.1:7780", obstacle: nil) { url in
            let (answer, text) = try await ask(url, "/v1/boards", token: "secret")
            let failure = try JSONDecoder().decode(AdminFailure.self, from: Data(text.utf8))
            #expect(answer.statusCode == 503 && failure.kind == .unavailable)
            #expect(failure.message.contains("http://10.0.0.1:7780") && !text.contains("secret"))
        }
    }

    @Test func withoutALeaderNobodyIsSentAnywhere() async throws {
        try await with(leader: nil, obstacle: "nobody leads") { url in
            let (answer, text) = try await ask(url, "/v1/boards")
            #expect(answer.statusCode == 503 && text.contains("no coordinator leads"))
            let (ready, reason) = try await ask(url, "/readyz")
            #expect(ready.statusCode == 503 && reason.contains("nobody leads"))
            #expect(try await ask(url, "/livez").0.statusCode == 200)
        }
    }
}
