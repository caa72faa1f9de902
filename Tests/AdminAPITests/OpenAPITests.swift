import FleetModel
import Foundation
import HTTPTypes
import SearchSpace
import Testing

@testable import AdminAPI

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// The document against the table of routes, and answers of real requests against the document.
@Suite struct OpenAPITests {
    private func document(at url: URL) async throws -> JSONSchemaChecker {
        let (response, data) = try await AdminRouteTests.answer("GET", "/v1/openapi.json", at: url)
        #expect(response.statusCode == 200)
        return JSONSchemaChecker(try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any]))
    }

    @Test func everyRouteIsInTheDocumentAndNothingElse() async throws {
        try await AdminRouteTests.serving { url in
            let document = try await document(at: url).document
            #expect(document["openapi"] as? String == "3.1.0")
            let paths = try #require(document["paths"] as? [String: [String: [String: Any]]])
            let documented = Set(paths.flatMap { path, methods in methods.keys.map { "\($0.uppercased()) \(path)" } })
            let rows = AdminRouteTests.routes.filter(\.isDocumented)
            #expect(documented == Set(rows.map { "\($0.method.rawValue) \($0.path)" }))
            #expect(paths["/v1/policies/preview"]?.keys.sorted() == ["post"])
            let operations = paths.values.flatMap(\.values)
            #expect(Set(operations.compactMap { $0["operationId"] as? String }).count == operations.count)
            for route in rows {
                let operation = try #require(paths[route.path]?[route.method.rawValue.lowercased()])
                #expect(operation["x-role"] as? String == route.role?.rawValue)
                #expect((operation["security"] != nil) == (route.role != nil))
            }
            // What is documented is served: neither 404 for the path nor 405.
            for (path, methods) in paths where path != "/v1/live" {
                for method in methods.keys {
                    let (response, _) = try await AdminRouteTests.answer(
                        method.uppercased(), path, at: url, token: nil)
                    #expect([200, 401].contains(response.statusCode), "\(method) \(path): \(response.statusCode)")
                }
            }
        }
    }

    @Test func everyReferenceIsToSomethingThatIsThere() async throws {
        try await AdminRouteTests.serving { url in
            let checker = try await document(at: url)
            let found = checker.references()
            #expect(found.count > 40)
            let schemas = try #require(
                (checker.document["components"] as? [String: Any])?["schemas"] as? [String: Any])
            #expect(Set(found) == Set(schemas.keys.map { "#/components/schemas/\($0)" }))
        }
    }

    /// Requests as people make them, with every role's failures; the answer is held against what the document says of
    /// that route and status.
    @Test func answersAreAsTheDocumentSays() async throws {
        try await AdminRouteTests.serving { url in
            let checker = try await document(at: url)
            let search = #"""
                {"file":"s","text":"apiVersion: shoal/v1\nkind: Search\nmetadata: { name: a }\nspec: { model: m, \#
                boardClass: c, processor: cpu, space: ofa-mbv3, accuracyPredictor: /a, latencyTable: /t, \#
                constraints: [{ flops: 1000 }] }","dryRun":false}
                """#
            let bodies: [String: [String?]] = [
                "/v1/policies": ["good", "bad"].map { #"{"file":"p","text":"\#($0)","dryRun":true}"# },
                "/v1/policies/preview": ["good", "bad"].map { #"{"file":"p","text":"\#($0)"}"# },
                "/v1/searches": [search], "/v1/tokens": [#"{"uses":1,"validSeconds":60}"#],
                "/v1/access-tokens": [#"{"name":"x","role":"viewer"}"#, #"{"name":"x","role":"none"}"#],
                "/v1/hooks/rollback": [#"{"name":"x"}"#],
                "/v1/artefacts/uploads": [#"{"upload":"u","offset":0,"content":"AQID"}"#],
                "/v1/artefacts": ["m", "x"].map {
                    #"{"upload":"u","kind":"hook-version","name":"\#($0)","sha256":"ab"}"#
                }, "/v1/artefacts/deployments": [#"{"kind":"hook-version","name":"m"}"#],
                "/v1/artefacts/withdrawals": [#"{"kind":"hook-version","name":"x"}"#],
                "/v1/artefacts/removals": [#"{"kind":"hook-version","name":"m","version":1}"#],
                "/v1/rollouts": [
                    #"{"file":"r","text":"t","policyFile":"p","policyText":"t","dryRun":true}"#
                ], "/v1/rollouts/{name}/abort": [#"{"reason":"x"}"#], "/v1/rollouts/{name}/approve": ["{}"],
                "/v1/boards/{name}/drain": [#"{"reason":"x","dryRun":true}"#],
                "/v1/key-rotations": [#"{"selector":{"a":"b"},"seconds":60}"#],
            ]
            var seen: Set<String> = []
            for route in AdminRouteTests.routes where route.path != "/v1/live" && route.isDocumented {
                var path = route.path
                if path == "/v1/telemetry" { path += "?board=b0" }
                if path == "/v1/access-tokens/{name}" { path = "/v1/access-tokens/vera" }
                if path == "/v1/searches/{name}" { path = "/v1/searches/a" }
                if path == "/v1/policies/{name}" { path = "/v1/policies/b0?dryRun=true" }
                for token in ["secret", "looker", nil] {
                    for body in (bodies[route.path] ?? []) + [route.body == nil ? nil : "{}"] {
                        let (response, data) = try await AdminRouteTests.answer(
                            route.method.rawValue, path, at: url, token: token, body: body)
                        seen.insert("\(response.statusCode)")
                        let problems = checker.problems(
                            of: data, path: route.path, method: route.method.rawValue.lowercased(),
                            status: response.statusCode)
                        #expect(problems.isEmpty, "\(route.method) \(path) \(response.statusCode): \(problems)")
                    }
                }
            }
            #expect(seen.isSuperset(of: ["200", "400", "401", "403", "404", "500"]))
        }
    }

    /// Values with every field there is, and with none that may be missing.
    @Test func valuesWithAllFieldsAreAsTheDocumentSays() async throws {
        let full = try FullValues()
        try await AdminRouteTests.serving { url in
            let checker = try await document(at: url)
            for (name, data) in full.values {
                let problems = checker.problems(of: data, schema: ["$ref": "#/components/schemas/\(name)"])
                #expect(problems.isEmpty, "\(name): \(problems)")
                // Each optional field was there, so that none is documented that does not exist.
                let value = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
                #expect(Set(value.keys) == checker.fields(of: name), "\(name)")
            }
        }
    }

    /// The checker itself: what is wrong is found.
    @Test(arguments: [
        #"{"name":"x"}"#, #"{"name":"x","role":"none"}"#, #"{"name":1,"role":"viewer"}"#,
        #"{"name":"x","role":"viewer","more":1}"#, #"{"name":"x","role":"viewer","validSeconds":1.5}"#, "[]", "1",
    ])
    func theCheckerFindsWhatIsWrong(text: String) async throws {
        try await AdminRouteTests.serving { url in
            let checker = try await document(at: url)
            let schema = ["$ref": "#/components/schemas/AccessTokenRequest"]
            #expect(!checker.problems(of: Data(text.utf8), schema: schema).isEmpty)
            #expect(checker.problems(of: Data(#"{"name":"x","role":"viewer"}"#.utf8), schema: schema).isEmpty)
        }
    }
}

/// One value of each answer with every optional field set.
private struct FullValues {
    var values: [(String, Data)] = []

    init() throws {
        let hooks = HookTelemetry(
            state: .learning, budget: 0.1, kinds: [.init(name: "model", taken: 3, possible: 9)], samples: 5,
            zeroShare: 0.5, zeros: [.init(step: "a", share: 0.25)])
        try add("HookTelemetry", hooks)
        try add(
            "Model",
            ModelView(
                board: "b", model: "m", activePoint: 1, pointCount: 2, subnet: "r28", constraintMilliseconds: 5,
                p50Milliseconds: 1, p99Milliseconds: 2.5, sloAttainment: 0.5, accuracy: 1, switches: 1, frames: 2,
                dropped: 3, hooks: hooks, expectedAccuracy: 0.5, accuracySource: .labels, attainedAccuracy: 0.5))
        let shares = ShareTelemetry(means: .affinity, detail: "m on processor 1", reason: "no cgroup")
        try add(
            "Board",
            BoardView(
                name: "b", boardClass: "c", status: "lost", labels: ["a": "b"], cores: 0.5, memoryBytes: 1,
                engineVersion: "1", lastSeenMilliseconds: 1, incarnation: 1, desiredGeneration: 1,
                reportedGeneration: 1, telemetryRecords: 1, telemetryGaps: 0, infeasible: ["x"], refusedRecords: 0,
                models: [
                    .init(
                        name: "m", framesPerSecond: 30,
                        points: [PointView(subnet: "s", accuracy: 0.5, latencyMilliseconds: 2, flops: 3)])
                ], interference: ["m": ["n": 1.5]],
                quarantine: .init(reason: "odd", sinceMilliseconds: 1), watts: 2.5, shares: shares, clockShare: 0.5,
                isDrained: true, keySinceMilliseconds: 1, keyChange: .init(hasNextKey: true, untilMilliseconds: 2)))
        try addCare()
        try add("Shares", shares)
        let front = FrontView(
            fleetEndpoint: "a", enrolmentEndpoint: "b", boards: 1, framesReceived: 1, framesSent: 1,
            droppedFrames: ["malformed": 1])
        try add(
            "Status",
            StatusView(
                version: "1", startedAtMilliseconds: 1, fleetEndpoint: "a", enrolmentEndpoint: "b", boardsEnrolled: 1,
                boardsConnected: 1, telemetryRecords: 1, droppedFrames: ["malformed": 1], metricsURL: "http://x",
                atMilliseconds: 1, fronts: [front]))
        try add("Front", front)
        let model = ModelTelemetry(
            model: try #require(ModelName("m")), frames: 1, dropped: 1, violations: 1, labelled: 1, correct: 1,
            switches: 1, activePoint: 1, p50Milliseconds: 1, p90Milliseconds: 2, p99Milliseconds: 3,
            constraintMilliseconds: 4, hooks: hooks)
        try add("ModelTelemetry", model)
        try add(
            "TelemetryWindow",
            TelemetryWindowView(
                board: "b", receivedAtMilliseconds: 1,
                record: TelemetryRecord(
                    incarnation: 1, sequence: 1, startMilliseconds: 1, durationMilliseconds: 1, generation: 1,
                    models: [model],
                    board: BoardTelemetry(
                        memoryBytes: 1, cpuLoad: 0.5, cpuFrequencyMegahertz: 1, temperatureCelsius: 1,
                        droppedRecords: 0, shares: shares, clockShare: 0.5)), pointAccuracies: ["m": 0.5]))
        try add(
            "Event",
            FleetEvent(kind: .boardLost, board: try #require(BoardID("b")), message: "m", atMilliseconds: 1))
        try addAssignments()
        try add("BoardHour", try InMemoryFleet.hour(labelled: 4))
        try add("Caller", Caller(name: "ann", role: .admin))
        try addSearch()
        try addDeployments()
    }

    private mutating func addCare() throws {
        try add("BoardDrain", InMemoryCare.drain)
        try add("BoardChange", BoardChange(dryRun: true, reason: "r"))
        try add("KeyRotationStart", InMemoryCare.rotation)
        try add(
            "KeyRotationRequest", KeyRotationRequest(board: "b", selector: ["a": "b"], seconds: 60, dryRun: true))
    }

    private mutating func addAssignments() throws {
        let assigned = AssignmentView.Model(
            model: "m", constraintMilliseconds: 1, percentile: 99.9, lowestPoint: 0, highestPoint: 1,
            preferredPoint: 1, priority: 1, switchesPerMinute: 30, cpuShare: 0.5, policy: "p", accuracyFloor: 0.5,
            preferred: PointView(
                subnet: "s", accuracy: 0.5, latencyMilliseconds: 2, flops: 3, precision: "int8", threads: 2,
                hookBudget: 0.01))
        try add(
            "Assignment",
            AssignmentView(board: "b", generation: 1, reportedGeneration: 1, models: [assigned], infeasible: ["x"]))
        try addPolicies(
            PolicyPreview.Change(
                board: "b", models: [.init(model: "m", before: assigned, after: assigned)], infeasible: ["x"]))
    }

    private mutating func addPolicies(_ change: PolicyPreview.Change) throws {
        try add("PolicyChange", change)
        try add(
            "PolicyPreview",
            PolicyPreview(
                policy: "p", version: 2, isInForceNow: false, boards: 3, changedBoards: 1, changes: [change],
                warnings: ["w"], refusal: "r"))
        try add(
            "PolicyWithdrawal",
            PolicyWithdrawal(policy: "p", version: 2, dryRun: true, boards: ["b"], changedBoards: 1, changes: [change]))
        try add("Policy", PolicyView(name: "p", version: 1, text: "t", boards: ["b"]))
    }

    private mutating func addDeployments() throws {
        try add("Artefact", InMemoryArtefacts.view)
        try add("ArtefactVersion", InMemoryArtefacts.view.versions[0])
        try add("ArtefactBoard", InMemoryArtefacts.view.boards[0])
        try add(
            "ArtefactRequest",
            ArtefactRequest(upload: "u", kind: "hook-version", name: "m", version: 2, sha256: "ab"))
        try add("ArtefactChange", ArtefactChange(kind: "hook-version", name: "m", version: 2, dryRun: true))
        try add("ArtefactPiece", ArtefactPiece(upload: "u", offset: 1, content: Data([1])))
        try add("ArtefactUpload", ArtefactUpload(receivedBytes: 2))
        try add("ArtefactKeyRotation", ArtefactKeyRotation(dryRun: true))
        try add("ArtefactKey", ArtefactKeyView(publicKey: "ab", rotations: 1, dryRun: true))
        try add("RolloutChange", RolloutChange(reason: "r", dryRun: true))
        try add("HooksRollback", HooksRollback(name: "h", version: 1, dryRun: true))
        try add("BoardRevocation", BoardRevocation(board: "b", dryRun: true))
        try add("AccessTokenRevocation", AccessTokenRevocation(name: "t", dryRun: true))
        try add("Rollout", InMemoryRollouts.view)
        let artefact = try #require(InMemoryRollouts.view.artefact)
        try add("RolloutArtefact", artefact)
        try add(
            "RolloutRequest",
            RolloutRequest(
                file: "r", text: "t", policyFile: "p", policyText: "t", artefact: artefact, dryRun: true))
        try add("RolloutGroup", InMemoryRollouts.view.groups[0])
        let rules = try #require(InMemoryRollouts.view.rules)
        try add("RolloutRules", rules)
        try add("RolloutGates", rules.gates)
    }

    private mutating func addSearch() throws {
        let subnet = SubnetConfiguration(resolution: 28, depths: [2], kernelSizes: [3, 3], expandRatios: [3, 3])
        var job = SearchJob(
            name: "s", model: "m", boardClass: "c", processor: "cpu", space: "ofa-mbv3", accuracyPredictor: "/a",
            latencyTable: "/t", constraints: [.init(latencyMilliseconds: 1, flops: 2, memoryBytes: 3)],
            accuracyFloor: 0.5, verificationTable: "/v")
        job.latencyScale = 1.5
        job.tableBoardClass = "d"
        job.operatorScales = ["k3": 1.25]
        try add("SearchJob", job)
        var record = SearchRecord(job: job, text: "", number: 1, submittedAtMilliseconds: 1)
        record.points = [
            SearchPoint(
                constraint: 0, configuration: subnet, predictedAccuracy: 0.5, predictedLatencyMilliseconds: 2, flops: 3,
                memoryBytes: 4, relaxedTo: 2.5, relaxedBecause: "b", generations: 1, evaluated: 2,
                candidates: [subnet],
                alternatives: [
                    .init(
                        PredictedSubnet(configuration: subnet, accuracy: 0.5, latencyMilliseconds: 2.5), flops: 3)
                ])
        ]
        var measurement = SearchVerification.Measurement(
            constraint: 0, configuration: subnet, predictedLatencyMilliseconds: 2, board: BoardID("b"),
            atMilliseconds: 1)
        (measurement.medianMilliseconds, measurement.lowestMilliseconds) = (1, 0.5)
        (measurement.highestMilliseconds, measurement.refusal) = (2, "busy")
        var verification = SearchVerification(against: "boards", refusal: "none")
        verification.measurements = [measurement]
        verification.points = [
            .init(
                constraint: 0, configuration: subnet, predictedAccuracy: 0.5, predictedLatencyMilliseconds: 2,
                measuredLatencyMilliseconds: 2.5, flops: 3, measurements: 1)
        ]
        verification.leftOut = [.init(constraint: 1, reason: "slow")]
        verification.failures = [.init(board: try #require(BoardID("b")), reason: "silent")]
        let outcome = SearchOutcome(
            softwareVersion: "1", seed: 1, inputs: [.init(path: "/a", sha256: "b")], engineVersion: "e",
            predictor: "ridge", predictorSpearman: 0.9, points: record.points,
            unmet: [.init(constraint: 0, reason: "none")], evaluated: 1, accuracyEvaluations: 1, supernetSHA256: "c",
            verification: verification)
        (record.outcome, record.verification) = (outcome, verification)
        try add("SearchMeasurement", measurement)
        try add("SearchVerification", verification)
        try add("SearchOutcome", outcome)
        try add("SearchPoint", record.points[0])
        record.failure = "x"
        record.startedAtMilliseconds = 1
        record.finishedAtMilliseconds = 2
        try add("SearchRecord", record)
        var predictor = LatencyPredictorView(
            name: "c/m", boardClass: "c", model: "m", boards: ["b"], engineVersions: ["1"], basis: "FLOPs")
        (predictor.intercept, predictor.slope, predictor.relativeMargin) = (1, 2, 0.5)
        (predictor.statedCoverage, predictor.coverage, predictor.spearman) = (0.9, 0.8, 1)
        (predictor.medianRelativeError, predictor.refusal) = (0.1, "few")
        predictor.samples = [
            .init(board: "b", subnet: "s", measuredMilliseconds: 1, predictedMilliseconds: 2, isWithinMargin: true)
        ]
        let transfer = LatencyTransferView(
            isUsed: true, measured: 10, wanted: 20,
            sources: [
                .init(
                    boardClass: "d", engineVersion: "1", boards: ["e"], weight: 1, shared: 3, measurements: 4,
                    spread: 0.1)
            ], relativeMargin: 0.1, statedCoverage: 0.9, checked: 6, within: 5, coverage: 0.8, spearman: 1,
            medianRelativeError: 0.1, refusal: "few", checks: predictor.samples)
        predictor.transfer = transfer
        try add("LatencyTransfer", transfer)
        try add("LatencyPredictor", predictor)
    }

    private mutating func add(_ name: String, _ value: some Encodable) throws {
        values.append((name, try JSONEncoder().encode(value)))
    }
}
