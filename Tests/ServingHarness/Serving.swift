public import Foundation
public import Hummingbird

/// Runs an application at a free port of this machine and, beside it, a test's questions; ends with the first of the
/// two, for an application that stops is a failure too.
/// - Parameter application: made to listen at port 0 and to say which one it got.
public func serving(
    _ application: (_ onBound: @escaping @Sendable (Int) async -> Void) -> some ApplicationProtocol,
    _ body: @Sendable @escaping (URL) async throws -> Void
) async throws {
    let (ports, found) = AsyncStream<Int>.makeStream()
    let application = application { found.yield($0) }
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await application.run() }
        group.addTask {
            for await port in ports {
                guard let url = URL(string: "http://127.0.0.1:\(port)") else { throw URLError(.badURL) }
                try await body(url)
                return
            }
        }
        try await group.next()
        group.cancelAll()
    }
}
