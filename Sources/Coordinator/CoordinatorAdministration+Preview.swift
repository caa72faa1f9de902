import AdminAPI
import CoordinatorCore
import FleetModel
import FleetStore

/// A policy that can be read and that nothing speaks against, beside the fleet as it was then.
struct PolicyDraft {
    let policy: Policy
    let states: [BoardState]
    /// Whether what is applied under its name has the same text, so that there is nothing to do.
    let isUnchanged: Bool
    /// That it would become.
    let nextVersion: UInt64
    let warnings: [String]

    var selected: [BoardState] { states.filter { policy.selects($0.board) } }
}

extension CoordinatorAdministration {
    /// - Throws: `AdminFailure` for a text that is no policy, or one that is almost certainly a mistake.
    func draft(_ text: String, file: String) async throws -> PolicyDraft {
        let policy: Policy
        do { policy = try PolicyFile.parse(text, file: file) } catch {
            throw AdminFailure(.invalid, error.description)
        }
        let states = await actor.states
        let others = try await store.policies()
        let findings = PolicyCheck.findings(
            for: policy, boards: states.map(\.board), others: others.map(\.policy), packages: await packages())
        let refusals = findings.filter { $0.severity == .refusal }
        guard refusals.isEmpty else {
            let sentences = refusals.map { $0.refusal(of: policy.name, in: text, file: file).description }
            throw AdminFailure(.invalid, sentences.joined(separator: "; "))
        }
        let current = others.first { $0.policy.name == policy.name }
        let isUnchanged = current?.text == text
        return PolicyDraft(
            policy: policy, states: states, isUnchanged: isUnchanged,
            nextVersion: (current?.version ?? 0) + (isUnchanged ? 0 : 1), warnings: findings.map(\.reason))
    }

    /// Worked out on a copy of the state, so that no board waits for it.
    func preview(_ request: PolicyPreviewRequest) async throws -> PolicyPreview {
        let draft = try await self.draft(request.text, file: request.file)
        let machine = await actor.machine
        let changes = machine.preview(of: draft.policy)
        return PolicyPreview(
            policy: draft.policy.name, version: Int(draft.nextVersion),
            isInForceNow: machine.isInForce(draft.policy), boards: draft.selected.count, changedBoards: changes.count,
            changes: changes.prefix(PolicyPreview.boardLimit).map(Self.view), warnings: draft.warnings,
            refusal: try await refusalNow(of: draft.policy.name))
    }

    private func refusalNow(of policy: String) async throws -> String? {
        do {
            try await stored { try await self.actor.refuseApplying(policy) }
            return nil
        } catch let failure as AdminFailure { return failure.message }
    }

    /// A dry run is worked out on a copy of the state; both tell what changes by the state before.
    func withdraw(policy name: String, dryRun: Bool, by actor: String) async throws -> PolicyWithdrawal {
        let machine = await self.actor.machine
        let changes = machine.preview(withoutPolicy: name)
        let found =
            try await dryRun
            ? stored {
                try await self.actor.refuseDuringRollout(of: name)
                return try await store.policies().first { $0.policy.name == name }
            }
            : stored { try await self.actor.withdraw(name, by: actor) }
        guard let found else { throw AdminFailure(.notFound, "no policy is named \(name.prefix(64))") }
        return PolicyWithdrawal(
            policy: name, version: Int(found.version), dryRun: dryRun,
            boards: machine.states.filter { found.policy.selects($0.board) }.map(\.board.id.rawValue),
            changedBoards: changes.count, changes: changes.prefix(PolicyPreview.boardLimit).map(Self.view))
    }

    private static func view(_ preview: AssignmentPreview) -> PolicyPreview.Change {
        let names = Set(preview.before.map(\.model)).union(preview.after.map(\.model)).sorted()
        return PolicyPreview.Change(
            board: preview.board.rawValue,
            models: names.compactMap { name in
                let before = preview.before.first { $0.model == name }
                let after = preview.after.first { $0.model == name }
                guard before != after else { return nil }
                return .init(
                    model: name, before: before.map { AssignmentView.Model($0) },
                    after: after.map { AssignmentView.Model($0) })
            }, infeasible: preview.infeasible)
    }
}
