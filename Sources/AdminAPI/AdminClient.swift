import AsyncHTTPClient
public import Foundation
import NIOCore
import NIOHTTP1

/// Talks to a coordinator's HTTP interface, for the command line.
public struct AdminClient: Sendable {
    /// Answers beyond this are not a coordinator's.
    private static let answerLimit = 256 << 20
    /// Not URLSession: on Linux it brings libcurl and some thirty libraries, which every command would wait for.
    private static let http: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        // A coordinator that is not there is said at once.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.redirectConfiguration = .disallow
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    private let base: URL
    private let token: String
    private let timeout: Duration

    /// - Parameter timeout: seconds until an answer begins.
    public init(base: URL, token: String, timeout: TimeInterval = 10) {
        self.base = base
        self.token = token
        self.timeout = .milliseconds(Int64(timeout * 1_000))
    }

    public func get<Value: Decodable>(_ path: String, query: [String: String] = [:]) async throws -> Value {
        try await send(.GET, path, query: query, body: nil)
    }

    public func post<Value: Decodable>(_ path: String, _ body: some Encodable) async throws -> Value {
        try await send(.POST, path, query: [:], body: try JSONEncoder().encode(body))
    }

    public func delete<Value: Decodable>(_ path: String, query: [String: String] = [:]) async throws -> Value {
        try await send(.DELETE, path, query: query, body: nil)
    }

    private func send<Value: Decodable>(
        _ method: HTTPMethod, _ path: String, query: [String: String], body: Data?
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
        var request = HTTPClientRequest(url: url.absoluteString)
        request.method = method
        request.body = body.map { .bytes(ByteBuffer(bytes: $0)) }
        request.headers.add(name: "Authorization", value: "Bearer \(token)")
        let (data, status): (Data, UInt)
        do {
            let response = try await Self.http.execute(request, deadline: .now() + TimeAmount(timeout))
            data = Data((try await response.body.collect(upTo: Self.answerLimit)).readableBytesView)
            status = response.status.code
        } catch let error as HTTPClientError where error == .deadlineExceeded {
            throw AdminFailure(
                .unavailable, "the coordinator at \(base.absoluteString) has not answered within \(timeout)")
        } catch {
            throw AdminFailure(.unavailable, "no coordinator answers at \(base.absoluteString)")
        }
        return try decode(data, status: status)
    }

    private func decode<Value: Decodable>(_ data: Data, status: UInt) throws -> Value {
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
