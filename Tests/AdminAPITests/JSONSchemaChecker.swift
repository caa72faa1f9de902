import Foundation

/// The part of JSON Schema that the document uses, read strictly: a word that it does not know is a problem.
struct JSONSchemaChecker: @unchecked Sendable {
    // @unchecked because the parsed JSON is never changed.
    let document: [String: Any]

    init(_ document: [String: Any]) { self.document = document }

    private var schemas: [String: Any] {
        (document["components"] as? [String: Any])?["schemas"] as? [String: Any] ?? [:]
    }

    func fields(of name: String) -> Set<String> {
        Set(((schemas[name] as? [String: Any])?["properties"] as? [String: Any] ?? [:]).keys)
    }

    func references() -> [String] { Self.references(in: document) }

    private static func references(in value: Any) -> [String] {
        if let list = value as? [Any] { return list.flatMap(references) }
        guard let object = value as? [String: Any] else { return [] }
        return object.flatMap { key, value in
            key == "$ref" ? [value as? String ?? "no text"] : references(in: value)
        }
    }

    /// An answer against what the document says of it.
    func problems(of data: Data, path: String, method: String, status: Int) -> [String] {
        let paths = document["paths"] as? [String: [String: [String: Any]]]
        let responses = paths?[path]?[method]?["responses"] as? [String: [String: Any]]
        guard let response = responses?["\(status)"] else { return ["status \(status) is not documented"] }
        guard let content = response["content"] as? [String: [String: Any]] else {
            return data.isEmpty ? [] : ["content is not documented"]
        }
        guard let schema = content["application/json"]?["schema"] as? [String: Any] else { return ["no schema"] }
        return problems(of: data, schema: schema)
    }

    func problems(of data: Data, schema: [String: Any]) -> [String] {
        guard let value = try? JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed) else {
            return ["is not JSON"]
        }
        return problems(of: value, schema, at: "$")
    }

    private func problems(of value: Any, _ schema: [String: Any], at place: String) -> [String] {
        if let reference = schema["$ref"] as? String {
            let name = String(reference.split(separator: "/").last ?? "")
            guard let target = schemas[name] as? [String: Any] else { return ["\(place): \(reference) is not there"] }
            return problems(of: value, target, at: place)
        }
        let known: Set = ["type", "enum", "items", "properties", "required", "additionalProperties"]
        let unknown = schema.keys.filter { !known.contains($0) }
        guard unknown.isEmpty else { return ["\(place): the checker does not know \(unknown)"] }
        switch schema["type"] as? String {
        case "string":
            guard let text = value as? String else { return ["\(place) is no string"] }
            let choices = schema["enum"] as? [String]
            return choices?.contains(text) ?? true ? [] : ["\(place): \(text) is none of \(choices ?? [])"]
        case "boolean": return Self.isFlag(value) ? [] : ["\(place) is no boolean"]
        case "integer":
            guard let number = Self.number(value), number.doubleValue.rounded() == number.doubleValue else {
                return ["\(place) is no integer"]
            }
            return []
        case "number": return Self.number(value) == nil ? ["\(place) is no number"] : []
        case "array":
            guard let list = value as? [Any] else { return ["\(place) is no array"] }
            let items = schema["items"] as? [String: Any] ?? [:]
            return list.enumerated().flatMap { problems(of: $1, items, at: "\(place)[\($0)]") }
        case "object": return problems(ofObject: value, schema, at: place)
        default: return ["\(place): the schema has no type"]
        }
    }

    private func problems(ofObject value: Any, _ schema: [String: Any], at place: String) -> [String] {
        guard let object = value as? [String: Any] else { return ["\(place) is no object"] }
        let properties = schema["properties"] as? [String: [String: Any]] ?? [:]
        let missing = (schema["required"] as? [String] ?? []).filter { object[$0] == nil }
        var found = missing.map { "\(place).\($0) is missing" }
        for (key, value) in object {
            if let property = properties[key] {
                found += problems(of: value, property, at: "\(place).\(key)")
            } else if let other = schema["additionalProperties"] as? [String: Any] {
                found += problems(of: value, other, at: "\(place).\(key)")
            } else if schema["additionalProperties"] != nil {
                found.append("\(place).\(key) is not documented")
            }
        }
        return found
    }

    private static func isFlag(_ value: Any) -> Bool {
        (value as? NSNumber).map { typeCode($0) == "c" } ?? false
    }

    private static func number(_ value: Any) -> NSNumber? {
        guard let number = value as? NSNumber, typeCode(number) != "c" else { return nil }
        return number
    }

    /// `c` is what Foundation calls a Boolean's type.
    private static func typeCode(_ number: NSNumber) -> String { String(cString: number.objCType) }
}
