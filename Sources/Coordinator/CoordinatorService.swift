import AdminAPI
import Artefacts
import AuditLog
import CoordinatorCore
import Dashboard
import Files
import FleetModel
import FleetStore
import Foundation
import Hummingbird
public import Logging
import Messaging
import MetricsServing
import PostgreSQLFleetStore
public import ServiceLifecycle
import WireProtocol

/// The coordinator: one store, one transport, one actor that decides, one interface for people.
///
/// Composition root: makes keys, token and database on first start, binds, and serves until its task is cancelled.
/// In its state folder, all files 0600: `key.json` (CURVE), `fleet.sqlite`, `admin.json` (address and token of the
/// interface, for `shoal`), `artefact-key.json` (Ed25519) and the folder `artefacts`. Over a shared database it
/// stands by or is a front before it leads (`FrontDuty`), and ends when another one may lead.
public struct CoordinatorService: Service {
    public static let version = ProductVersion.current
    /// A tenth of what a record may take to become durable.
    private static let gatheringTime: Duration = .milliseconds(10)
    private static let tick: Duration = .milliseconds(200)
    /// How often chunks that wait for bandwidth are looked after.
    private static let chunkTick: Duration = .milliseconds(50)

    public struct Configuration: Sendable {
        public var stateDirectory: String
        /// Address to bind.
        public var host: String
        /// Address that boards and people reach it by.
        public var advertisedHost: String
        public var fleetPort: Int
        public var enrolmentPort: Int
        public var adminPort: Int
        /// `nil`: no metrics are served.
        public var metricsPort: Int?
        public var heartbeat: Duration
        public var store: StoreChoice
        /// Of artefacts, to all boards together.
        public var artefactBytesPerSecond: Int
        /// How long boards of a class are connected before they are asked to measure subnets for its latency predictor.
        public var measureAfter: Duration
        /// How long a group of boards is watched that a new version of shared gates was given to; zero gives it to all.
        public var hookWatch: Duration
        /// Days that telemetry is kept for after it arrived; 0: until the limit of records by board.
        public var telemetryDays: Int
        /// For coordinators that do not lead and carry what boards say to the one that does; `nil`: there are none.
        public var relayPort: Int?
        /// Address that other coordinators reach this one by.
        public var peerHost: String
        /// Days after which a board is told to make a new key; `nil`: where people want it.
        public var keyDays: Int?
        /// Whether a fleet without boards is begun where `key.json` is there and `fleet.sqlite` is not.
        public var newDatabase: Bool

        /// Unless another number is given.
        public static let telemetryDays = 30

        public init(
            stateDirectory: String, host: String, advertisedHost: String, fleetPort: Int, enrolmentPort: Int,
            adminPort: Int, metricsPort: Int? = nil, heartbeat: Duration, store: StoreChoice = .sqlite,
            artefactBytesPerSecond: Int = 8 << 20, measureAfter: Duration = .seconds(30),
            hookWatch: Duration = .seconds(60),
            telemetryDays: Int = Self.telemetryDays, keyDays: Int? = nil, relayPort: Int? = nil,
            peerHost: String? = nil, newDatabase: Bool = false
        ) {
            self.newDatabase = newDatabase
            self.keyDays = keyDays
            self.stateDirectory = stateDirectory
            self.host = host
            self.advertisedHost = advertisedHost
            self.fleetPort = fleetPort
            self.enrolmentPort = enrolmentPort
            self.adminPort = adminPort
            self.metricsPort = metricsPort
            self.heartbeat = heartbeat
            self.store = store
            self.artefactBytesPerSecond = artefactBytesPerSecond
            self.measureAfter = measureAfter
            self.hookWatch = hookWatch
            self.telemetryDays = telemetryDays
            self.relayPort = relayPort
            self.peerHost = peerHost ?? advertisedHost
        }
    }

    private let configuration: Configuration
    private let logger: Logger

    public init(configuration: Configuration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    public func run() async throws {
        let folder = configuration.stateDirectory
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let opened = try await CoordinatorStore(
            configuration.store, folder: folder, mayBeNew: configuration.newDatabase)
        let front = FrontDuty(configuration, logger: logger)
        guard try await opened.lead(logger: logger, standBy: { try await front.serve($0) }) else {
            await front.stop()
            return await opened.close()
        }
        let store = opened.fleet
        let metrics = CoordinatorMetrics()
        let fault = try await auditFault(store, metrics)
        let keys = try await keys(at: folder + "/key.json", store)
        let transport = try await transport(keys, opened, front)
        let relay = try relay(transport)
        let actor = try await fleetActor(store, transport, metrics)
        let desk = try await searchDesk(store, actor)
        if let fault { await actor.record(.auditTampered, nil, "\(fault)") }
        await desk.start()
        let artefacts = try artefactDesk(actor, transport, store)
        await actor.rollOutArtefacts(by: artefacts.rollouts)
        let news = await BoardNews(of: actor)
        let administration = CoordinatorAdministration(
            actor: actor, desk: desk, store: store, transport: transport, serverPublicKey: keys.publicKey,
            advertisedHost: configuration.advertisedHost,
            startedAtMilliseconds: CoordinatorActor.wallClock(), metrics: metrics,
            packages: { await artefacts.deployedPackages })
        let report = CoordinatorReport(
            metrics: metrics, actor: actor, desk: desk, store: store,
            startedAtMilliseconds: administration.startedAtMilliseconds, fronts: { transport.connectedFronts() }
        ) { transport.counters().byReason }
        let access = try AdminAccess.loadOrCreate(at: folder + "/admin.json", makingToken: Secret.make)
        let retention = RetentionDesk(store: store, days: configuration.telemetryDays, logger: logger)
        let (host, peer, logger) = (configuration.advertisedHost, configuration.peerHost, logger)
        let application = AdminServer(
            fleet: administration, hooks: HookSharingAdministration(actor: actor),
            rollouts: RolloutDesk(actor: actor), artefacts: ArtefactAdministrator(desk: artefacts, actor: actor),
            care: BoardCareDesk(actor: actor) {
                await artefacts.forget(allBut: Set(await actor.activeBoards))
            },
            access: AccessDesk(store: store, localToken: access.token, metrics: metrics),
            ready: { await report.obstacle() },
            observe: { metrics.answered($0, $1, $2) }, extend: Dashboard.add
        )
        .application(host: configuration.host, port: configuration.adminPort) { port in
            let url = "http://\(host):\(port)"
            do {
                try AdminAccess(url: url, token: access.token).save(to: folder + "/admin.json")
                logger.info("coordinator started", metadata: ["admin": "\(url)"])
            } catch { logger.critical("admin.json not written", metadata: ["error": "\(error)"]) }
            await opened.announce(.init(relay: relay, admin: "http://\(peer):\(port)"), logger: logger)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await serve(actor, transport, application, desk, artefacts, news) }
            if let port = configuration.metricsPort {
                group.addTask { try await serveMetrics(report, at: port) }
            }
            group.addTask { try await opened.watchLease() }
            group.addTask { await retention.run() }
            try await group.next()
            group.cancelAll()
        }
        await actor.stopped()
        await desk.stop()
        await transport.stop()
        await opened.close()
    }

    /// What is wrong with the audit log, as the log and metrics tell; `nil` where it is whole.
    private func auditFault(_ store: any FleetStore, _ metrics: CoordinatorMetrics) async throws -> AuditFault? {
        let fault = try await store.verifyAudit().fault
        if let fault { logger.critical("the audit log was tampered with", metadata: ["first": "\(fault)"]) }
        metrics.auditChecked(isWhole: fault == nil)
        return fault
    }

    private func fleetActor(
        _ store: any FleetStore & SharingStore & RolloutStore, _ transport: ZeroMQCoordinatorTransport,
        _ metrics: CoordinatorMetrics
    ) async throws -> CoordinatorActor {
        var settings = CoordinatorActor.Machine.Settings()
        settings.heartbeat = configuration.heartbeat
        var sharing = CoordinatorActor.SharingMachine.Settings()
        sharing.watch = configuration.hookWatch
        return try await CoordinatorActor(
            settings: settings, store: store, transport: transport, logger: logger, sharing: store,
            rollouts: store, sharingSettings: sharing, gatheringTime: Self.gatheringTime, metrics: metrics,
            longestKeyAge: configuration.keyDays.map { .seconds(86_400 * $0) })
    }

    private func searchDesk(_ store: any FleetStore, _ actor: CoordinatorActor) async throws -> SearchDesk {
        var transfer = TransferDesk.Machine.Settings()
        transfer.settle = configuration.measureAfter
        return try await SearchDesk(
            store: store, logger: logger, fleet: MeasuringFleet(actor), transfer: transfer
        ) { await actor.record(.searchChanged, nil, $0) }
    }

    private func serveMetrics(_ report: CoordinatorReport, at port: Int) async throws {
        let server = MetricsServer(
            collect: { try await report.families() }, ready: { await report.obstacle() })
        try await server.application(host: configuration.host, port: port) { port in
            report.metrics.bound(to: port)
        }.run()
    }

    private func artefactDesk(
        _ actor: CoordinatorActor, _ transport: ZeroMQCoordinatorTransport, _ store: any AuditAppending
    ) throws -> ArtefactDesk {
        let logger = logger
        var settings = ChunkQueue<ContinuousClock.Instant>.Settings()
        settings.bytesPerSecond = configuration.artefactBytesPerSecond
        return try ArtefactDesk(
            folder: configuration.stateDirectory, audit: store, settings: settings, logger: logger,
            send: { message, board in
                do { try transport.send(message, to: board) } catch {
                    logger.warning("message not sent", metadata: ["board": "\(board)", "error": "\(error)"])
                }
            }, record: { await actor.record($0, $1, $2) })
    }

    /// The coordinator's own key, made on the first start.
    /// - Throws: when it is lost though boards know it: to them a new one is another coordinator's.
    private func keys(at path: String, _ store: any FleetStore) async throws -> CurveKeyPair {
        if !PrivateFile.exists(path), try await !store.boards().isEmpty {
            throw PrivateFileFailure(path, "is missing, though boards are enrolled with it; restore it from a backup")
        }
        return try CurveKeyPair.loadOrCreate(at: path)
    }

    /// That of the front which this was, with its boards, or a new one.
    private func transport(
        _ keys: CurveKeyPair, _ store: CoordinatorStore, _ front: FrontDuty
    ) async throws -> ZeroMQCoordinatorTransport {
        let allowed = try await store.fleet.allowedBoards(in: store.path)
        guard let transport = front.openTransport else {
            return try ZeroMQCoordinatorTransport(
                binding: configuration.endpoints, keys: keys, allowList: AllowList(allowed))
        }
        transport.lead(allowed)
        return transport
    }

    /// Opens the endpoint of fronts.
    /// - Returns: where they reach it; `nil` where there are none.
    private func relay(_ transport: ZeroMQCoordinatorTransport) throws -> String? {
        guard let port = configuration.relayPort else { return nil }
        return configuration.told(try transport.serveFronts(at: "tcp://\(configuration.host):\(port)"))
    }

    private func serve(
        _ actor: CoordinatorActor, _ transport: ZeroMQCoordinatorTransport, _ application: some ApplicationProtocol,
        _ desk: SearchDesk, _ artefacts: ArtefactDesk, _ news: BoardNews
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for await (board, report) in news.artefacts {
                    if await !actor.isDrained(board.id) { await artefacts.received(report, from: board) }
                }
            }
            group.addTask {
                while !Task.isCancelled {
                    await artefacts.timerFired()
                    try? await Task.sleep(for: Self.chunkTick)
                }
            }
            group.addTask { for await incoming in transport.incoming { await actor.received(incoming) } }
            group.addTask {
                while !Task.isCancelled {
                    await actor.timerFired()
                    await desk.timerFired()
                    await artefacts.publish(await actor.policySets)
                    try? await Task.sleep(for: Self.tick)
                }
            }
            group.addTask { for await (board, records) in news.telemetry { await desk.observed(records, from: board) } }
            group.addTask {
                for await (board, report) in news.measurements { await desk.measured(report, by: board) }
            }
            group.addTask { try await application.run() }
            // The interface ends on graceful shutdown, and everything with it.
            try await group.next()
            group.cancelAll()
        }
    }
}

/// What boards say, for those that may lag behind: of too much, the oldest is lost.
private struct BoardNews {
    private static let limit = 1_000

    /// As it is stored.
    let telemetry: AsyncStream<(BoardDescription, [TelemetryRecord])>
    let measurements: AsyncStream<(BoardDescription, MeasureReport)>
    let artefacts: AsyncStream<(BoardDescription, ArtefactReport)>

    init(of actor: CoordinatorActor) async {
        let (telemetry, records) = AsyncStream.makeStream(
            of: (BoardDescription, [TelemetryRecord]).self, bufferingPolicy: .bufferingNewest(Self.limit))
        let (measurements, reports) = AsyncStream.makeStream(
            of: (BoardDescription, MeasureReport).self, bufferingPolicy: .bufferingNewest(Self.limit))
        let (artefacts, states) = AsyncStream.makeStream(
            of: (BoardDescription, ArtefactReport).self, bufferingPolicy: .bufferingNewest(FleetLimits.boards))
        (self.telemetry, self.measurements, self.artefacts) = (telemetry, measurements, artefacts)
        await actor.observeTelemetry { records.yield(($0, $1)) }
        await actor.observeMeasurements { reports.yield(($0, $1)) }
        await actor.observeArtefacts { states.yield(($0, $1)) }
    }
}
