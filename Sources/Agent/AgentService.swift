import AgentCore
import ArtefactFiles
import Artefacts
import Engine
import Files
import FleetModel
import Foundation
import Hummingbird
import InferenceAPI
public import Logging
import Messaging
import MetricsServing
import NIOCore
public import ServiceLifecycle
import SpoolStore
import WireProtocol

/// An agent: executors that run the models' frames, one connection to the coordinator, one actor that decides.
///
/// Composition root of the board: reads the configuration, joins the fleet if the board has not, starts the models,
/// and keeps telling the coordinator what they measure. Runs until its task is cancelled.
public struct AgentService: Service {
    public static let engineVersion = ProductVersion.current
    private static let tick: Duration = .milliseconds(50)
    private static let enrolmentTimeout: Duration = .seconds(10)

    private let configuration: AgentConfiguration
    private let logger: Logger

    public init(configuration: AgentConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    public func run() async throws {
        let (requests, metrics, logger) = (InferenceDesk(), MetricsDesk(), self.logger)
        let board = try openBoard()
        defer { withExtendedLifetime(board.lock) {} }
        let (frames, inference) = try board.ending { try endpoints(requests) }
        frames?.start()
        defer { frames?.stop() }
        let isAsked = inference != nil || frames != nil
        try await withThrowingTaskGroup(of: Void.self) { group in
            if let (place, address) = inference {
                group.addTask {
                    let server = InferenceServer(requests, version: Self.engineVersion)
                    let application = server.application(at: address) { port in
                        logger.info("inference endpoint listens", metadata: ["at": "\(place.described(port: port))"])
                    }
                    do { try await application.run() } catch let error as IOError {
                        throw EndpointFailure(place: place, code: error.errnoCode)
                    }
                }
            }
            if let place = configuration.metrics {
                group.addTask {
                    try await metrics.server.application(host: place.host, port: place.port) { port in
                        logger.info("metrics are served", metadata: ["at": "http://\(place.host):\(port)/metrics"])
                    }.run()
                }
            }
            group.addTask { try await runModels(of: board, answeringAt: isAsked ? requests : nil, metrics) }
            // Whichever ends first, by a failure or a graceful shutdown, ends the others.
            try await group.next()
            group.cancelAll()
        }
    }

    private func endpoints(_ desk: InferenceDesk) throws -> (FrameServer?, (InferencePlace, BindAddress)?) {
        let inference = try configuration.inference.map { place in (place, try place.address()) }
        let frames = try configuration.frames.map { path throws(ConfigurationFailure) in
            try FrameServer(desk, at: path, logger: logger)
        }
        return (frames, inference)
    }

    /// All that runs on a board, ready to serve.
    private struct Parts {
        var control: AgentControl
        var transport: RekeyedTransport
        var executors: [BoardExecutor]
        var runners: [ModelRunner]
    }

    /// What an agent has of its board before anything listens.
    private struct OpenBoard: Sendable {
        let state: AgentState
        let lock: FolderLock
        let folder: ArtefactFolder
        let shelf: ArtefactShelf<FolderDisk>

        /// Whatever is said in a sentence is no death by a version that is new here.
        func ending<Result>(_ body: () throws -> Result) throws -> Result {
            do { return try body() } catch {
                var shelf = shelf
                try? shelf.stopped()
                throw error
            }
        }
    }

    /// - Throws: where another agent has the folder, a configured file is not there that the shelf has nothing for, its
    ///   table of points cannot be used, or the board belongs to no fleet and cannot join one. Whatever can be said
    ///   without loading a model is said before anything listens: endpoints that end at once have errors of their own.
    private func openBoard() throws -> OpenBoard {
        let state = try AgentState(folder: configuration.stateDirectory)
        let lock = try state.lock()
        if let mode = state.openMode {
            logger.warning(
                "the state folder is open to others; set it to 700",
                metadata: ["folder": "\(configuration.stateDirectory)", "mode": "\(mode)"])
        }
        let folder = try ArtefactFolder(stateDirectory: configuration.stateDirectory)
        let shelf = try ArtefactShelf(folder.disk, atMilliseconds: UInt64(Date().timeIntervalSince1970 * 1_000))
        let board = OpenBoard(state: state, lock: lock, folder: folder, shelf: shelf)
        try board.ending {
            for model in configuration.models where try folder.replacing(model, on: shelf).used.isEmpty {
                try model.checkFiles()
                _ = try ParetoTable.read(at: model.points)
            }
            if try knownMembership(state) == nil { _ = try enrolmentBundle() }
        }
        return board
    }

    private func runModels(
        of board: OpenBoard, answeringAt desk: InferenceDesk?, _ metrics: MetricsDesk
    ) async throws {
        let (state, folder) = (board.state, board.folder)
        var shelf = board.shelf
        let parts: Parts
        do { parts = try await self.parts(state, &shelf, folder, answersRequests: desk != nil) } catch {
            // Whatever is said in a sentence is no death by a version that is new here.
            try? shelf.stopped()
            throw error
        }
        await parts.control.resumeLastAssignment()
        for executor in parts.executors { executor.start() }
        desk?.open(parts.runners)
        let transport = parts.transport
        metrics.open(.init(control: parts.control, runners: parts.runners) { transport.counters() })
        logger.info("agent started", metadata: ["board": "\(configuration.board)"])
        await serve(parts.control, parts.transport)
        await parts.control.stopped()
        desk?.close()
        metrics.close()
        for executor in parts.executors { executor.stop() }
        try? parts.transport.send(.goodbye)
        await parts.transport.stop()
    }

    private func parts(
        _ state: AgentState, _ shelf: inout ArtefactShelf<FolderDisk>, _ folder: ArtefactFolder, answersRequests: Bool
    ) async throws -> Parts {
        let kernels = try KernelSet.selected()
        let hardware = BoardHardware.read(instructionSet: kernels.instructionSet)
        let keys = try state.keys()
        try checkProcessors(hardware)
        var loader = ModelLoader(kernels: kernels)
        var clock = ProcessorClock(processors: hardware.processors)
        let models = try ShelvedModels(configuration.models, on: &shelf, folder: folder) { model in
            defer { clock.pointsMeasured() }
            return try loader.load(model)
        }
        try folder.removeStrays(shelf)
        for note in shelf.notes + models.notes { logger.warning("artefacts", metadata: ["message": "\(note)"]) }
        let deployments = models.deployments
        for deployment in deployments {
            guard let failure = deployment.hookFailure else { continue }
            logger.warning("hooks", metadata: ["model": "\(deployment.name)", "reason": "\(failure)"])
        }
        let description = BoardDescription(
            id: configuration.board, boardClass: hardware.boardClass, labels: configuration.labels,
            cores: hardware.cores, memoryBytes: hardware.memoryBytes, engineVersion: Self.engineVersion,
            models: deployments.map(\.description),
            interference: InterferenceMeasurer.measure(
                deployments, shares: ExecutorShare.shares(of: deployments, cores: hardware.cores)),
            watts: configuration.watts)
        // What the coordinator would refuse, for ever, is said here.
        try description.validate()
        let membership = try await membership(state, keys, description)
        let coordinators = configuration.coordinators ?? membership.allFleetEndpoints
        let transport = try RekeyedTransport(keys: keys) { keys in
            try ZeroMQAgentTransport(
                connectingTo: coordinators, as: membership.board.rawValue, serverKey: membership.serverPublicKey,
                keys: keys)
        }
        let conditions = BoardConditions()
        let executors = BoardExecutor.executors(
            for: deployments, on: hardware, answersRequests: answersRequests, conditions: conditions)
        let runners = deployments.compactMap { deployment in
            executors.flatMap(\.runners).first { $0.deployment.name == deployment.name }
        }
        let incarnation: UInt64
        let spool: SpoolDesk
        (incarnation, spool) = try spoolDesk(state)
        let control = AgentControl(
            board: description, incarnation: incarnation, state: state, transport: transport, runners: runners,
            sampler: TelemetrySampler(
                runners: runners, processors: hardware.processors, conditions: conditions, clock: clock),
            spool: spool,
            artefacts: ArtefactDesk(
                shelf, folder: folder, started: models.started, models: configuration.models, runners: runners,
                incarnation: incarnation, logger: logger),
            shares: ShareDesk(
                executors.map(\.shareLane), cores: hardware.cores,
                enforcement: .init(
                    configuration.shares, processors: hardware.processors,
                    process: ProcessInfo.processInfo.processIdentifier)),
            keys: KeyDesk(folder: configuration.stateDirectory, current: keys, logger: logger) {
                try transport.reconnect(with: $0)
            },
            coordinators: coordinators.count,
            window: .milliseconds(configuration.telemetryMilliseconds), logger: logger)
        return Parts(control: control, transport: transport, executors: executors, runners: runners)
    }

    /// The number of this start is above that of every record that waits.
    private func spoolDesk(_ state: AgentState) throws -> (UInt64, SpoolDesk) {
        let path = configuration.stateDirectory + "/spool.sqlite"
        var opened = SpoolDesk.Opened(path: path)
        let damaged = state.damaged
        if !damaged.isEmpty {
            let trouble = "\(damaged.joined(separator: ", ")) damaged, the state before was taken"
            opened.content.trouble = [trouble, opened.content.trouble].filter { !$0.isEmpty }.joined(separator: "; ")
        }
        let incarnation = try state.nextIncarnation(above: opened.incarnation)
        let spool = SpoolDesk(
            opened, at: path, settings: .init(byteLimit: configuration.spoolBytes), incarnation: incarnation,
            logger: logger)
        return (incarnation, spool)
    }

    private func checkProcessors(_ hardware: BoardHardware) throws(ConfigurationFailure) {
        for (index, model) in configuration.models.enumerated() {
            guard let processor = model.processor, !hardware.processors.contains(processor) else { continue }
            throw ConfigurationFailure(
                file: "models[\(index)].processor",
                reason: "\(processor) is not one of \(hardware.processors), which the agent may use")
        }
    }

    private func knownMembership(_ state: AgentState) throws(ConfigurationFailure) -> AgentState.Membership? {
        guard let known = state.membership else { return nil }
        guard known.board == configuration.board else {
            throw ConfigurationFailure(
                file: configuration.stateDirectory,
                reason: "belongs to the board \(known.board), not to \(configuration.board)")
        }
        return known
    }

    private func enrolmentBundle() throws -> EnrolmentBundle {
        guard let path = configuration.enrolment else {
            throw ConfigurationFailure(
                file: configuration.stateDirectory, reason: "the board is not enrolled and enrolment names no bundle")
        }
        return try EnrolmentBundle.load(from: path)
    }

    private func membership(
        _ state: AgentState, _ keys: CurveKeyPair, _ board: BoardDescription
    ) async throws -> AgentState.Membership {
        if let known = try knownMembership(state) { return known }
        let bundle = try enrolmentBundle()
        // The point tables follow with the hello: what anybody may send to the enrolment endpoint is kept small.
        var board = board
        (board.models, board.interference) = ([], nil)
        let name = try await Enrolment.enrol(bundle, keys: keys, board: board, timeout: Self.enrolmentTimeout)
        let membership = AgentState.Membership(
            board: name, fleetEndpoint: bundle.fleetEndpoint, serverPublicKey: bundle.serverPublicKey,
            fleetEndpoints: bundle.fleetEndpoints.map { _ in bundle.allFleetEndpoints })
        try state.save(membership)
        logger.info("enrolled", metadata: ["board": "\(name)"])
        return membership
    }

    private func serve(_ control: AgentControl, _ transport: RekeyedTransport) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await received in transport.received { await control.received(received) }
            }
            group.addTask {
                while await control.timerFired(), !Task.isCancelled { try? await Task.sleep(for: Self.tick) }
            }
            await withGracefulShutdownHandler {
                _ = await group.next()
            } onGracefulShutdown: {
                control.stopServing()
            }
            group.cancelAll()
        }
    }
}
