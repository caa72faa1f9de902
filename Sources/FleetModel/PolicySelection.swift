/// Which policy rules which model on a board.
///
/// Policies are looked at in the order of their names; the first that selects the board *and* names the model
/// rules it, whatever later policies say. Order of application plays no part, so the same set of policies always
/// gives the same result, and a name such as `00-emergency` overrides the rest on purpose.
public enum PolicySelection {
    public struct Rule: Equatable, Sendable {
        public var policy: String
        public var model: ModelPolicy

        public init(policy: String, model: ModelPolicy) {
            self.policy = policy
            self.model = model
        }
    }

    /// The rule of each of the board's models that has one, in the order of model names.
    public static func rules(for board: BoardDescription, policies: [Policy]) -> [Rule] {
        let applicable = policies.filter { $0.selects(board) }.sorted { $0.name < $1.name }
        return board.models.map(\.name.rawValue).sorted().compactMap { name in
            for policy in applicable {
                if let model = policy.models.first(where: { $0.model == name }) {
                    return Rule(policy: policy.name, model: model)
                }
            }
            return nil
        }
    }
}
