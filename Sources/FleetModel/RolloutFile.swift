import Yams

/// Reads rollouts from YAML, as strictly as `PolicyFile` does policies. Everything under `spec` may be left out:
///
///     apiVersion: shoal/v1
///     kind: Rollout
///     metadata: { name: kitchen-40-ms }
///     spec:
///       groups: [{ boards: 1 }, { percent: 10 }, { selector: { tier: edge } }]   # the rest is the last group
///       successThreshold: 1          # share of a group's boards that must have it
///       errorThreshold: 0.1          # share whose failure returns all
///       approval: false              # wait for an administrator's approval
///       windows: [{ days: [mon, fri], from: "22:00", to: "06:00", offset: "+01:00" }]   # when groups may start
///       soakSeconds: 300             # watched for so long
///       waitSeconds: 600             # for a board to do it, and for those that are away
///       gates:                       # against the group's own past; none unless given
///         pastSeconds: 600
///         leastFrames: 200           # of a model, on either side, before a verdict
///         accuracyDrop: 0.02         # of the active points' mean accuracy
///         attainmentDrop: 0.02       # of the frames within the constraint
///         p50Ratio: 1.2              # times the latency before
///         p99Ratio: 1.5
///         restartsPerBoard: 0.5      # beyond those that the past lets expect
public enum RolloutFile {
    /// Reads the one rollout in `text`.
    /// - Parameter file: names the text in refusals.
    public static func parse(_ text: String, file: String) throws(PolicyRefusal) -> RolloutPlan {
        let documents = try PolicyFile.documents(text, file: file)
        guard documents.count == 1, let document = documents.first else {
            throw PolicyFile.several(documents, "rollout", file: file)
        }
        return try PolicyReader(file: file).rollout(document)
    }
}

extension PolicyReader {
    private static let secondsRange = 0...86_400 * 30
    private static let ratioRange = 1.0...1_000.0

    func rollout(_ document: Node) throws(PolicyRefusal) -> RolloutPlan {
        let fields = try mapping(document, "rollout", required: ["apiVersion", "kind", "metadata"], optional: ["spec"])
        for (name, expected) in [("apiVersion", "shoal/v1"), ("kind", "Rollout")] {
            let found = try text(fields.value(name), name)
            guard found == expected else {
                throw refusal(fields.value(name), name, "must be \(expected), found '\(found.prefix(64))'")
            }
        }
        let metadata = try mapping(fields.value("metadata"), "metadata", required: ["name"])
        var plan = RolloutPlan(name: try resourceName(metadata.value("name"), "metadata.name"))
        guard let node = fields["spec"] else { return plan }
        let spec = try mapping(
            node, "spec", required: [],
            optional: [
                "groups", "successThreshold", "errorThreshold", "approval", "windows", "soakSeconds", "waitSeconds",
                "gates",
            ])
        if let node = spec["groups"] { plan.groups = try groups(node, "spec.groups") }
        plan.successThreshold =
            try share(spec["successThreshold"], "spec.successThreshold") ?? plan.successThreshold
        plan.errorThreshold = try share(spec["errorThreshold"], "spec.errorThreshold") ?? plan.errorThreshold
        if let node = spec["approval"] { plan.needsApproval = try flag(node, "spec.approval") }
        if let node = spec["windows"] { plan.windows = try windows(node, "spec.windows") }
        if let node = spec["soakSeconds"] {
            plan.soakSeconds = try integer(node, "spec.soakSeconds", within: Self.secondsRange)
        }
        if let node = spec["waitSeconds"] {
            plan.waitSeconds = try integer(node, "spec.waitSeconds", within: 1...Self.secondsRange.upperBound)
        }
        if let node = spec["gates"] { plan.gates = try gates(node, "spec.gates") }
        return plan
    }

    private func groups(_ node: Node, _ field: String) throws(PolicyRefusal) -> [RolloutGroupRule] {
        guard case .sequence(let items) = node else { throw refusal(node, field, "must be a list") }
        try refuseTag(node, field, unless: .seq)
        guard (1...FleetLimits.groupsPerRollout).contains(items.count) else {
            throw refusal(
                node, field, "has \(items.count) groups, allowed are 1 to \(FleetLimits.groupsPerRollout)")
        }
        var rules: [RolloutGroupRule] = []
        for (index, item) in items.enumerated() { rules.append(try groupRule(item, "\(field)[\(index)]")) }
        return rules
    }

    private func groupRule(_ node: Node, _ path: String) throws(PolicyRefusal) -> RolloutGroupRule {
        let fields = try mapping(node, path, required: [], optional: ["boards", "percent", "selector"])
        switch (fields["boards"], fields["percent"], fields["selector"]) {
        case (let boards?, nil, nil):
            return .boards(try integer(boards, "\(path).boards", within: 1...FleetLimits.boards))
        case (nil, let percent?, nil):
            let value = try number(percent, "\(path).percent", within: 0...100)
            guard value > 0 else { throw refusal(percent, "\(path).percent", "must be greater than 0") }
            return .percent(value)
        case (nil, nil, let selector?): return .selector(try labels(selector, "\(path).selector"))
        default: throw refusal(node, path, "needs one of boards, percent and selector")
        }
    }

    private func gates(_ node: Node, _ field: String) throws(PolicyRefusal) -> RolloutGates {
        let fields = try mapping(
            node, field, required: [],
            optional: [
                "pastSeconds", "leastFrames", "accuracyDrop", "attainmentDrop", "p50Ratio", "p99Ratio",
                "restartsPerBoard",
            ])
        var gates = RolloutGates(
            accuracyDrop: try optionalNumber(fields["accuracyDrop"], "\(field).accuracyDrop", within: 0...1),
            attainmentDrop: try optionalNumber(fields["attainmentDrop"], "\(field).attainmentDrop", within: 0...1),
            p50Ratio: try optionalNumber(fields["p50Ratio"], "\(field).p50Ratio", within: Self.ratioRange),
            p99Ratio: try optionalNumber(fields["p99Ratio"], "\(field).p99Ratio", within: Self.ratioRange),
            restartsPerBoard: try optionalNumber(
                fields["restartsPerBoard"], "\(field).restartsPerBoard", within: 0...1_000))
        if let node = fields["pastSeconds"] {
            gates.pastSeconds = try integer(node, "\(field).pastSeconds", within: 1...86_400)
        }
        if let node = fields["leastFrames"] {
            gates.leastFrames = try integer(node, "\(field).leastFrames", within: 1...1_000_000_000)
        }
        guard !gates.isEmpty else { throw refusal(node, field, "has no gate") }
        return gates
    }

    /// Above 0, at most 1.
    private func share(_ node: Node?, _ field: String) throws(PolicyRefusal) -> Double? {
        guard let node else { return nil }
        let value = try number(node, field, within: 0...1)
        guard value > 0 else { throw refusal(node, field, "must be greater than 0") }
        return value
    }

    private func flag(_ node: Node, _ field: String) throws(PolicyRefusal) -> Bool {
        try refuseTag(node, field, unless: .str)
        guard case .scalar(let scalar) = node, scalar.style == .plain, ["true", "false"].contains(scalar.string) else {
            throw refusal(node, field, "must be true or false")
        }
        return scalar.string == "true"
    }
}
