import AdminAPI
import AuditLog
import FleetModel
import FleetStore
import Rollouts

/// Answers people's questions about rollouts, and does what they ask of them.
struct RolloutDesk: RolloutAdministration {
    let actor: CoordinatorActor

    func rollouts() async throws -> [RolloutView] { await actor.rolloutsInOrder.map(Self.view) }

    func create(_ request: RolloutRequest, by actor: String) async throws -> RolloutView {
        let plan: RolloutPlan
        do { plan = try RolloutFile.parse(request.text, file: request.file) } catch {
            throw AdminFailure(.invalid, error.description)
        }
        let content = try await content(of: request)
        return try await stored {
            var view = Self.view(
                try await self.actor.createRollout(plan, content, dryRun: request.dryRun, by: actor))
            if request.dryRun { view.dryRun = true }
            return view
        }
    }

    private func content(of request: RolloutRequest) async throws -> RolloutContent {
        switch (request.policyText, request.artefact) {
        case (let text?, nil): return try await policy(text, file: request.policyFile ?? "policy")
        case (nil, let artefact?):
            guard let name = ModelName(artefact.name) else {
                throw AdminFailure(.invalid, "artefact: \(artefact.name.prefix(64)) is not the name of a model")
            }
            return .artefact(ArtefactVersion(kind: artefact.kind, name: name, version: artefact.version))
        default: throw AdminFailure(.invalid, "give either policyText or artefact")
        }
    }

    private func policy(_ text: String, file: String) async throws -> RolloutContent {
        let policy: Policy
        do { policy = try PolicyFile.parse(text, file: file) } catch {
            throw AdminFailure(.invalid, error.description)
        }
        let others = await actor.policies.filter { $0.name != policy.name }
        let findings = PolicyCheck.findings(for: policy, boards: await actor.states.map(\.board), others: others)
        let refusals = findings.filter { $0.severity == .refusal }.map {
            $0.refusal(of: policy.name, in: text, file: file).description
        }
        guard refusals.isEmpty else { throw AdminFailure(.invalid, refusals.joined(separator: "; ")) }
        return .policy(policy, text: text)
    }

    func change(
        rollout name: String, _ verb: RolloutVerb, _ change: RolloutChange, by actor: String
    ) async throws -> RolloutView {
        let why = (change.reason ?? "").cut(toBytes: FleetLimits.textBytes / 2)
        let text = "by \(actor)\(why.isEmpty ? "" : ": \(why)")"
        let dryRun = change.dryRun ?? false
        let changed: Rollout? = try await stored {
            switch verb {
            case .approve:
                try await self.actor.changeRollout(name, .rolloutApproved, dryRun: dryRun, by: actor) {
                    rollout throws(RolloutRefusal) in try rollout.approved()
                }
            case .pause:
                try await self.actor.changeRollout(name, .rolloutPaused, dryRun: dryRun, by: actor) {
                    rollout throws(RolloutRefusal) in try rollout.paused(text)
                }
            case .resume:
                try await self.actor.changeRollout(name, .rolloutResumed, dryRun: dryRun, by: actor) {
                    rollout throws(RolloutRefusal) in try rollout.resumed()
                }
            case .abort:
                try await self.actor.changeRollout(name, .rolloutAborted, dryRun: dryRun, by: actor) {
                    rollout throws(RolloutRefusal) in try rollout.aborted("aborted \(text)")
                }
            }
        }
        guard let changed else { throw AdminFailure(.notFound, "no rollout is named \(name.prefix(64))") }
        var view = Self.view(changed)
        if dryRun { view.dryRun = true }
        return view
    }

    private func stored<Result>(_ body: () async throws -> Result) async throws -> Result {
        do { return try await body() } catch let failure as FleetStoreFailure {
            throw AdminFailure(.unavailable, failure.description)
        } catch let refusal as RolloutRefusal {
            throw AdminFailure(refusal.isUnknown ? .notFound : .invalid, refusal.description)
        }
    }

    /// Why a group that is due does not begin.
    private static func waiting(_ rollout: Rollout) -> String? {
        guard rollout.status == .running, let group = rollout.currentGroup, rollout.groups[group].phase == .waiting,
            !rollout.plan.isOpen(atMilliseconds: CoordinatorActor.wallClock())
        else { return nil }
        return "group \(group + 1) waits for its time window"
    }

    private static func view(_ rollout: Rollout) -> RolloutView {
        let members = Dictionary(grouping: rollout.boards.sorted { $0.key < $1.key }, by: \.value.group)
        return RolloutView(
            name: rollout.plan.name, policy: rollout.policy?.name ?? "", status: rollout.status.rawValue,
            reason: waiting(rollout) ?? rollout.reason, currentGroup: rollout.currentGroup.map { $0 + 1 },
            groups: rollout.groups.enumerated().map { index, group in
                RolloutView.Group(
                    number: index + 1, phase: group.phase.rawValue, elapsedMilliseconds: group.elapsedMilliseconds,
                    soakedMilliseconds: group.soakedMilliseconds,
                    boards: (members[index] ?? []).map { id, board in
                        .init(
                            board: id.rawValue, state: board.state.rawValue,
                            reason: board.reason.isEmpty ? nil : board.reason)
                    },
                    findings: group.verdict.findings.map {
                        .init(
                            gate: $0.gate.rawValue, model: $0.model, past: $0.past, present: $0.present,
                            limit: $0.limit, isViolated: $0.isViolated)
                    }, missing: group.verdict.missing)
            }, policyText: rollout.policyText, createdBy: rollout.createdBy,
            createdAtMilliseconds: rollout.createdAtMilliseconds, rules: RolloutView.Rules(rollout.plan),
            artefact: rollout.artefact.map {
                RolloutArtefact(kind: $0.kind, name: $0.name.rawValue, version: $0.version)
            })
    }
}
