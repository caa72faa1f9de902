import Yams

/// Walks a parsed document along the form of a policy, or of a board, and refuses whatever departs from it, by line
/// and field.
struct PolicyReader {
    static let millisecondsRange = 0.0...60_000.0
    static let percentileRange = 50.0...99.9
    static let priorityRange = 1...100
    static let versions = ["shoal/v1", "shoal/v2"]
    static let byteRange = 0.0...1e15
    static let switchRange = 1.0...ModelAssignment.switchLimit
    /// What version 2 takes for granted.
    static let defaultPercentile = 95.0
    static let defaultPriority = 10

    let file: String

    func policy(_ document: Node) throws(PolicyRefusal) -> Policy {
        let fields = try mapping(document, "policy", required: ["apiVersion", "kind", "metadata", "spec"])
        try constant(fields, "kind", "Policy", of: document)
        let version = try text(fields.value("apiVersion"), "apiVersion")
        guard Self.versions.contains(version) else {
            throw refusal(
                fields.value("apiVersion"), "apiVersion",
                "must be \(Self.versions.joined(separator: " or ")), found '\(version.prefix(64))'")
        }
        let isSecond = version != Self.versions[0]
        let metadata = try mapping(fields.value("metadata"), "metadata", required: ["name"])
        let name = try resourceName(metadata.value("name"), "metadata.name")
        let spec = try mapping(
            fields.value("spec"), "spec", required: ["models"],
            optional: ["selector"] + (isSecond ? ["reserve", "windows", "switchesPerMinute"] : []))
        let selector: [String: String] =
            if let node = spec["selector"] { try labels(node, "spec.selector") } else { [:] }
        let reserve: BoardReserve? =
            if let node = spec["reserve"] { try boardReserve(node, "spec.reserve") } else { nil }
        let models = try models(spec.value("models"), "spec.models", isSecond: isSecond, reserve: reserve)
        return Policy(
            name: name, selector: selector, models: models, reserve: reserve,
            windows: try spec["windows"].map { node throws(PolicyRefusal) in try windows(node, "spec.windows") },
            switchesPerMinute: try optionalNumber(
                spec["switchesPerMinute"], "spec.switchesPerMinute", within: Self.switchRange))
    }

    func boardReserve(_ node: Node, _ field: String) throws(PolicyRefusal) -> BoardReserve {
        let fields = try mapping(node, field, required: [], optional: ["cpu", "memoryBytes", "watts"])
        let cpu = try optionalNumber(fields["cpu"], "\(field).cpu", within: 0...1)
        guard cpu ?? 0 < 1 else {
            throw refusal(fields.value("cpu"), "\(field).cpu", "must be below 1: models need CPU time")
        }
        return BoardReserve(
            cpu: cpu, memoryBytes: try bytes(fields["memoryBytes"], "\(field).memoryBytes") ?? 0,
            watts: try optionalNumber(fields["watts"], "\(field).watts", within: 0...1e6) ?? 0)
    }

    private func models(
        _ node: Node, _ field: String, isSecond: Bool, reserve: BoardReserve?
    ) throws(PolicyRefusal) -> [ModelPolicy] {
        guard case .sequence(let items) = node else { throw refusal(node, field, "must be a list") }
        try refuseTag(node, field, unless: .seq)
        guard (1...FleetLimits.modelsPerPolicy).contains(items.count) else {
            throw refusal(node, field, "has \(items.count) models, allowed are 1 to \(FleetLimits.modelsPerPolicy)")
        }
        var models: [ModelPolicy] = []
        for (index, item) in items.enumerated() {
            let path = "\(field)[\(index)]"
            let model = try isSecond ? modelPolicyOfSecondVersion(item, path, reserve) : modelPolicy(item, path)
            guard !models.contains(where: { $0.model == model.model }) else {
                throw refusal(
                    item.mapping?["model"] ?? item, "\(path).model", "the model '\(model.model)' is named twice")
            }
            models.append(model)
        }
        return models
    }

    /// As in version 1, with the limits that came with version 2, and with what people leave out.
    private func modelPolicyOfSecondVersion(
        _ node: Node, _ path: String, _ reserve: BoardReserve?
    ) throws(PolicyRefusal) -> ModelPolicy {
        let limits = ["cpuShare", "memoryBytes", "energyMillijoules"]
        let fields = try mapping(
            node, path, required: ["model", "latency"], optional: ["accuracyFloor", "priority"] + limits)
        var policy = try ruled(fields, path, optionalPercentile: true)
        policy.cpuShare = try optionalNumber(fields["cpuShare"], "\(path).cpuShare", within: 0...1)
        policy.memoryBytes = try bytes(fields["memoryBytes"], "\(path).memoryBytes")
        policy.energyMillijoules = try optionalNumber(
            fields["energyMillijoules"], "\(path).energyMillijoules", within: 0...1e9)
        for (limit, value) in zip(
            limits, [policy.cpuShare, policy.memoryBytes.map { Double($0) }, policy.energyMillijoules])
        where value == 0 {
            throw refusal(
                fields.value(limit), "\(path).\(limit)", "must be greater than 0: the model cannot run with none")
        }
        if let share = policy.cpuShare, let kept = reserve?.cpu, share > 1 - kept + 1e-12 {
            let texts = Figure.texts(share, 1 - kept, places: 4)
            throw refusal(
                fields.value("cpuShare"), "\(path).cpuShare",
                "\(texts.first) contradicts spec.reserve.cpu, which leaves \(texts.second) to all models")
        }
        return policy
    }

    private func modelPolicy(_ node: Node, _ path: String) throws(PolicyRefusal) -> ModelPolicy {
        let fields = try mapping(
            node, path, required: ["model", "latency", "priority"], optional: ["accuracyFloor"])
        return try ruled(fields, path, optionalPercentile: false)
    }

    private func ruled(
        _ fields: Fields, _ path: String, optionalPercentile: Bool
    ) throws(PolicyRefusal) -> ModelPolicy {
        let latency = try mapping(
            fields.value("latency"), "\(path).latency",
            required: optionalPercentile ? ["milliseconds"] : ["milliseconds", "percentile"],
            optional: optionalPercentile ? ["percentile"] : [])
        let milliseconds = try number(
            latency.value("milliseconds"), "\(path).latency.milliseconds", within: Self.millisecondsRange)
        guard milliseconds > 0 else {
            throw refusal(latency.value("milliseconds"), "\(path).latency.milliseconds", "must be greater than 0")
        }
        let percentile =
            try optionalNumber(latency["percentile"], "\(path).latency.percentile", within: Self.percentileRange)
            ?? Self.defaultPercentile
        let priority =
            if let node = fields["priority"] {
                try integer(node, "\(path).priority", within: Self.priorityRange)
            } else { Self.defaultPriority }
        let floor: Double? =
            if let node = fields["accuracyFloor"] {
                try number(node, "\(path).accuracyFloor", within: 0...1)
            } else { nil }
        return ModelPolicy(
            model: try resourceName(fields.value("model"), "\(path).model"),
            latency: LatencyConstraint(milliseconds: milliseconds, percentile: percentile), accuracyFloor: floor,
            priority: priority)
    }

    func labels(_ node: Node, _ field: String) throws(PolicyRefusal) -> [String: String] {
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

    func resourceName(_ node: Node, _ field: String) throws(PolicyRefusal) -> String {
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
