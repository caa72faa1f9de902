import FleetModel
import HTTPTypes

extension AdminServer {
    static func artefactRoutes(_ artefacts: any ArtefactAdministration) -> [AdminRoute] {
        [
            AdminRoute(
                .get, "/v1/artefacts", .viewer, "Artefacts, their versions, and what boards have of them.",
                answer: .list("Artefact")
            ) { _ in Answer(try await artefacts.artefacts()) },
            AdminRoute(
                .post, "/v1/artefacts/uploads", .operator, "Takes the next piece of a file.", body: "ArtefactPiece",
                answer: .one("ArtefactUpload")
            ) { Answer(try await artefacts.upload(try await $0.body(ArtefactPiece.self))) },
            AdminRoute(
                .post, "/v1/artefacts", .operator, "Makes an uploaded file a signed version.", body: "ArtefactRequest",
                answer: .one("Artefact")
            ) { Answer(try await artefacts.add(try await $0.body(ArtefactRequest.self), by: $0.caller.name)) },
            AdminRoute(
                .post, "/v1/artefacts/deployments", .operator, "Makes a version that of all boards.",
                body: "ArtefactChange", answer: .one("Artefact")
            ) { Answer(try await artefacts.deploy(try await $0.body(ArtefactChange.self), by: $0.caller.name)) },
            AdminRoute(
                .post, "/v1/artefacts/withdrawals", .operator, "Tells boards of no version any more.",
                body: "ArtefactChange", answer: .one("Artefact")
            ) { Answer(try await artefacts.withdraw(try await $0.body(ArtefactChange.self), by: $0.caller.name)) },
            AdminRoute(
                .post, "/v1/artefacts/removals", .operator, "Forgets a version that is not deployed.",
                body: "ArtefactChange", answer: .list("Artefact")
            ) { Answer(try await artefacts.remove(try await $0.body(ArtefactChange.self), by: $0.caller.name)) },
            AdminRoute(
                .post, "/v1/artefacts/key-rotations", .admin, "Signs with a new key from now on.",
                body: "ArtefactKeyRotation", answer: .one("ArtefactKey")
            ) {
                Answer(
                    try await artefacts.rotateKey(try await $0.body(ArtefactKeyRotation.self), by: $0.caller.name))
            },
        ]
    }
}

extension Schema {
    static var artefacts: [String: Schema] {
        [
            "ArtefactPiece": .object(["upload": .string, "offset": .integer, "content": .string]),
            "ArtefactUpload": .object(["receivedBytes": .integer]),
            "ArtefactRequest": .object(
                ["upload": .string, "kind": .string, "name": .string, "sha256": .string],
                optional: ["version": .integer]),
            "ArtefactChange": .object(
                ["kind": .string, "name": .string], optional: ["version": .integer, "dryRun": .boolean]),
            "ArtefactKeyRotation": .object([:], optional: ["dryRun": .boolean]),
            "ArtefactKey": .object(
                ["publicKey": .string, "rotations": .integer], optional: ["dryRun": .boolean]),
            "Artefact": .object(
                [
                    "kind": .string, "name": .string, "versions": .array(.reference("ArtefactVersion")),
                    "generation": .integer, "boards": .array(.reference("ArtefactBoard")),
                ], optional: ["deployedVersion": .integer, "warning": .string, "dryRun": .boolean]),
            "ArtefactVersion": .object([
                "version": .integer, "sizeBytes": .integer, "sha256": .string, "createdAtMilliseconds": .integer,
            ]),
            "ArtefactBoard": .object(
                [
                    "board": .string, "status": .string, "version": .integer, "previousVersion": .integer,
                    "desiredVersion": .integer, "receivedBytes": .integer,
                ], optional: ["reason": .string, "runningVersion": .integer, "diskVersion": .integer]),
        ]
    }
}
