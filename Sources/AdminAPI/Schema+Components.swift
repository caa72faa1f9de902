import AuditLog
import FleetModel

/// What requests and answers look like. A field that is not here, or is missing though required, fails the test that
/// holds real answers against this.
extension Schema {
    static let components: [String: Schema] =
        fleet.merging(models) { first, _ in first }.merging(searches) { first, _ in first }
        .merging(access) { first, _ in first }.merging(hooks) { first, _ in first }
        .merging(rollouts) { first, _ in first }.merging(previews) { first, _ in first }
        .merging(artefacts) { first, _ in first }.merging(withdrawals) { first, _ in first }
        .merging(hours) { first, _ in first }.merging(boardCare) { first, _ in first }

    private static func list(_ name: String) -> Schema { .array(.reference(name)) }
    private static var integers: Schema { .array(.integer) }
    private static var strings: Schema { .array(.string) }

    private static var fleet: [String: Schema] {
        [
            "Failure": .object([
                "kind": .choice(AdminFailure.Kind.allCases.map(\.rawValue)), "message": .string,
            ]),
            "Status": .object(
                [
                    "version": .string, "startedAtMilliseconds": .integer, "fleetEndpoint": .string,
                    "enrolmentEndpoint": .string, "boardsEnrolled": .integer, "boardsConnected": .integer,
                    "telemetryRecords": .integer, "droppedFrames": .map(.integer),
                ], optional: ["metricsURL": .string, "atMilliseconds": .integer, "fronts": list("Front")]),
            "Front": .object([
                "fleetEndpoint": .string, "enrolmentEndpoint": .string, "boards": .integer,
                "framesReceived": .integer, "framesSent": .integer, "droppedFrames": .map(.integer),
            ]),
            "Board": .object(
                [
                    "name": .string, "boardClass": .string, "status": .choice(BoardStatus.allCases.map(\.rawValue)),
                    "labels": .map(.string), "cores": .number, "memoryBytes": .integer, "engineVersion": .string,
                    "lastSeenMilliseconds": .integer, "incarnation": .integer, "desiredGeneration": .integer,
                    "reportedGeneration": .integer, "telemetryRecords": .integer, "telemetryGaps": .integer,
                    "infeasible": strings, "refusedRecords": .integer, "models": list("BoardModel"),
                ],
                optional: [
                    "interference": .map(.map(.number)), "watts": .number, "shares": .reference("Shares"),
                    "clockShare": .number, "isDrained": .boolean, "keySinceMilliseconds": .integer,
                    "keyChange": .object(["hasNextKey": .boolean, "untilMilliseconds": .integer]),
                    "quarantine": .object(["reason": .string, "sinceMilliseconds": .integer]),
                ]),
            "Shares": .object([
                "means": .choice(ShareTelemetry.Means.allCases.map(\.rawValue)), "detail": .string, "reason": .string,
            ]),
            "BoardModel": .object(["name": .string, "framesPerSecond": .number, "points": list("Point")]),
            "Point": .object(
                ["subnet": .string, "accuracy": .number, "latencyMilliseconds": .number, "flops": .integer],
                optional: ["precision": .string, "threads": .integer, "hookBudget": .number]),
            "Policy": .object(["name": .string, "version": .integer, "text": .string, "boards": strings]),
            "Assignment": .object(
                [
                    "board": .string, "generation": .integer, "reportedGeneration": .integer,
                    "models": list("ModelAssignment"),
                ], optional: ["infeasible": strings]),
            "ModelAssignment": .object(
                [
                    "model": .string, "constraintMilliseconds": .number, "percentile": .number,
                    "lowestPoint": .integer, "highestPoint": .integer, "preferredPoint": .integer,
                    "priority": .integer,
                ],
                optional: [
                    "switchesPerMinute": .number, "cpuShare": .number, "policy": .string, "accuracyFloor": .number,
                    "preferred": .reference("Point"),
                ]),
            "Event": .object(
                [
                    "kind": .choice(FleetEvent.Kind.allCases.map(\.rawValue)), "message": .string,
                    "atMilliseconds": .integer,
                ], optional: ["board": .string]),
            "FleetSnapshot": .object([
                "atMilliseconds": .integer, "status": .reference("Status"), "boards": list("Board"),
                "models": list("Model"), "events": list("Event"),
            ]),
            "FleetChanges": .object([
                "atMilliseconds": .integer, "status": .reference("Status"), "figures": list("BoardFigures"),
                "boards": list("Board"), "boardsGone": strings, "models": list("Model"),
                "modelsGone": .array(.object(["board": .string, "model": .string])), "events": list("Event"),
            ]),
            "BoardFigures": .object([
                "name": .string, "lastSeenMilliseconds": .integer, "telemetryRecords": .integer,
            ]),
            "ApplyRequest": .object(["file": .string, "text": .string, "dryRun": .boolean]),
            "ApplyResult": .object([
                "policy": .string, "version": .integer, "dryRun": .boolean, "isUnchanged": .boolean, "boards": strings,
                "warnings": strings,
            ]),
            "TokenRequest": .object(
                ["uses": .integer, "validSeconds": .integer], optional: ["labels": .map(.string)]),
            "EnrolmentToken": .object(
                [
                    "token": .string, "enrolmentEndpoint": .string, "fleetEndpoint": .string,
                    "serverPublicKey": .string, "expiresAtMilliseconds": .integer,
                ],
                optional: ["enrolmentEndpoints": strings, "fleetEndpoints": strings, "labels": .map(.string)]),
            "BoardRevocation": .object(["board": .string], optional: ["dryRun": .boolean]),
        ]
    }

    private static var models: [String: Schema] {
        [
            "Model": .object(
                [
                    "board": .string, "model": .string, "pointCount": .integer, "switches": .integer,
                    "frames": .integer, "dropped": .integer,
                ],
                optional: [
                    "activePoint": .integer, "subnet": .string, "constraintMilliseconds": .number,
                    "p50Milliseconds": .number, "p99Milliseconds": .number, "sloAttainment": .number,
                    "accuracy": .number, "expectedAccuracy": .number, "accuracySource": .string,
                    "attainedAccuracy": .number, "hooks": .reference("HookTelemetry"),
                ]),
            "HookTelemetry": .object(
                [
                    "state": .integer,
                    "kinds": .array(
                        .object(["name": .string, "taken": .integer, "possible": .integer])),
                    "samples": .integer, "trainings": .integer, "failedTrainings": .integer,
                    "samplingInterval": .integer, "reason": .string,
                ],
                optional: [
                    "budget": .number, "zeroShare": .number,
                    "zeros": .array(.object(["step": .string, "share": .number])),
                ]),
            "TelemetryWindow": .object(
                [
                    "board": .string, "receivedAtMilliseconds": .integer, "record": .reference("TelemetryRecord"),
                ], optional: ["pointAccuracies": .map(.number)]),
            "TelemetryRecord": .object([
                "incarnation": .integer, "sequence": .integer, "startMilliseconds": .integer,
                "durationMilliseconds": .integer, "generation": .integer, "models": list("ModelTelemetry"),
                "board": .object(
                    ["memoryBytes": .integer, "droppedRecords": .integer],
                    optional: [
                        "cpuLoad": .number, "cpuFrequencyMegahertz": .number, "temperatureCelsius": .number,
                        "shares": .reference("Shares"), "clockShare": .number,
                    ]),
            ]),
            "ModelTelemetry": .object(
                [
                    "model": .string, "frames": .integer, "dropped": .integer, "violations": .integer,
                    "labelled": .integer, "correct": .integer, "switches": .integer, "activePoint": .integer,
                    "p50Milliseconds": .number, "p90Milliseconds": .number, "p99Milliseconds": .number,
                    "constraintMilliseconds": .number,
                ], optional: ["hooks": .reference("HookTelemetry")]),
            "SubnetConfiguration": .object([
                "resolution": .integer, "depths": integers, "kernelSizes": integers, "expandRatios": integers,
            ]),
        ]
    }

    private static var access: [String: Schema] {
        let role = Schema.choice(AccessRole.allCases.map(\.rawValue))
        return [
            "AuditEntry": .object(
                [
                    "number": .integer, "atMilliseconds": .integer, "actor": .string, "action": .string,
                    "target": .string, "hash": .string,
                ], optional: ["before": .string, "after": .string]),
            "AuditMark": .object(["number": .integer, "hash": .string]),
            "AuditVerification": .object(
                [
                    "entries": .integer, "base": .reference("AuditMark"), "newest": .reference("AuditMark"),
                ], optional: ["fault": .object(["number": .integer, "reason": .string])]),
            "AccessToken": .object(
                [
                    "name": .string, "role": role, "createdAtMilliseconds": .integer, "createdBy": .string,
                    "isExpired": .boolean,
                ], optional: ["expiresAtMilliseconds": .integer]),
            "AccessTokenRequest": .object(
                ["name": .string, "role": role], optional: ["validSeconds": .integer]),
            "CreatedAccessToken": .object(
                ["name": .string, "role": role, "token": .string], optional: ["expiresAtMilliseconds": .integer]),
            "AccessTokenRevocation": .object(["name": .string], optional: ["dryRun": .boolean]),
            "Caller": .object(["name": .string, "role": role]),
        ]
    }

    private static var hooks: [String: Schema] {
        [
            "Hooks": .object(
                [
                    "name": .string, "boardClass": .string, "modelSHA256": .string, "hookSHA256": .string,
                    "parameters": .integer, "bytesPerUpdate": .integer, "currentVersion": .integer,
                    "boards": .map(.integer), "waiting": strings,
                    "outliers": .array(.object(["board": .string, "version": .integer, "reason": .string])),
                    "versions": list("HookVersion"), "awaited": .integer, "withstands": .integer,
                ],
                optional: [
                    "candidate": .integer, "dryRun": .boolean,
                    "trial": .object([
                        "version": .integer, "before": .integer, "current": .integer, "groups": .array(strings),
                    ]),
                ]),
            "HookVersion": .object([
                "number": .integer, "parent": .integer, "isTakenBack": .boolean, "atMilliseconds": .integer,
                "samples": .integer, "boards": list("GateShare"), "validators": strings, "lossChange": .number,
                "gates": .array(
                    .object([
                        "samples": .integer, "loss": .number, "constantLoss": .number, "acceptedDamage": .number,
                        "acceptedPrediction": .number,
                    ])),
            ]),
            "GateShare": .object(
                [
                    "board": .string, "samples": .integer, "baseVersion": .integer, "weight": .number,
                    "length": .number, "cosine": .number,
                ], optional: ["exclusion": .string]),
            "HooksRollback": .object(
                ["name": .string], optional: ["version": .integer, "dryRun": .boolean]),
        ]
    }

    private static var searches: [String: Schema] {
        let subnet = Schema.reference("SubnetConfiguration")
        return [
            "Search": .object(["search": .reference("SearchRecord")], optional: ["generation": .integer]),
            "SearchRecord": .object(
                [
                    "job": .reference("SearchJob"), "text": .string, "number": .integer,
                    "state": .choice(SearchRecord.State.allCases.map(\.rawValue)), "points": list("SearchPoint"),
                    "submittedAtMilliseconds": .integer,
                ],
                optional: [
                    "outcome": .reference("SearchOutcome"), "verification": .reference("SearchVerification"),
                    "failure": .string, "startedAtMilliseconds": .integer, "finishedAtMilliseconds": .integer,
                ]),
            "SearchJob": .object(
                [
                    "name": .string, "model": .string, "boardClass": .string, "processor": .string, "space": .string,
                    "accuracyPredictor": .string, "latencyTable": .string, "seed": .integer, "generations": .integer,
                    "constraints": .array(
                        .object(
                            [:],
                            optional: [
                                "latencyMilliseconds": .number, "flops": .number, "memoryBytes": .number,
                            ])),
                ],
                optional: [
                    "accuracyFloor": .number, "verificationTable": .string, "latencyScale": .number,
                    "operatorScales": .map(.number), "tableBoardClass": .string,
                ]),
            "SearchPoint": .object(
                [
                    "constraint": .integer, "configuration": subnet, "predictedAccuracy": .number,
                    "predictedLatencyMilliseconds": .number, "flops": .number, "memoryBytes": .number,
                    "generations": .integer, "evaluated": .integer, "candidates": .array(subnet),
                ],
                optional: [
                    "relaxedTo": .number, "relaxedBecause": .string,
                    "alternatives": .array(
                        .object([
                            "configuration": subnet, "predictedAccuracy": .number,
                            "predictedLatencyMilliseconds": .number, "flops": .number,
                        ])),
                ]),
            "SearchOutcome": .object(
                [
                    "softwareVersion": .string, "seed": .integer, "predictor": .string,
                    "inputs": .array(.object(["path": .string, "sha256": .string])), "points": list("SearchPoint"),
                    "evaluated": .integer, "accuracyEvaluations": .integer,
                ],
                optional: [
                    "engineVersion": .string, "predictorSpearman": .number, "supernetSHA256": .string,
                    "unmet": .array(.object(["constraint": .integer, "reason": .string])),
                    "verification": .reference("SearchVerification"),
                ]),
            "SearchVerification": .object(
                [
                    "verified": .boolean, "against": .string, "measurements": list("SearchMeasurement"),
                    "points": .array(
                        .object([
                            "constraint": .integer, "configuration": subnet, "predictedAccuracy": .number,
                            "predictedLatencyMilliseconds": .number, "measuredLatencyMilliseconds": .number,
                            "flops": .number, "measurements": .integer,
                        ])),
                    "leftOut": .array(.object(["constraint": .integer, "reason": .string])),
                    "failures": .array(.object(["board": .string, "reason": .string])),
                ], optional: ["refusal": .string]),
            "SearchMeasurement": .object(
                [
                    "constraint": .integer, "configuration": subnet, "predictedLatencyMilliseconds": .number,
                    "batches": .integer, "atMilliseconds": .integer,
                ],
                optional: [
                    "board": .string, "medianMilliseconds": .number, "lowestMilliseconds": .number,
                    "highestMilliseconds": .number, "refusal": .string,
                ]),
            "LatencyPredictor": .object(
                [
                    "name": .string, "boardClass": .string, "model": .string, "boards": strings,
                    "engineVersions": strings, "basis": .string,
                    "samples": .array(
                        .object([
                            "board": .string, "subnet": .string, "measuredMilliseconds": .number,
                            "predictedMilliseconds": .number, "isWithinMargin": .boolean,
                        ])),
                ],
                optional: [
                    "intercept": .number, "slope": .number, "relativeMargin": .number, "statedCoverage": .number,
                    "coverage": .number, "spearman": .number, "medianRelativeError": .number, "refusal": .string,
                    "transfer": .reference("LatencyTransfer"),
                ]),
            "LatencyTransfer": .object(
                [
                    "isUsed": .boolean, "measured": .integer, "wanted": .integer, "statedCoverage": .number,
                    "checked": .integer, "within": .integer,
                    "sources": .array(
                        .object(
                            [
                                "boardClass": .string, "engineVersion": .string, "boards": strings, "weight": .number,
                                "shared": .integer, "measurements": .integer,
                            ], optional: ["spread": .number])),
                    "checks": .array(
                        .object([
                            "board": .string, "subnet": .string, "measuredMilliseconds": .number,
                            "predictedMilliseconds": .number, "isWithinMargin": .boolean,
                        ])),
                ],
                optional: [
                    "relativeMargin": .number, "coverage": .number, "spearman": .number,
                    "medianRelativeError": .number, "refusal": .string,
                ]),
        ]
    }
}
