import FleetModel
import HTTPTypes
import Hummingbird

/// One row of the table of routes: what is served where, to whom, and what it looks like. The router, refusals of
/// wrong methods and the OpenAPI document are made of the same rows.
struct AdminRoute: Sendable {
    struct Parameter: Sendable {
        var name: String
        var schema: Schema
        var isRequired = false
        var help: String
    }

    enum Answer: Sendable {
        case one(String)
        case list(String)
        /// Server-sent events, each the JSON of one of these schemas.
        case events([String])
        /// JSON that this document does not describe.
        case document
        case empty
    }

    var method: HTTPRequest.Method
    /// With `{name}` where a name stands.
    var path: String
    /// `nil`: no token is needed.
    var role: AccessRole?
    var help: String
    var parameters: [Parameter]
    var body: String?
    var answer: Answer
    /// `false` for a row that only serves a name which another row's path would hide.
    var isDocumented = true
    var handle: @Sendable (AdminCall) async throws -> Response

    init(
        _ method: HTTPRequest.Method, _ path: String, _ role: AccessRole?, _ help: String,
        parameters: [Parameter] = [], body: String? = nil, answer: Answer,
        _ handle: @escaping @Sendable (AdminCall) async throws -> some ResponseGenerator
    ) {
        self.method = method
        self.path = path
        self.role = role
        self.help = help
        self.parameters = parameters
        self.body = body
        self.answer = answer
        self.handle = { call in try await handle(call).response(from: call.request, context: call.context) }
    }

    /// As the router writes it.
    var routerPath: RouterPath {
        RouterPath(
            path.split(separator: "/").map { part in
                part.hasPrefix("{") ? ":" + part.dropFirst().dropLast() : String(part)
            }.joined(separator: "/"))
    }

    /// Names that stand in the path.
    var names: [String] {
        path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
    }
}

/// A request that may be served.
struct AdminCall: Sendable {
    var request: Request
    var context: BasicRequestContext
    /// Without a name on routes that need no token.
    var caller: Caller
    /// Name of the schema of the body.
    var bodySchema: String?

    func body<Value: Decodable>(_ type: Value.Type) async throws -> Value {
        try await request.body(as: type, bodySchema.map { .reference($0) }, context)
    }

    func name() throws -> String { try context.parameters.require("name") }
}

/// Which methods a path has.
struct PathMethods: Sendable {
    private var methods: [[Substring]: Set<HTTPRequest.Method>] = [:]

    mutating func add(_ path: String, _ method: HTTPRequest.Method) {
        methods[Self.parts(path), default: []].insert(method)
    }

    /// Sorted by name; empty where nothing is served.
    func allowed(at path: String) -> [HTTPRequest.Method] {
        let parts = Self.parts(path)
        var found: Set<HTTPRequest.Method> = []
        for (template, methods) in methods where template.count == parts.count {
            let matches = zip(template, parts).allSatisfy { $0 == $1 || $0.hasPrefix("{") || $0.hasPrefix(":") }
            if matches { found.formUnion(methods) }
        }
        return found.sorted { $0.rawValue < $1.rawValue }
    }

    private static func parts(_ path: String) -> [Substring] { path.split(separator: "/") }
}
