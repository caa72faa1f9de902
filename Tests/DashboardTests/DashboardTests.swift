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

    @Test(arguments: [
        ("/", "text/html"), ("/app.js", "text/javascript"), ("/style.css", "text/css"), ("/icon.svg", "image/svg+xml"),
        ("/favicon.ico", "image/svg+xml"),
    ])
    func filesCarryTheirTypeAndTheStrictPolicy(path: String, type: String) async throws {
        let (response, text) = try await fetched(path)
        #expect(response.statusCode == 200 && !text.isEmpty)
        #expect(response.value(forHTTPHeaderField: "Content-Type")?.hasPrefix(type) == true)
        let policy = try #require(response.value(forHTTPHeaderField: "Content-Security-Policy"))
        #expect(policy.hasPrefix("default-src 'none'") && !policy.contains("unsafe"))
        #expect(response.value(forHTTPHeaderField: "X-Content-Type-Options") == "nosniff")
    }

    private static let pages = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Sources/Dashboard/Pages")

    private static func source(_ name: String) throws -> String {
        try String(contentsOf: pages.appending(path: name), encoding: .utf8)
    }

    /// What stands in the folder of pages is served as it stands there, and nothing else.
    @Test func everyFileIsServed() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.pages.path())
        #expect(names.sorted() == Dashboard.files.map { $0.path.isEmpty ? "index.html" : $0.path }.sorted())
        for file in Dashboard.files {
            let text = try Self.source(file.path.isEmpty ? "index.html" : file.path)
            let isTheSame = Array(text.utf8) == file.bytes
            #expect(isTheSame, "\(file.path): the built program serves another one")
        }
    }

    /// Nothing that the policy would refuse, and nothing from elsewhere.
    @Test(arguments: Dashboard.files.map(\.path))
    func noFileHasInlineCodeOrNamesAnotherServer(path: String) throws {
        let text = try Self.source(path.isEmpty ? "index.html" : path)
        let addresses = text.matches(of: /https?:\/\/[^"' )]+/).map { String($0.0) }
        #expect(addresses.allSatisfy { $0 == "http://www.w3.org/2000/svg" }, "\(addresses)")
        for word in ["<script>", "style=", "onclick=", "innerHTML", "eval(", "document.write"] {
            #expect(!text.contains(word), "\(word)")
        }
        // Scripts name each other by file, and every file that is named is there.
        for reference in text.matches(of: /(?:from|import) "\.\/([^"]+)"/).map({ String($0.1) }) {
            #expect(Dashboard.files.contains { $0.path == reference }, "\(reference)")
        }
    }

    /// The budgets of sources hold for pages too.
    @Test(arguments: Dashboard.files.map(\.path))
    func pagesStayWithinSize(path: String) throws {
        let lines = try Self.source(path.isEmpty ? "index.html" : path).components(separatedBy: "\n")
        #expect(lines.count <= 600)
        for (index, line) in lines.enumerated() where line.count > 120 {
            Issue.record("\(path):\(index + 1): \(line.count) columns, the limit is 120")
        }
    }
}
