/// What `apply` should tell a person about a policy in view of the fleet as it is.
public struct PolicyFinding: Equatable, Codable, Sendable, CustomStringConvertible {
    public enum Severity: String, Codable, Sendable {
        /// Applied as asked; it may have no effect yet.
        case warning
        /// Not applied: almost certainly a mistake.
        case refusal
    }

    public var severity: Severity
    /// The model it is about; `nil` when it is about the policy as a whole.
    public var model: String?
    /// The field of the policy that it is about, as in `spec.models[0].model`.
    public var field: String
    public var reason: String

    public init(severity: Severity, model: String?, field: String, reason: String) {
        self.severity = severity
        self.model = model
        self.field = field
        self.reason = reason
    }

    /// As a refusal of the policy's file.
    public func refusal(of policy: String, in text: String, file: String) -> PolicyRefusal {
        PolicyRefusal(
            file: file, line: PolicyFile.line(of: field, policy: policy, in: text) ?? 1, field: field, reason: reason)
    }

    public var description: String { reason }
}

public enum PolicyCheck {
    /// Findings about a policy, the policy's own first, then by model in the policy's order.
    ///
    /// With boards there, a policy that selects none of them is refused, and so is a model that none of those selected
    /// carries: almost certainly a mistyped label or name. Before the first board enrols that is only warned about,
    /// because policies may be written ahead of the boards; the coordinator looks again when they have come. `others`
    /// are the policies already in force; one that rules a model first is warned about. `packages` are models whose
    /// packages the coordinator gives to boards.
    public static func findings(
        for policy: Policy, boards: [BoardDescription], others: [Policy] = [], packages: [String] = []
    ) -> [PolicyFinding] {
        guard !boards.isEmpty else { return findings(aheadOfBoards: policy, others, packages) }
        let selected = boards.filter { policy.selects($0) }
        var findings: [PolicyFinding] = []
        if selected.isEmpty {
            let selector = policy.selector.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            findings.append(
                finding(
                    .refusal, nil, "spec.selector",
                    "policy \(policy.name): no board carries \(selector.joined(separator: ", "))"))
        }
        findings += PolicyReserveCheck.findings(for: policy, on: selected)
        findings += PolicyDemandCheck.findings(forReserveOf: policy, on: selected, others: others)
        let known = Set(boards.flatMap(\.models).map(\.name.rawValue)).sorted()
        for (index, model) in policy.models.map(\.model).enumerated() {
            let field = "spec.models[\(index)].model"
            if !known.contains(model) {
                let list = known.isEmpty ? "none" : known.joined(separator: ", ")
                findings.append(
                    finding(
                        .refusal, model, field, "model \(model): no board has it deployed (deployed: \(list))"))
            } else if !selected.isEmpty, !selected.contains(where: { $0.carries(model) }) {
                findings.append(
                    finding(.refusal, model, field, "model \(model): no board that the policy selects has it deployed"))
            } else if let rulers = ruling(model, before: policy, on: selected, others: others) {
                findings.append(
                    finding(.warning, model, field, "model \(model): \(rulers) on every selected board, \(why)"))
            }
        }
        return findings + PolicyDemandCheck.findings(for: policy, on: selected)
    }

    /// What can be told of a policy without any board.
    private static func findings(
        aheadOfBoards policy: Policy, _ others: [Policy], _ packages: [String]
    ) -> [PolicyFinding] {
        var findings = [finding(.warning, nil, "spec.selector", "policy \(policy.name): no board is enrolled yet")]
        for (index, model) in policy.models.map(\.model).enumerated() {
            let field = "spec.models[\(index)].model"
            let ruler = others.sorted { $0.name < $1.name }.first { other in
                other.name < policy.name && other.isInForce(whenever: policy) && other.selectsAll(of: policy)
                    && other.models.contains { $0.model == model }
            }
            if let ruler {
                findings.append(
                    finding(
                        .warning, model, field,
                        "model \(model): policy \(ruler.name) rules it on every board, \(why)"))
            } else if !packages.isEmpty, !packages.contains(model) {
                let list = packages.sorted().joined(separator: ", ")
                findings.append(
                    finding(
                        .warning, model, field,
                        "model \(model): no package of it is deployed (deployed: \(list)); boards may bring it"))
            }
        }
        return findings
    }

    /// Why another policy rules a model, in the sentence: `PolicySelection`.
    private static let why = "because of policies that select a board the first by name rules the model"

    /// The policies that rule the model instead, at all times and on every selected board that carries it.
    private static func ruling(
        _ model: String, before policy: Policy, on boards: [BoardDescription], others: [Policy]
    ) -> String? {
        let policies = others.filter { $0.name != policy.name && $0.isInForce(whenever: policy) } + [policy]
        let rulers = boards.filter { $0.carries(model) }.compactMap { board in
            PolicySelection.rules(for: board, policies: policies).first { $0.model.model == model }?.policy
        }
        let names = Set(rulers).sorted()
        guard !names.isEmpty, !names.contains(policy.name) else { return nil }
        return names.count == 1
            ? "policy \(names[0]) rules it" : "policies \(names.joined(separator: ", ")) rule it between them"
    }

    private static func finding(
        _ severity: PolicyFinding.Severity, _ model: String?, _ field: String, _ reason: String
    ) -> PolicyFinding {
        PolicyFinding(severity: severity, model: model, field: field, reason: reason)
    }
}

extension BoardDescription {
    fileprivate func carries(_ model: String) -> Bool { models.contains { $0.name.rawValue == model } }
}
