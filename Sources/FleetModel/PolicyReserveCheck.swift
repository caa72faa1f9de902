/// What a policy's reserve leaves of the boards that it selects.
enum PolicyReserveCheck {
    private struct Resource {
        let field: String
        let reserved: Double
        /// Of the boards that say how much of it they have.
        let boards: [(name: String, amount: Double)]
        let text: (Double) -> String
    }

    /// A reserve that leaves the models none on every board that the policy selects is refused, as one of all CPU time
    /// is; one that does so on some of them, or that nobody can keep because no board says what it has, is warned
    /// about.
    static func findings(for policy: Policy, on selected: [BoardDescription]) -> [PolicyFinding] {
        guard let reserve = policy.reserve, !selected.isEmpty else { return [] }
        // Without memory a board has not said how much it has.
        let memory = selected.filter { $0.memoryBytes > 0 }.map { board in
            (name: board.id.rawValue, amount: Double(board.memoryBytes))
        }
        let power = selected.compactMap { board in board.watts.map { (name: board.id.rawValue, amount: $0) } }
        var findings = [
            Resource(field: "memoryBytes", reserved: Double(reserve.memoryBytes), boards: memory) {
                "\(Figure.shown($0)) bytes of memory"
            },
            Resource(field: "watts", reserved: reserve.watts, boards: power) { "\(Figure.shown($0, places: 3)) W" },
        ].compactMap { finding($0, policy, of: selected.count) }
        if reserve.watts > 0, power.isEmpty {
            findings.append(
                PolicyFinding(
                    severity: .warning, model: nil, field: "spec.reserve.watts",
                    reason: "policy \(policy.name): no board that it selects says what power it has (watts), so that "
                        + "none is reserved"))
        }
        return findings
    }

    private static func finding(_ resource: Resource, _ policy: Policy, of count: Int) -> PolicyFinding? {
        let short = resource.boards.filter { resource.reserved >= $0.amount }.sorted { $0.name < $1.name }
        guard resource.reserved > 0, let first = short.first else { return nil }
        let isEverywhere = short.count == count
        let most = short.map(\.amount).max() ?? first.amount
        let has =
            isEverywhere
            ? "no board that it selects has more than \(resource.text(most))"
            : "\(short.count) of the \(count) boards that it selects have no more, \(first.name) with "
                + "\(resource.text(first.amount)) first"
        return PolicyFinding(
            severity: isEverywhere ? .refusal : .warning, model: nil, field: "spec.reserve.\(resource.field)",
            reason: "policy \(policy.name): it reserves \(resource.text(resource.reserved)), which leaves the models "
                + "none: \(has)")
    }
}
