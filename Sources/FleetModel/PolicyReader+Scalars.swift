import Yams

/// The fields of one mapping whose names have been checked.
struct Fields {
    fileprivate var nodes: [String: Node]

    subscript(name: String) -> Node? { nodes[name] }

    /// - Precondition: `name` was required when the mapping was read.
    func value(_ name: String) -> Node {
        guard let node = nodes[name] else { preconditionFailure("field \(name) was not required") }
        return node
    }
}

extension PolicyReader {
    /// The fields of a mapping: all of `required`, some of `optional`, nothing else.
    func mapping(
        _ node: Node, _ field: String, required: [String], optional: [String] = []
    ) throws(PolicyRefusal) -> Fields {
        guard case .mapping(let pairs) = node else { throw refusal(node, field, "must be a mapping") }
        try refuseTag(node, field, unless: .map)
        var fields = Fields(nodes: [:])
        for (key, value) in pairs {
            guard case .scalar(let scalar) = key, required.contains(scalar.string) || optional.contains(scalar.string)
            else {
                let name = key.scalar?.string ?? "(not text)"
                let allowed = (required + optional).joined(separator: ", ")
                throw refusal(key, field, "has no field '\(name.prefix(64))' (allowed: \(allowed))")
            }
            guard fields.nodes.updateValue(value, forKey: scalar.string) == nil else {
                throw refusal(key, field, "the field '\(scalar.string)' is given twice")
            }
        }
        for name in required where fields[name] == nil {
            throw refusal(node, field, "the field '\(name)' is missing")
        }
        return fields
    }

    /// Text; a plain scalar that reads as a number, a truth value or nothing is not text unless it is quoted.
    func text(_ node: Node, _ field: String) throws(PolicyRefusal) -> String {
        let scalar = try scalar(node, field, "text")
        let other: Set = ["", "~", "null", "true", "false", "yes", "no", "on", "off"]
        let isText = scalar.style != .plain || (!other.contains(scalar.string.lowercased()) && decimal(scalar) == nil)
        guard isText else {
            throw refusal(node, field, "must be text; put '\(scalar.string.prefix(64))' in quotes if it is meant so")
        }
        return scalar.string
    }

    func number(_ node: Node, _ field: String, within range: ClosedRange<Double>) throws(PolicyRefusal) -> Double {
        let scalar = try scalar(node, field, "a number")
        guard scalar.style == .plain, let value = decimal(scalar) else {
            throw refusal(node, field, "must be a number, found '\(scalar.string.prefix(64))'")
        }
        guard range.contains(value) else {
            throw refusal(
                node, field,
                "\(scalar.string.prefix(64)) is outside "
                    + "\(Figure.shown(range.lowerBound))...\(Figure.shown(range.upperBound))")
        }
        return value
    }

    func integer(_ node: Node, _ field: String, within range: ClosedRange<Int>) throws(PolicyRefusal) -> Int {
        let value = try number(node, field, within: Double(range.lowerBound)...Double(range.upperBound))
        guard let integer = Int(exactly: value) else { throw refusal(node, field, "must be a whole number") }
        return integer
    }

    func optionalNumber(
        _ node: Node?, _ field: String, within range: ClosedRange<Double>
    ) throws(PolicyRefusal) -> Double? {
        guard let node else { return nil }
        return try number(node, field, within: range)
    }

    /// A whole number of bytes.
    func bytes(_ node: Node?, _ field: String) throws(PolicyRefusal) -> UInt64? {
        guard let node, let value = try optionalNumber(node, field, within: Self.byteRange) else { return nil }
        guard let bytes = UInt64(exactly: value) else { throw refusal(node, field, "must be a whole number of bytes") }
        return bytes
    }

    private func scalar(_ node: Node, _ field: String, _ kind: String) throws(PolicyRefusal) -> Node.Scalar {
        guard case .scalar(let scalar) = node else { throw refusal(node, field, "must be \(kind)") }
        try refuseTag(node, field, unless: .str)
        return scalar
    }

    /// The basic resolver gives every node without a tag the tag of its form.
    func refuseTag(_ node: Node, _ field: String, unless expected: Tag.Name) throws(PolicyRefusal) {
        let tag = node.tag.description
        guard tag == expected.rawValue else { throw refusal(node, field, "must not have a tag, found '\(tag)'") }
    }

    /// The value of a decimal number as people write it: no hexadecimal, infinity, underscore or sexagesimal.
    private func decimal(_ scalar: Node.Scalar) -> Double? {
        let digits = scalar.string.utf8
        guard let first = digits.first, digits.count <= 64, first != UInt8(ascii: "."),
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || "+-.eE".utf8.contains($0) }),
            let value = Double(scalar.string), value.isFinite
        else { return nil }
        return value
    }
}
