public import FleetModel

/// A policy that nobody applies yet.
public struct PolicyPreviewRequest: Codable, Equatable, Sendable {
    /// Name of the file, for messages.
    public var file: String
    /// The policy (YAML).
    public var text: String

    public init(file: String, text: String) { (self.file, self.text) = (file, text) }
}

/// What a policy would change, board by board, were it applied now.
public struct PolicyPreview: Codable, Equatable, Sendable {
    /// Boards of one answer.
    public static let boardLimit = 1_000

    public struct Change: Codable, Equatable, Sendable {
        public struct Model: Codable, Equatable, Sendable {
            public var model: String
            /// `nil` where no policy rules the model.
            public var before: AssignmentView.Model?
            public var after: AssignmentView.Model?

            public init(model: String, before: AssignmentView.Model?, after: AssignmentView.Model?) {
                (self.model, self.before, self.after) = (model, before, after)
            }
        }

        public var board: String
        /// Those that would be told something else, by name.
        public var models: [Model]
        /// What could not be met any more.
        public var infeasible: [String]

        public init(board: String, models: [Model], infeasible: [String]) {
            (self.board, self.models, self.infeasible) = (board, models, infeasible)
        }
    }

    public var policy: String
    /// That it would become.
    public var version: Int
    /// `false` where it is outside its windows; what would change is told as within them.
    public var isInForceNow: Bool
    /// How many it selects.
    public var boards: Int
    /// How many would be told something else.
    public var changedBoards: Int
    /// Of these the first by name.
    public var changes: [Change]
    public var warnings: [String]
    /// Why applying would be refused now, though nothing is wrong with the text; `nil` where it would not.
    public var refusal: String?

    public init(
        policy: String, version: Int, isInForceNow: Bool, boards: Int, changedBoards: Int, changes: [Change],
        warnings: [String], refusal: String?
    ) {
        (self.policy, self.version, self.isInForceNow) = (policy, version, isInForceNow)
        (self.boards, self.changedBoards) = (boards, changedBoards)
        (self.changes, self.warnings, self.refusal) = (changes, warnings, refusal)
    }
}

extension AssignmentView.Model {
    /// - Parameters:
    ///   - rule: of the policy that rules the model; `nil` where it is not known.
    ///   - points: the board's table of the model, from fastest to most accurate; empty where it is not known.
    public init(_ assignment: ModelAssignment, rule: PolicySelection.Rule? = nil, points: [OperatingPoint] = []) {
        let preferred = assignment.preferredPoint
        self.init(
            model: assignment.model, constraintMilliseconds: assignment.latency.milliseconds,
            percentile: assignment.latency.percentile, lowestPoint: assignment.lowestPoint,
            highestPoint: assignment.highestPoint, preferredPoint: assignment.preferredPoint,
            priority: assignment.priority, switchesPerMinute: assignment.switchesPerMinute,
            cpuShare: assignment.cpuShare, policy: rule?.policy, accuracyFloor: rule?.model.accuracyFloor,
            preferred: points.indices.contains(preferred) ? PointView(points[preferred]) : nil)
    }
}

extension Schema {
    static var previews: [String: Schema] {
        [
            "PolicyPreviewRequest": .object(["file": .string, "text": .string]),
            "PolicyPreview": .object(
                [
                    "policy": .string, "version": .integer, "isInForceNow": .boolean, "boards": .integer,
                    "changedBoards": .integer, "changes": .array(.reference("PolicyChange")),
                    "warnings": .array(.string),
                ], optional: ["refusal": .string]),
            "PolicyChange": .object([
                "board": .string, "infeasible": .array(.string),
                "models": .array(
                    .object(
                        ["model": .string],
                        optional: ["before": .reference("ModelAssignment"), "after": .reference("ModelAssignment")])),
            ]),
        ]
    }
}
