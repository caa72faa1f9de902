import AdminAPI
import ArtefactFiles
import Artefacts
import AuditLog
import CoordinatorCore
import FleetModel
import FleetStore
import Foundation
import Logging
import Messaging
import Rollouts
import SearchSpace
import Testing
import WireProtocol

@testable import Coordinator

/// A version of an artefact goes to boards group by group, and they are given back what they had when one refuses it.
@Suite struct ArtefactRolloutTests {
    private let store = InMemoryFleetStore()
    private let transport: InMemoryCoordinatorTransport
    private let boards: [BoardDescription]
    private let agents: [InMemoryAgentTransport]
    private let folder: String
    private let model: ModelName
    private let id: ArtefactID

    init() async throws {
        model = try #require(ModelName("m"))
        id = ArtefactID(.hookVersion, model)
        folder = FileManager.default.temporaryDirectory.appending(path: "rollout-\(UUID())").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let keys = [try CurveKeyPair.generate(), try CurveKeyPair.generate()]
        let subnet = SubnetConfiguration(resolution: 28, depths: [2], kernelSizes: [3, 3], expandRatios: [3, 3])
        let point = OperatingPoint(configuration: subnet, accuracy: 0.9, latencyMilliseconds: 4, flops: 1)
        let deployed = DeployedModel(name: model, framesPerSecond: 1, points: [point])
        boards = try ["a", "b"].map { name in
            BoardDescription(
                id: try #require(BoardID(name)), boardClass: "test", labels: [:], cores: 1, memoryBytes: 1,
                engineVersion: "1", models: [deployed])
        }
        for (board, key) in zip(boards, keys) {
            try await store.saveBoard(
                BoardRecord(
                    description: board, publicKey: key.publicKey.z85, enrolledAtMilliseconds: 1,
                    lastSeenMilliseconds: 1))
        }
        let list = Dictionary(uniqueKeysWithValues: zip(keys.map(\.publicKey), boards.map(\.id)))
        let transport = InMemoryCoordinatorTransport(allowList: AllowList(list))
        self.transport = transport
        agents = keys.map { transport.connect($0.publicKey) }
    }

    /// With the first version deployed to all boards and the second in the library.
    private func start(audit: (any AuditAppending)? = nil) async throws -> (CoordinatorActor, ArtefactDesk) {
        var settings = CoordinatorActor.Machine.Settings()
        settings.heartbeat = .seconds(3_600)
        let actor = try await CoordinatorActor(
            settings: settings, store: store, transport: transport, logger: Logger(label: "test"), rollouts: store,
            retryPause: .zero)
        let desk = try ArtefactDesk(
            folder: folder, audit: audit, logger: Logger(label: "test"), send: { _, _ in }, record: { _, _, _ in })
        await actor.rollOutArtefacts(by: desk.rollouts)
        for content in ["first", "second"] {
            let bytes = Array(content.utf8)
            let upload = String(repeating: content == "first" ? "1" : "2", count: 32)
            _ = try await desk.upload(bytes, at: 0, of: upload)
            _ = try await desk.add(upload: upload, as: id, version: nil, sum: ContentSum(of: bytes), by: "ann")
        }
        try await desk.deploy(id, version: 1, by: "ann")
        for (agent, board) in zip(agents, boards) {
            try agent.send(.hello(board, incarnation: 1, reportedGeneration: 0))
            for await incoming in transport.incoming {
                await actor.received(incoming)
                break
            }
        }
        return (actor, desk)
    }

    private func begin(
        _ actor: CoordinatorActor, version: UInt64 = 2, more: String = "", dryRun: Bool = false
    ) async throws -> RolloutView {
        try await RolloutDesk(actor: actor).create(
            RolloutRequest(
                file: "r",
                text: """
                    apiVersion: shoal/v1
                    kind: Rollout
                    metadata: { name: r }
                    spec: { groups: [{ boards: 1 }], soakSeconds: 0, waitSeconds: 60\(more) }
                    """, artefact: RolloutArtefact(kind: "hook-version", name: "m", version: version), dryRun: dryRun),
            by: "ann")
    }

    /// The board follows the newest order and says what it has.
    private func tell(
        _ desk: ArtefactDesk, _ board: Int, uses version: UInt64, _ status: ArtefactHolding.Status = .inUse
    ) async {
        let (key, generation) = (await desk.key, await desk.deployments.generation)
        let state = ArtefactState(
            number: 1, key: key, generation: generation,
            holdings: [
                ArtefactHolding(
                    id: id, status: status, version: version, previousVersion: 0,
                    desiredVersion: status == .refused ? 2 : version, receivedBytes: 0,
                    reason: status == .refused ? "of other weights" : "")
            ])
        await desk.received(.state(state), from: boards[board])
    }

    private func tick(_ actor: CoordinatorActor, _ count: Int = 3) async {
        for _ in 0..<count { await actor.tickRollouts() }
    }

    private func trials(_ desk: ArtefactDesk) async -> Set<String> {
        Set(await desk.deployments.trials.flatMap { $0.boards.map(\.rawValue) })
    }

    @Test func aNameThatNoBoardHasIsWarnedOf() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (actor, desk) = try await start()
        let administrator = ArtefactAdministrator(desk: desk, actor: actor)
        let known = try await administrator.deploy(
            ArtefactChange(kind: "hook-version", name: "m", version: 2), by: "ann")
        #expect(known.warning == nil)
        let (bytes, upload) = (Array("third".utf8), String(repeating: "3", count: 32))
        _ = try await administrator.upload(ArtefactPiece(upload: upload, offset: 0, content: Data(bytes)))
        let view = try await administrator.add(
            ArtefactRequest(
                upload: upload, kind: "hook-version", name: "nobody", version: nil,
                sha256: "\(ContentSum(of: bytes))"), by: "ann")
        #expect(view.warning == "no board has a model named nobody")
    }

    /// Policies are signed as they are applied, rolled out and withdrawn, and by no other way.
    @Test func policiesAreArtefacts() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (actor, desk) = try await start()
        let policies = ArtefactID(.policy, id.name)
        func policy(_ name: String, _ milliseconds: Double) -> Policy {
            Policy(
                name: name, selector: [:],
                models: [
                    ModelPolicy(
                        model: "m", latency: .init(milliseconds: milliseconds, percentile: 95), accuracyFloor: nil,
                        priority: 1)
                ])
        }
        func held(by board: BoardID) async throws -> [Double] {
            guard let version = await desk.deployments.placement(of: policies, on: board)?.version else { return [] }
            let manifest = try #require(await desk.signed(policies, version)).manifest
            let bytes = try Data(contentsOf: URL(filePath: folder + "/artefacts/c-\(manifest.sum)"))
            return try PolicyContent(bytes: Array(bytes)).policies.flatMap { $0.models.map(\.latency.milliseconds) }
        }
        _ = try await actor.apply(policy("a", 40), text: "a", by: "ann")
        await desk.publish(await actor.policySets)
        #expect(try await held(by: boards[0].id) == [40])
        let generation = await desk.deployments.generation
        await desk.publish(await actor.policySets)
        #expect(await desk.deployments.generation == generation, "nothing has changed")

        let sets = PolicySets(
            everywhere: [policy("a", 40)], trials: [.init([policy("a", 20)], boards: [boards[0].id])])
        await desk.publish(sets)
        #expect(try await held(by: boards[0].id) == [20])
        #expect(try await held(by: boards[1].id) == [40])
        // A rollout of an artefact leaves it as it is.
        await desk.rollouts.setTrials([])
        #expect(try await held(by: boards[0].id) == [20])

        _ = try await actor.withdraw("a", by: "ann")
        await desk.publish(await actor.policySets)
        for board in boards { #expect(try await held(by: board.id).isEmpty) }
        #expect(await desk.deployments.everywhere[policies] != nil, "boards are told that there are none")

        let administrator = ArtefactAdministrator(desk: desk, actor: actor)
        let change = ArtefactChange(kind: "policy", name: "m", version: nil, dryRun: false)
        await #expect(throws: AdminFailure.self) { try await administrator.deploy(change, by: "ann") }
        await #expect(throws: AdminFailure.self) { try await administrator.withdraw(change, by: "ann") }
        #expect(try await administrator.artefacts().contains { $0.kind == "policy" && $0.name == "m" })
    }

    /// Numbers, generations and what was in force before stand in the log of changes.
    @Test func theLogNamesVersionsBeforeAndAfter() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (actor, desk) = try await start(audit: store)
        _ = try await begin(actor)
        try await desk.deploy(id, version: 2, by: "ann")
        let entries = await store.audit(after: 0, sinceMilliseconds: 0, limit: 100)
        let added = entries.filter { $0.action == "artefactAdded" }
        #expect(added.map(\.before) == [nil, "version 1"])
        #expect(
            zip(added, ["first", "second"]).enumerated().allSatisfy { index, pair in
                pair.0.after == "version \(index + 1), \(ContentSum(of: Array(pair.1.utf8)))"
            }, "\(added)")
        let deployed = entries.filter { $0.action == "artefactDeployed" }
        #expect(deployed.map(\.before) == ["no version, generation 0", "version 1, generation 1"])
        #expect(deployed.map(\.after) == ["version 1, generation 1", "version 2, generation 2"])
        #expect(entries.first { $0.action == "rolloutCreated" }?.before == "version 1")
    }

    @Test func whatIsOnlyTriedChangesNothing() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (actor, desk) = try await start()
        let administrator = ArtefactAdministrator(desk: desk, actor: actor)
        func change(_ version: UInt64?) -> ArtefactChange {
            ArtefactChange(kind: "hook-version", name: "m", version: version, dryRun: true)
        }
        let before = try await administrator.artefacts()
        let key = await desk.key

        let deployed = try await administrator.deploy(change(nil), by: "bob")
        #expect(deployed.deployedVersion == 2 && deployed.dryRun == true)
        let withdrawn = try await administrator.withdraw(change(nil), by: "bob")
        #expect(withdrawn.deployedVersion == nil && withdrawn.dryRun == true)
        #expect(try await administrator.remove(change(2), by: "bob").map(\.dryRun) == [true])
        #expect(try await administrator.rotateKey(.init(dryRun: true), by: "bob").dryRun == true)
        let other = ArtefactChange(kind: "hook-version", name: "other", version: 1, dryRun: true)
        let absent = [
            await #expect(throws: AdminFailure.self) { try await administrator.deploy(change(3), by: "bob") },
            await #expect(throws: AdminFailure.self) { try await administrator.remove(change(3), by: "bob") },
            await #expect(throws: AdminFailure.self) { try await administrator.deploy(other, by: "bob") },
            await #expect(throws: AdminFailure.self) { try await administrator.withdraw(other, by: "bob") },
            await #expect(throws: AdminFailure.self) { try await administrator.remove(other, by: "bob") },
        ]
        #expect(absent.map { $0?.kind } == Array(repeating: .notFound, count: 5))
        let refusal = AdminFailure(.invalid, "hook-version/m version 1 is deployed")
        await #expect(throws: refusal) { try await administrator.remove(change(1), by: "bob") }
        #expect(try await administrator.artefacts() == before)
        #expect(await desk.key == key)

        _ = try await begin(actor)
        let rollouts = RolloutDesk(actor: actor)
        let aborted = try await rollouts.change(rollout: "r", .abort, .init(dryRun: true), by: "bob")
        #expect(aborted.dryRun == true && aborted.status != "running")
        await #expect(throws: AdminFailure.self) {
            try await rollouts.change(rollout: "r", .approve, .init(dryRun: true), by: "bob")
        }
        #expect(await actor.rollouts["r"]?.status == .running)
        await #expect(throws: AdminFailure.self) { try await administrator.deploy(change(2), by: "bob") }
    }

    @Test func groupsTakeItInTurnAndThenItIsEverybodys() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (actor, desk) = try await start()
        #expect(try await begin(actor, dryRun: true).groups.count == 2)
        let view = try await begin(actor)
        #expect(view.artefact?.version == 2 && view.policy.isEmpty)
        await tick(actor)
        #expect(await trials(desk) == ["a"])
        // Meanwhile nobody changes it by hand, and no other rollout.
        let administrator = ArtefactAdministrator(desk: desk, actor: actor)
        let change = ArtefactChange(kind: "hook-version", name: "m", version: 2)
        await #expect(throws: AdminFailure.self) { try await administrator.deploy(change, by: "bob") }
        await #expect(throws: AdminFailure.self) { try await administrator.withdraw(change, by: "bob") }
        await #expect(throws: AdminFailure.self) { try await administrator.remove(change, by: "bob") }

        await tell(desk, 0, uses: 1)
        await tick(actor)
        #expect(await trials(desk) == ["a"], "the first group has not taken it over yet")
        await tell(desk, 0, uses: 2)
        await tick(actor)
        #expect(await trials(desk) == ["a", "b"])
        await tell(desk, 0, uses: 2)
        await tell(desk, 1, uses: 2)
        await tick(actor)

        #expect(await desk.deployments.everywhere[id] == 2)
        #expect(await trials(desk).isEmpty)
        #expect(await actor.rollouts["r"]?.status == .finished)
        #expect(await store.rollouts().first?.status == .finished)
        // A restart knows that it is over.
        let again = try await CoordinatorActor(
            settings: .init(), store: store, transport: transport, logger: Logger(label: "test"), rollouts: store)
        #expect(await again.rollouts["r"]?.artefact?.version == 2)
    }

    @Test func aBoardThatRefusesItReturnsAllToTheVersionBefore() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (actor, desk) = try await start()
        _ = try await begin(actor)
        await tick(actor)
        await tell(desk, 0, uses: 1, .refused)
        await tick(actor)
        #expect(await trials(desk).isEmpty)
        #expect(await actor.rollouts["r"]?.status == .returning)
        #expect(await actor.rollouts["r"]?.reason.contains("of other weights") == true)
        await tell(desk, 0, uses: 1)
        await tick(actor)
        #expect(await actor.rollouts["r"]?.status == .returned)
        #expect(await desk.deployments.everywhere[id] == 1)
        #expect(await desk.fleet.desired(of: boards[0].id, running: [model]).first?.signed.manifest.version == 1)
    }

    @Test func aGroupThatWaitsForItsWindowSaysSo() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (actor, _) = try await start()
        // The first day of 1970 was a Thursday.
        let days = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"]
        let inThreeDays = days[(Int(CoordinatorActor.wallClock() / 86_400_000) + 3) % 7]
        _ = try await begin(actor, more: ", windows: [{ days: [\(inThreeDays)], from: \"00:00\", to: \"01:00\" }]")
        await tick(actor)
        let view = try await RolloutDesk(actor: actor).rollouts().first
        #expect(view?.status == "running" && view?.reason == "group 1 waits for its time window")
        #expect(await actor.rollouts["r"]?.reason == "", "told, not kept")
    }

    @Test func whatCannotBeReturnedOrIsNotThereIsRefused() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (actor, desk) = try await start()
        for (version, kind) in [(1, AdminFailure.Kind.invalid), (3, .notFound)] as [(UInt64, AdminFailure.Kind)] {
            let failure = await #expect(throws: AdminFailure.self) { try await begin(actor, version: version) }
            #expect(failure?.kind == kind)
        }
        try await desk.withdraw(id, by: "ann")
        let failure = await #expect(throws: AdminFailure.self) { try await begin(actor) }
        #expect(failure?.message.contains("no version that boards could be returned to") == true)
    }
}

extension CoordinatorActor {
    /// As a second later.
    fileprivate func tickRollouts() async {
        rolloutTimer = nil
        await timerFired()
    }
}

extension ArtefactDesk {
    fileprivate var deployments: Deployments { library.deployments }

    fileprivate func signed(_ id: ArtefactID, _ version: UInt64) -> SignedManifest? {
        library.signed(id, version: version)
    }
    fileprivate var key: ArtefactKey { library.keys.signer.key }
}
