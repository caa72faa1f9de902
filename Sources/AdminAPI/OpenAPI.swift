import FleetModel
import HTTPTypes

/// JSON as a document is put together.
indirect enum JSONValue: Encodable, Equatable, Sendable {
    case text(String), flag(Bool), list([JSONValue]), object([String: JSONValue])

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let text): try container.encode(text)
        case .flag(let flag): try container.encode(flag)
        case .list(let list): try container.encode(list)
        case .object(let object): try container.encode(object)
        }
    }
}

extension Schema {
    static func component(_ name: String) -> JSONValue {
        .object(["$ref": .text("#/components/schemas/\(name)")])
    }

    var json: JSONValue {
        switch self {
        case .string: .object(["type": .text("string")])
        case .integer: .object(["type": .text("integer")])
        case .number: .object(["type": .text("number")])
        case .boolean: .object(["type": .text("boolean")])
        case .choice(let values):
            .object(["type": .text("string"), "enum": .list(values.map { .text($0) })])
        case .array(let element): .object(["type": .text("array"), "items": element.json])
        case .map(let value): .object(["type": .text("object"), "additionalProperties": value.json])
        case .object(let required, let optional):
            .object([
                "type": .text("object"), "additionalProperties": .flag(false),
                "required": .list(required.keys.sorted().map { .text($0) }),
                "properties": .object(required.merging(optional) { first, _ in first }.mapValues(\.json)),
            ])
        case .reference(let name): Self.component(name)
        }
    }
}

/// The OpenAPI 3.1 document, made of the table of routes and the schemas.
struct OpenAPIDocument {
    let routes: [AdminRoute]

    var json: JSONValue {
        var paths: [String: [String: JSONValue]] = [:]
        for route in routes where route.isDocumented {
            paths[route.path, default: [:]][route.method.rawValue.lowercased()] = operation(route)
        }
        return .object([
            "openapi": .text("3.1.0"),
            "info": .object([
                "title": .text("Shoal coordinator"), "version": .text(ProductVersion.current),
                "description": .text(
                    "Times are milliseconds since 1970, sizes bytes. Each operation names the lowest role that may."),
                "license": .object(["name": .text("Apache-2.0"), "identifier": .text("Apache-2.0")]),
            ]),
            "paths": .object(paths.mapValues { .object($0) }),
            "components": .object([
                "schemas": .object(Schema.components.mapValues(\.json)),
                "securitySchemes": .object([
                    "token": .object(["type": .text("http"), "scheme": .text("bearer")])
                ]),
            ]),
        ])
    }

    private func operation(_ route: AdminRoute) -> JSONValue {
        var operation: [String: JSONValue] = [
            "operationId": .text(Self.identifier(route)), "summary": .text(route.help),
            "responses": .object(responses(route)),
        ]
        if let role = route.role {
            operation["security"] = .list([.object(["token": .list([])])])
            operation["x-role"] = .text(role.rawValue)
        }
        let parameters =
            route.names.map { Self.parameter($0, "path", .string, true, "Its name.") }
            + route.parameters.map { Self.parameter($0.name, "query", $0.schema, $0.isRequired, $0.help) }
        if !parameters.isEmpty { operation["parameters"] = .list(parameters) }
        if let body = route.body {
            operation["requestBody"] = .object([
                "required": .flag(true), "content": Self.content("application/json", Schema.component(body)),
            ])
        }
        return .object(operation)
    }

    private static func identifier(_ route: AdminRoute) -> String {
        let words = route.path.split(whereSeparator: { "/-.".contains($0) }).filter { $0 != "v1" }
            .map { $0.hasPrefix("{") ? "ByName" : $0.prefix(1).uppercased() + $0.dropFirst() }
        return route.method.rawValue.lowercased() + words.joined()
    }

    private static func parameter(
        _ name: String, _ place: String, _ schema: Schema, _ isRequired: Bool, _ help: String
    ) -> JSONValue {
        .object([
            "name": .text(name), "in": .text(place), "required": .flag(isRequired), "schema": schema.json,
            "description": .text(help),
        ])
    }

    private static func content(_ type: String, _ schema: JSONValue) -> JSONValue {
        .object([type: .object(["schema": schema])])
    }

    private func responses(_ route: AdminRoute) -> [String: JSONValue] {
        var good: [String: JSONValue] = ["description": .text("done")]
        switch route.answer {
        case .one(let name): good["content"] = Self.content("application/json", Schema.component(name))
        case .list(let name):
            good["content"] = Self.content("application/json", Schema.array(.reference(name)).json)
        case .events(let names):
            good["content"] = Self.content(
                "text/event-stream", .object(["oneOf": .list(names.map { Schema.component($0) })]))
        case .document:
            good["content"] = Self.content("application/json", .object(["type": .text("object")]))
        case .empty: break
        }
        var responses = ["200": JSONValue.object(good)]
        var failures = [("400", "what was sent cannot be used")]
        if route.role != nil {
            failures += [("401", "the token is missing or wrong"), ("403", "the token's role may not do this")]
        }
        if !route.names.isEmpty || route.body != nil || !route.parameters.isEmpty {
            failures.append(("404", "nothing has that name"))
        }
        if route.body != nil { failures.append(("413", "the body is too large")) }
        if route.role != nil || route.path == "/readyz" { failures.append(("503", "not now")) }
        if route.role != nil { failures.append(("500", "the coordinator could not do this")) }
        for (status, reason) in failures {
            responses[status] = .object([
                "description": .text(reason), "content": Self.content("application/json", Schema.component("Failure")),
            ])
        }
        return responses
    }
}
