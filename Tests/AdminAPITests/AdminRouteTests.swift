import AsyncHTTPClient
import FleetModel
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import ServingHarness
import Testing

@testable import AdminAPI

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Every row of the table of routes over real HTTP, with every role.
@Suite struct AdminRouteTests {
    static let server = AdminServer(
        fleet: InMemoryFleet(), hooks: InMemoryHooks(), rollouts: InMemoryRollouts(),
        artefacts: InMemoryArtefacts(), care: InMemoryCare(), access: InMemoryAccess(),
        extend: { router in router.get("page.html") { _, _ in "page" } })
    static let routes = server.routes()

    /// Runs the body against a server that serves the table.
    static func serving(_ body: @Sendable @escaping (URL) async throws -> Void) async throws {
        try await ServingHarness.serving({ server.application(host: "127.0.0.1", port: 0, onBound: $0) }, body)
    }

    static func answer(
        _ method: String, _ path: String, at url: URL, token: String? = nil, body: String? = nil
    ) async throws -> (HTTPURLResponse, Data) {
        let place = path.replacing("{name}", with: "b0").drop { $0 == "/" }
        var request = HTTPClientRequest(url: "\(url.absoluteString)/\(place)")
        request.method = .init(rawValue: method)
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        request.body = body.map { .bytes(ByteBuffer(string: $0)) }
        // Not URLSession: on Linux one that is refused while it could still send may spin for ever.
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        let data = Data((try await response.body.collect(upTo: 1 << 20)).readableBytesView)
        let fields = Dictionary(response.headers.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        return (
            try #require(
                HTTPURLResponse(
                    url: url, statusCode: Int(response.status.code), httpVersion: nil, headerFields: fields)), data
        )
    }

    /// What streams does not end, and has its own test.
    private static var finite: [AdminRoute] { routes.filter { $0.path != "/v1/live" } }

    @Test func eachRouteLetsItsRoleAndThoseAboveIn() async throws {
        try await Self.serving { url in
            for route in Self.finite {
                for (token, caller) in InMemoryAccess.callers {
                    let (response, data) = try await Self.answer(
                        route.method.rawValue, route.path, at: url, token: token)
                    let may = route.role.map { caller.role >= $0 } ?? true
                    #expect(
                        (response.statusCode != 403) == may && response.statusCode != 401,
                        "\(route.method) \(route.path) as \(caller.role): \(response.statusCode)")
                    guard !may else { continue }
                    let failure = try JSONDecoder().decode(AdminFailure.self, from: data)
                    #expect(failure.kind == .forbidden && failure.message.contains(caller.name))
                }
            }
        }
    }

    @Test(arguments: ["Bearer", "bearer", "BEARER"])
    func theSchemesNameIsOfAnyCase(scheme: String) async throws {
        try await Self.serving { url in
            var request = HTTPClientRequest(url: "\(url.absoluteString)/v1/caller")
            request.headers.add(name: "Authorization", value: "\(scheme) secret")
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
            #expect(response.status == .ok)
        }
    }

    @Test(arguments: [nil, "", "wrong", "secre", " secret", "Secret"])
    func withoutATokenOnlyOpenRoutesAnswer(token: String?) async throws {
        try await Self.serving { url in
            for route in Self.routes where route.role != nil {
                let (response, _) = try await Self.answer(route.method.rawValue, route.path, at: url, token: token)
                #expect(response.statusCode == 401, "\(route.method) \(route.path)")
                #expect(response.value(forHTTPHeaderField: "WWW-Authenticate") == "Bearer")
            }
            for route in Self.finite where route.role == nil {
                let (response, _) = try await Self.answer(route.method.rawValue, route.path, at: url, token: token)
                #expect(response.statusCode == 200, "\(route.method) \(route.path)")
            }
        }
    }

    @Test func aWrongMethodIsToldWhichAreRight() async throws {
        try await Self.serving { url in
            let all: Set = ["GET", "POST", "PUT", "PATCH", "DELETE"]
            for path in Set(Self.routes.map(\.path)) {
                let known = Set(Self.routes.filter { $0.path == path }.map(\.method.rawValue))
                for method in all.subtracting(known) {
                    let (response, data) = try await Self.answer(method, path, at: url, token: "secret")
                    #expect(response.statusCode == 405, "\(method) \(path)")
                    #expect(
                        response.value(forHTTPHeaderField: "Allow") == known.sorted().joined(separator: ", "))
                    #expect(try JSONDecoder().decode(AdminFailure.self, from: data).kind == .wrongMethod)
                }
            }
            let (page, _) = try await Self.answer("POST", "/page.html", at: url)
            #expect(page.statusCode == 405 && page.value(forHTTPHeaderField: "Allow") == "GET")
            for path in ["/v1", "/v1/nothing", "/v1/boards/b0/more", "/v1/access-tokens/x/y"] {
                #expect(try await Self.answer("GET", path, at: url, token: "secret").0.statusCode == 404, "\(path)")
            }
        }
    }

    @Test func aChangeIsMadeInTheNameOfTheToken() async throws {
        let fleet = InMemoryFleet()
        let (ports, port) = AsyncStream<Int>.makeStream()
        let application = AdminServer(fleet: fleet, access: InMemoryAccess()).application(host: "127.0.0.1", port: 0) {
            port.yield($0)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.run() }
            for await number in ports {
                let url = try #require(URL(string: "http://127.0.0.1:\(number)"))
                let body = #"{"file":"p.yaml","text":"good","dryRun":false}"#
                for token in ["looker", "worker", "secret"] {
                    _ = try await Self.answer("POST", "/v1/policies", at: url, token: token, body: body)
                }
                break
            }
            group.cancelAll()
        }
        #expect(await fleet.actors == ["otto", "ann"])
    }
}

/// One group, so that schemas have something to hold.
struct InMemoryHooks: HookAdministration {
    func hooks() -> [HooksView] { [] }

    func rollBack(_ request: HooksRollback, by actor: String) throws -> HooksView {
        throw AdminFailure(.notFound, request.name)
    }
}
