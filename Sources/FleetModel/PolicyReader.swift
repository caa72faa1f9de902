import Yams

/// Walks a parsed document along the form of a policy and refuses whatever departs from it, by line and field.
struct PolicyReader {
    static let millisecondsRange = 0.0...60_000.0
    static let percentileRange = 50.0...99.9
    static let priorityRange = 1...100

    let file: String

    func policy(_ document: Node) throws(PolicyRefusal) -> Policy {
        let fields = try mapping(document, "policy", required: ["apiVersion", "kind", "metadata", "spec"])
        try constant(fields, "kind", "Policy", of: document)
        try constant(fields, "apiVersion", "shoal/v1", of: document)
        let metadata = try mapping(fields.value("metadata"), "metadata", required: ["name"])
        let name = try resourceName(metadata.value("name"), "metadata.name")
        let spec = try mapping(fields.value("spec"), "spec", required: ["models"], optional: ["selector"])
        let selector: [String: String] =
            if let node = spec["selector"] { try labels(node, "spec.selector") } else { [:] }
        return Policy(name: name, selector: selector, models: try models(spec.value("models"), "spec.models"))
    }

    private func models(_ node: Node, _ field: String) throws(PolicyRefusal) -> [ModelPolicy] {
        guard case .sequence(let items) = node else { throw refusal(node, field, "must be a list") }
        try refuseTag(node, field, unless: .seq)
        guard (1...FleetLimits.modelsPerPolicy).contains(items.count) else {
            throw refusal(node, field, "has \(items.count) models, allowed are 1 to \(FleetLimits.modelsPerPolicy)")
        }
        var models: [ModelPolicy] = []
        for (index, item) in items.enumerated() {
            let path = "\(field)[\(index)]"
            let model = try modelPolicy(item, path)
            guard !models.contains(where: { $0.model == model.model }) else {
                throw refusal(item, "\(path).model", "the model '\(model.model)' is named twice")
            }
            models.append(model)
        }
        return models
    }

    private func modelPolicy(_ node: Node, _ path: String) throws(PolicyRefusal) -> ModelPolicy {
        let fields = try mapping(
            node, path, required: ["model", "latency", "priority"], optional: ["accuracyFloor"])
        let latency = try mapping(
            fields.value("latency"), "\(path).latency", required: ["milliseconds", "percentile"])
        let milliseconds = try number(
            latency.value("milliseconds"), "\(path).latency.milliseconds", within: Self.millisecondsRange)
        guard milliseconds > 0 else {
            throw refusal(latency.value("milliseconds"), "\(path).latency.milliseconds", "must be greater than 0")
        }
        let percentile = try number(
            latency.value("percentile"), "\(path).latency.percentile", within: Self.percentileRange)
        let floor: Double? =
            if let node = fields["accuracyFloor"] {
                try number(node, "\(path).accuracyFloor", within: 0...1)
            } else { nil }
        return ModelPolicy(
            model: try resourceName(fields.value("model"), "\(path).model"),
            latency: LatencyConstraint(milliseconds: milliseconds, percentile: percentile), accuracyFloor: floor,
            priority: try integer(fields.value("priority"), "\(path).priority", within: Self.priorityRange))
    }

    private func labels(_ node: Node, _ field: String) throws(PolicyRefusal) -> [String: String] {
        guard case .mapping(let pairs) = node else { throw refusal(node, field, "must be a mapping of labels") }
        try refuseTag(node, field, unless: .map)
        guard pairs.count <= FleetLimits.labelsPerBoard else {
            throw refusal(node, field, "has \(pairs.count) labels, allowed are \(FleetLimits.labelsPerBoard)")
        }
        var labels: [String: String] = [:]
        for (key, value) in pairs {
            let name = try label(key, field)
            guard labels.updateValue(try label(value, "\(field).\(name)"), forKey: name) == nil else {
                throw refusal(key, field, "the label '\(name)' is given twice")
            }
        }
        return labels
    }

    private func label(_ node: Node, _ field: String) throws(PolicyRefusal) -> String {
        let text = try text(node, field)
        let isPlain = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
        guard !text.isEmpty, text.utf8.count <= FleetLimits.labelBytes, isPlain else {
            throw refusal(node, field, "a label has 1 to \(FleetLimits.labelBytes) bytes without control characters")
        }
        return text
    }

    private func constant(
        _ fields: Fields, _ name: String, _ expected: String, of document: Node
    ) throws(PolicyRefusal) {
        let found = try text(fields.value(name), name)
        guard found == expected else {
            throw refusal(fields.value(name), name, "must be \(expected), found '\(found)'")
        }
    }

    private func resourceName(_ node: Node, _ field: String) throws(PolicyRefusal) -> String {
        let name = try text(node, field)
        guard ResourceName.isValid(name) else {
            throw refusal(
                node, field, "a name is 1 to 63 characters of a-z, 0-9 and -, starting with a letter or digit")
        }
        return name
    }

    func refusal(_ node: Node, _ field: String, _ reason: String) -> PolicyRefusal {
        PolicyRefusal(file: file, line: node.mark?.line ?? 1, field: field, reason: reason)
    }
}
