import Foundation
import Hummingbird
import Testing

@testable import Dashboard

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Over real HTTP on a free port.
@Suite struct DashboardTests {
    private func fetched(_ path: String) async throws -> (HTTPURLResponse, String) {
        let router = Router(context: BasicRequestContext.self)
        Dashboard.add(to: router)
        let (ports, port) = AsyncStream<Int>.makeStream()
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { port.yield($0.localAddress?.port ?? 0) })
        return try await withThrowingTaskGroup(of: (HTTPURLResponse, String)?.self) { group in
            group.addTask {
                try await application.run()
                return nil
            }
            group.addTask {
                for await number in ports {
                    let url = try #require(URL(string: "http://127.0.0.1:\(number)\(path)"))
                    let (data, response) = try await URLSession.shared.data(from: url)
                    return (try #require(response as? HTTPURLResponse), String(decoding: data, as: UTF8.self))
                }
                return nil
            }
            defer { group.cancelAll() }
            return try #require(try await group.next() ?? nil)
        }
    }

    @Test(arguments: [("/", "text/html"), ("/app.js", "text/javascript"), ("/style.css", "text/css")])
    func filesCarryTheirTypeAndTheStrictPolicy(path: String, type: String) async throws {
        let (response, text) = try await fetched(path)
        #expect(response.statusCode == 200 && !text.isEmpty)
        #expect(response.value(forHTTPHeaderField: "Content-Type")?.hasPrefix(type) == true)
        let policy = try #require(response.value(forHTTPHeaderField: "Content-Security-Policy"))
        #expect(policy.hasPrefix("default-src 'none'") && !policy.contains("unsafe"))
        #expect(response.value(forHTTPHeaderField: "X-Content-Type-Options") == "nosniff")
    }

    /// Nothing that the policy would refuse, and nothing from elsewhere.
    @Test func pageHasNoInlineCodeAndNamesNoOtherServer() async throws {
        let page = try await fetched("/").1
        for reference in ["app.js", "style.css"] { #expect(page.contains("\"\(reference)\"")) }
        #expect(!page.contains("<script>") && !page.contains("style=") && !page.contains("onclick="))
        let script = try await fetched("/app.js").1
        for text in [page, script, try await fetched("/style.css").1] {
            let addresses = text.matches(of: /https?:\/\/[^"' )]+/).map { String($0.0) }
            #expect(addresses.allSatisfy { $0 == "http://www.w3.org/2000/svg" }, "\(addresses)")
        }
        #expect(!script.contains("innerHTML") && !script.contains("eval("))
    }
}
