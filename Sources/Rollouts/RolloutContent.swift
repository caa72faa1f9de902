public import FleetModel

/// What a rollout brings to boards.
public enum RolloutContent: Equatable, Sendable {
    /// - Parameter text: as it was written.
    case policy(Policy, text: String)
    case artefact(ArtefactVersion)

    /// In short, for people and the audit log.
    public var description: String {
        switch self {
        case .policy(let policy, _): "policy \(policy.name)"
        case .artefact(let artefact): "artefact \(artefact)"
        }
    }

    /// Whether both change the same thing, so that one has to wait for the other.
    public func isOfSame(_ other: RolloutContent) -> Bool {
        switch (self, other) {
        case (.policy(let one, _), .policy(let another, _)): one.name == another.name
        case (.artefact(let one), .artefact(let another)): one.isOfSame(another)
        default: false
        }
    }
}
