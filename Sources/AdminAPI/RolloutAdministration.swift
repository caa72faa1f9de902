public import FleetModel

/// The port for rollouts behind the HTTP interface.
public protocol RolloutAdministration: Sendable {
    /// In the order of their making.
    func rollouts() async throws -> [RolloutView]
    /// - Returns: the rollout as it is then, or as it would be.
    func create(_ request: RolloutRequest, by actor: String) async throws -> RolloutView
    func change(rollout: String, _ verb: RolloutVerb, _ change: RolloutChange, by actor: String) async throws
        -> RolloutView
}

/// What people do with a rollout, as paths and the command line name it.
public enum RolloutVerb: String, Sendable, CaseIterable {
    case approve, pause, resume, abort
}

/// A version of an artefact that is rolled out.
public struct RolloutArtefact: Codable, Equatable, Sendable {
    public var kind: String
    /// Of the model.
    public var name: String
    public var version: UInt64

    public init(kind: String, name: String, version: UInt64) {
        (self.kind, self.name, self.version) = (kind, name, version)
    }

    /// As people write it, such as `hook-version/classifier`; `nil` where it is not written so.
    public init?(_ text: String, version: UInt64) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else { return nil }
        self.init(kind: parts[0], name: parts[1], version: version)
    }
}

/// Of a policy or of an artefact.
public struct RolloutRequest: Codable, Equatable, Sendable {
    /// Names the texts in refusals.
    public var file: String
    /// The rollout (YAML).
    public var text: String
    public var policyFile: String?
    /// The policy that is rolled out (YAML).
    public var policyText: String?
    /// Instead: what is in the coordinator's library.
    public var artefact: RolloutArtefact?
    public var dryRun: Bool

    public init(
        file: String, text: String, policyFile: String? = nil, policyText: String? = nil,
        artefact: RolloutArtefact? = nil, dryRun: Bool
    ) {
        self.artefact = artefact
        self.file = file
        self.text = text
        self.policyFile = policyFile
        self.policyText = policyText
        self.dryRun = dryRun
    }
}

public struct RolloutChange: Codable, Equatable, Sendable {
    /// For the audit log and those who wonder later.
    public var reason: String?
    /// Whether it is only told what would be.
    public var dryRun: Bool?

    public init(reason: String? = nil, dryRun: Bool? = nil) { (self.reason, self.dryRun) = (reason, dryRun) }
}

/// A rollout as people see it.
public struct RolloutView: Codable, Equatable, Sendable {
    public struct Board: Codable, Equatable, Sendable {
        public var board: String
        public var state: String
        /// Why it failed.
        public var reason: String?

        public init(board: String, state: String, reason: String?) {
            (self.board, self.state, self.reason) = (board, state, reason)
        }
    }

    /// A gate that was judged.
    public struct Finding: Codable, Equatable, Sendable {
        public var gate: String
        /// `nil` where it is about boards.
        public var model: String?
        public var past: Double
        public var present: Double
        public var limit: Double
        public var isViolated: Bool

        public init(gate: String, model: String?, past: Double, present: Double, limit: Double, isViolated: Bool) {
            (self.gate, self.model, self.past) = (gate, model, past)
            (self.present, self.limit, self.isViolated) = (present, limit, isViolated)
        }
    }

    public struct Group: Codable, Equatable, Sendable {
        /// From 1.
        public var number: Int
        public var phase: String
        public var elapsedMilliseconds: UInt64
        public var soakedMilliseconds: UInt64
        public var boards: [Board]
        public var findings: [Finding]
        /// Why some gate cannot be judged yet.
        public var missing: [String]

        public init(
            number: Int, phase: String, elapsedMilliseconds: UInt64, soakedMilliseconds: UInt64, boards: [Board],
            findings: [Finding], missing: [String]
        ) {
            (self.number, self.phase, self.boards) = (number, phase, boards)
            (self.elapsedMilliseconds, self.soakedMilliseconds) = (elapsedMilliseconds, soakedMilliseconds)
            (self.findings, self.missing) = (findings, missing)
        }
    }

    /// When it goes on, waits or is taken back.
    public struct Rules: Codable, Equatable, Sendable {
        /// Share of a group's boards that must have the new version before the next group, 0...1.
        public var successThreshold: Double
        /// Share of a group's boards whose failure returns all, 0...1.
        public var errorThreshold: Double
        public var needsApproval: Bool
        public var soakSeconds: Int
        public var waitSeconds: Int
        public var gates: RolloutGates

        public init(_ plan: RolloutPlan) {
            (successThreshold, errorThreshold) = (plan.successThreshold, plan.errorThreshold)
            (needsApproval, soakSeconds) = (plan.needsApproval, plan.soakSeconds)
            (waitSeconds, gates) = (plan.waitSeconds, plan.gates)
        }
    }

    public var name: String
    /// Empty where it brings an artefact.
    public var policy: String
    public var status: String
    /// Why it waits or was returned; empty where there is nothing to say.
    public var reason: String
    /// In work, from 1; `nil` when all have passed.
    public var currentGroup: Int?
    public var groups: [Group]
    public var policyText: String
    public var createdBy: String
    public var createdAtMilliseconds: UInt64
    /// `nil` from coordinators that do not tell.
    public var rules: Rules?
    /// `nil` where it brings a policy.
    public var artefact: RolloutArtefact?
    /// `true` where this would be and nothing has changed; `nil` otherwise.
    public var dryRun: Bool?

    /// What it brings, for people.
    public var subject: String {
        artefact.map { "\($0.kind)/\($0.name) version \($0.version)" } ?? "policy \(policy)"
    }

    public init(
        name: String, policy: String, status: String, reason: String, currentGroup: Int?, groups: [Group],
        policyText: String, createdBy: String, createdAtMilliseconds: UInt64, rules: Rules? = nil,
        artefact: RolloutArtefact? = nil, dryRun: Bool? = nil
    ) {
        self.artefact = artefact
        self.rules = rules
        self.dryRun = dryRun
        (self.name, self.policy, self.status, self.reason) = (name, policy, status, reason)
        (self.currentGroup, self.groups, self.policyText) = (currentGroup, groups, policyText)
        (self.createdBy, self.createdAtMilliseconds) = (createdBy, createdAtMilliseconds)
    }
}
