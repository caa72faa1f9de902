import ArtefactFiles
import Artefacts
import FleetModel
import Foundation
import HookNetworks
import Logging
import Synchronization
import WireProtocol

/// Artefacts that the coordinator wants this board to use: part of the agent's actor. Each method returns what is to be
/// sent.
///
/// @unchecked because receiver and shelf are values, and the one thing that copies of them share, the folder, is
/// Sendable.
struct ArtefactDesk: @unchecked Sendable {
    typealias Receiver = ArtefactReceiver<FolderDisk, ContinuousClock.Instant>

    private var receiver: Receiver
    private let folder: ArtefactFolder
    private let takeovers: [ModelName: HookTakeover]
    private let trials: [ModelName: PackageTrial]
    private let finished = FinishedTakeovers()
    /// That were taken over and not asked for yet.
    private var policies: [ReceivedPolicies] = []
    private let logger: Logger

    /// Signed policies for a model.
    struct ReceivedPolicies {
        var model: ModelName
        var policies: [Policy]
        var signedAtSeconds: Int64
    }

    /// - Parameter started: what was loaded of the shelf; policies of the shelf are taken over here.
    init(
        _ shelf: ArtefactShelf<FolderDisk>, folder: ArtefactFolder, started: [ArtefactID: ContentSum],
        models: [AgentConfiguration.Model], runners: [ModelRunner], incarnation: UInt64,
        settings: Receiver.Settings = .init(), logger: Logger
    ) {
        let usable = ShelvedModels.usable(models)
        var (shelf, started) = (shelf, started)
        for id in usable.sorted() where id.kind == .policy {
            // The last good version before where the newest cannot be read.
            while let manifest = shelf.index.slots[id]?.inUse?.manifest {
                do {
                    policies.append(try Self.received(manifest, on: shelf, folder))
                    started[id] = manifest.sum
                    break
                } catch {
                    logger.warning("policies not used", metadata: ["model": "\(id.name)", "reason": "\(error)"])
                    guard (try? shelf.failed(id, manifest.sum, reason: "\(error)")) != nil else { break }
                }
            }
        }
        receiver = Receiver(
            shelf, usable: usable, started: started, settings: settings,
            // An answer to a state of an earlier start is none to one of this start.
            lastNumber: min(incarnation, 1 << 42) << 20, at: .now)
        self.folder = folder
        self.logger = logger
        let configured = Dictionary(models.map { ($0.name, $0.hooks) }) { first, _ in first }
        takeovers = Dictionary(
            runners.map { runner in
                let hooks = configured[runner.deployment.name.rawValue] ?? nil
                return (runner.deployment.name, HookTakeover(runner, configuration: hooks ?? .init(file: "")))
            }
        ) { first, _ in first }
        trials = Dictionary(
            runners.map { ($0.deployment.name, PackageTrial(of: $0.deployment)) }
        ) { first, _ in first }
    }

    mutating func sessionStarted() -> [Message] { perform(receiver.sessionStarted(at: .now)) }
    mutating func sessionLost() { receiver.sessionLost() }
    mutating func received(_ order: ArtefactOrder) -> [Message] { perform(receiver.received(order, at: .now)) }

    mutating func timerFired() -> [Message] {
        var messages: [Message] = []
        for result in finished.take() {
            let manifest = result.manifest
            if manifest.id.kind == .modelPackage {
                messages += perform(
                    receiver.examined(manifest.id, manifest.sum, refusal: result.failure, at: .now))
            } else if let failure = result.failure {
                messages += perform(receiver.notLoaded(manifest.id, manifest.sum, reason: failure, at: .now))
            } else {
                logger.info(
                    "artefact in use", metadata: ["artefact": "\(manifest.id)", "version": "\(manifest.version)"])
                messages += perform(receiver.loaded(manifest.id, manifest.sum, at: .now))
            }
        }
        for takeover in takeovers.values { takeover.collect() }
        return messages + perform(receiver.timerFired(at: .now))
    }

    /// The agent ends as it should.
    mutating func stopping() { receiver.stopping() }

    private mutating func perform(_ actions: [Receiver.Action]) -> [Message] {
        var messages: [Message] = []
        for action in actions {
            switch action {
            case .send(let report): messages.append(.artefactReport(report))
            case .tell(let text): logger.warning("artefacts", metadata: ["message": "\(text)"])
            case .load(let id, let signed): load(id, signed.manifest)
            case .examine(let id, let signed): examine(id, signed.manifest)
            }
        }
        return messages
    }

    private static func received(
        _ manifest: ArtefactManifest, on shelf: ArtefactShelf<FolderDisk>, _ folder: ArtefactFolder
    ) throws -> ReceivedPolicies {
        ReceivedPolicies(
            model: manifest.id.name, policies: try folder.policies(manifest, on: shelf),
            signedAtSeconds: Int64(manifest.createdAtMilliseconds / 1_000))
    }

    /// Policies that were taken over since this was asked last.
    mutating func takePolicies() -> [ReceivedPolicies] {
        defer { policies = [] }
        return policies
    }

    private mutating func load(_ id: ArtefactID, _ manifest: ArtefactManifest) {
        guard id.kind != .policy else {
            do {
                policies.append(try Self.received(manifest, on: receiver.shelf, folder))
                return finished.put(manifest, failure: nil)
            } catch { return finished.put(manifest, failure: "\(error)") }
        }
        guard let takeover = takeovers[id.name] else {
            return finished.put(manifest, failure: "no model of that name runs here")
        }
        let finished = finished
        do throws(DiskFailure) {
            let file = try folder.hookFile(manifest, on: receiver.shelf, learns: takeover.learns)
            takeover.start(file) { finished.put(manifest, failure: $0) }
        } catch { finished.put(manifest, failure: "\(error)") }
    }

    private func examine(_ id: ArtefactID, _ manifest: ArtefactManifest) {
        guard let trial = trials[id.name] else {
            return finished.put(manifest, failure: "no model of that name runs here")
        }
        let (finished, path) = (finished, folder.disk.path(of: receiver.shelf.file(of: manifest)))
        Thread.startBeside("examination") { finished.put(manifest, failure: trial.refusal(of: path)) }
    }
}

extension Thread {
    /// Runs beside the models, at the lowest priority that there is.
    fileprivate static func startBeside(_ name: String, _ body: @escaping @Sendable () -> Void) {
        let thread = Thread {
            // Of this thread.
            _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
            body()
        }
        thread.name = name
        thread.stackSize = 4 << 20
        thread.start()
    }
}

/// Loads other hooks for a model beside its frames, and hands them to its thread.
final class HookTakeover: Sendable {
    private let runner: ModelRunner
    private let configuration: AgentConfiguration.Hooks

    init(_ runner: ModelRunner, configuration: AgentConfiguration.Hooks) {
        (self.runner, self.configuration) = (runner, configuration)
    }

    var learns: Bool { configuration.learns == true }

    /// - Parameter report: called once on another thread, with what is wrong where something is.
    func start(_ file: String, _ report: @escaping @Sendable (String?) -> Void) {
        Thread.startBeside("takeover") { [self] in report(takeOver(file)) }
    }

    /// - Returns: why the model goes on with what it has, or `nil`.
    func takeOver(_ file: String) -> String? {
        guard var loader = runner.deployment.hookLoader else { return "the model takes no hooks" }
        loader.configuration = configuration
        loader.configuration.file = file
        let loading = loader.load()
        guard let hooks = loading.hooks else { return loading.failure ?? "the hooks cannot be used" }
        guard hooks.budgets.contains(where: { $0 != nil }) else { return "no operating point has a budget for hooks" }
        do throws(HookRefusal) {
            try runner.takeOver(hooks, failure: loading.failure)
            return nil
        } catch { return "\(error)" }
    }

    func collect() { runner.exchange.collect() }
}

/// What threads that load leave for the agent's actor.
private final class FinishedTakeovers: Sendable {
    struct Result {
        var manifest: ArtefactManifest
        /// `nil`: it is in use.
        var failure: String?
    }

    private let results = Mutex<[Result]>([])

    func put(_ manifest: ArtefactManifest, failure: String?) {
        results.withLock { $0.append(Result(manifest: manifest, failure: failure)) }
    }

    func take() -> [Result] {
        results.withLock { results in
            defer { results = [] }
            return results
        }
    }
}
