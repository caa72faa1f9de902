import FleetModel
import HTTPTypes

extension AdminServer {
    /// Approval takes an administrator: it is a second pair of eyes.
    static func rolloutRoutes(_ rollouts: any RolloutAdministration) -> [AdminRoute] {
        let help: [RolloutVerb: String] = [
            .approve: "Lets a rollout that waits for approval begin.",
            .pause: "Keeps a rollout where it is.",
            .resume: "Goes on; a group that could not be judged passes by that.",
            .abort: "Ends a rollout and returns all boards that it touched.",
        ]
        return [
            AdminRoute(
                .get, "/v1/rollouts", .viewer, "Rollouts in the order of their making.", answer: .list("Rollout")
            ) { _ in Answer(try await rollouts.rollouts()) },
            AdminRoute(
                .post, "/v1/rollouts", .operator, "Begins a rollout, or says what its groups would be.",
                body: "RolloutRequest", answer: .one("Rollout")
            ) { Answer(try await rollouts.create(try await $0.body(RolloutRequest.self), by: $0.caller.name)) },
        ]
            + RolloutVerb.allCases.map { verb in
                AdminRoute(
                    .post, "/v1/rollouts/{name}/\(verb.rawValue)", verb == .approve ? .admin : .operator,
                    help[verb] ?? verb.rawValue, body: "RolloutChange", answer: .one("Rollout")
                ) { call in
                    Answer(
                        try await rollouts.change(
                            rollout: try call.name(), verb, try await call.body(RolloutChange.self),
                            by: call.caller.name))
                }
            }
    }
}

extension Schema {
    static var rollouts: [String: Schema] {
        [
            "RolloutRequest": .object(
                ["file": .string, "text": .string, "dryRun": .boolean],
                optional: [
                    "policyFile": .string, "policyText": .string, "artefact": .reference("RolloutArtefact"),
                ]),
            "RolloutArtefact": .object(["kind": .string, "name": .string, "version": .integer]),
            "RolloutChange": .object([:], optional: ["reason": .string, "dryRun": .boolean]),
            "Rollout": .object(
                [
                    "name": .string, "policy": .string, "status": .string, "reason": .string,
                    "groups": .array(.reference("RolloutGroup")), "policyText": .string, "createdBy": .string,
                    "createdAtMilliseconds": .integer,
                ],
                optional: [
                    "currentGroup": .integer, "rules": .reference("RolloutRules"),
                    "artefact": .reference("RolloutArtefact"), "dryRun": .boolean,
                ]),
            "RolloutRules": .object([
                "successThreshold": .number, "errorThreshold": .number, "needsApproval": .boolean,
                "soakSeconds": .integer, "waitSeconds": .integer, "gates": .reference("RolloutGates"),
            ]),
            "RolloutGates": .object(
                ["pastSeconds": .integer, "leastFrames": .integer],
                optional: [
                    "accuracyDrop": .number, "attainmentDrop": .number, "p50Ratio": .number, "p99Ratio": .number,
                    "restartsPerBoard": .number,
                ]),
            "RolloutGroup": .object([
                "number": .integer, "phase": .string, "elapsedMilliseconds": .integer, "soakedMilliseconds": .integer,
                "boards": .array(
                    .object(["board": .string, "state": .string], optional: ["reason": .string])),
                "findings": .array(
                    .object(
                        [
                            "gate": .string, "past": .number, "present": .number, "limit": .number,
                            "isViolated": .boolean,
                        ], optional: ["model": .string])), "missing": .array(.string),
            ]),
        ]
    }
}
