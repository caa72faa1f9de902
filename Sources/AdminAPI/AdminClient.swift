public import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Talks to a coordinator's HTTP interface, for the command line.
public struct AdminClient: Sendable {
    private let base: URL
    private let token: String
    private let session: URLSession

    public init(base: URL, token: String, timeout: TimeInterval = 10) {
        self.base = base
        self.token = token
        // The request's own timeout is not heeded everywhere; the session's is.
        let configuration = URLSessionConfiguration.ephemeral
        configuration.timeoutIntervalForRequest = timeout
        configuration.timeoutIntervalForResource = timeout
        session = URLSession(configuration: configuration)
    }

    public func get<Value: Decodable>(_ path: String, query: [String: String] = [:]) async throws -> Value {
        try await send("GET", path, query: query, body: nil)
    }

    public func post<Value: Decodable>(_ path: String, _ body: some Encodable) async throws -> Value {
        try await send("POST", path, query: [:], body: try JSONEncoder().encode(body))
    }

    public func delete<Value: Decodable>(_ path: String) async throws -> Value {
        try await send("DELETE", path, query: [:], body: nil)
    }

    private func send<Value: Decodable>(
        _ method: String, _ path: String, query: [String: String], body: Data?
    ) async throws -> Value {
        var components = URLComponents(url: base.appending(path: path), resolvingAgainstBaseURL: false)
        if !query.isEmpty {
            components?.queryItems = query.sorted { $0.key < $1.key }.map {
                URLQueryItem(name: $0.key, value: $0.value)
            }
        }
        guard let url = components?.url else {
            throw AdminFailure(.invalid, "\(base.absoluteString): is not an address")
        }
        var request = URLRequest(url: url, timeoutInterval: session.configuration.timeoutIntervalForRequest)
        request.httpMethod = method
        request.httpBody = body
        request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
        let (data, response): (Data, URLResponse)
        do {
            (data, response) = try await session.data(for: request)
        } catch {
            throw AdminFailure(.unavailable, "no coordinator answers at \(base.absoluteString)")
        }
        return try decode(data, status: (response as? HTTPURLResponse)?.statusCode ?? 0)
    }

    private func decode<Value: Decodable>(_ data: Data, status: Int) throws -> Value {
        guard status == 200 else {
            let failure = try? JSONDecoder().decode(AdminFailure.self, from: data)
            throw failure ?? AdminFailure(.unavailable, "\(base.absoluteString) answered with status \(status)")
        }
        do {
            return try JSONDecoder().decode(Value.self, from: data)
        } catch {
            throw AdminFailure(.unavailable, "\(base.absoluteString) is not a coordinator of this version")
        }
    }
}
