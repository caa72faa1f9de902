/// What a board does about artefacts: it believes a key, follows the newest order, fetches what is missing, one
/// artefact at a time, and switches. Orders, results and time come in, actions leave; what has to last is on the shelf
/// before an action speaks of it.
///
///     desired ──signed by the believed key, newer or allowed to be older, not known as bad──▶ fetching
///     fetching ──whole and verified──▶ on the shelf ──use──▶ loading ──loaded──▶ in use ──time──▶ proven
///                                                              └──not loaded, or two deaths──▶ bad; the one before
///     a package ──whole──▶ examined ──fits what runs──▶ waits for the next start
///                                   └──does not──▶ refused until the agent starts again
///
/// An order with a lower generation than the last is one that was heard before, and is forgotten. An artefact that is
/// not desired any more stays as it is.
public struct ArtefactReceiver<Disk: ArtefactDisk, Instant: InstantProtocol>
where Instant: Sendable, Instant.Duration == Duration {
    public struct Settings: Sendable {
        public var transfer = ArtefactTransfer<Instant>.Settings()
        /// A state that was not heard is said again.
        public var resend: Duration = .seconds(5)
        /// A state that differs in received bytes alone is said this often.
        public var progress: Duration = .seconds(5)
        /// A version that was loaded for so long has proven itself.
        public var proof: Duration = .seconds(60)
        /// What the disk did not do is tried again.
        public var diskPause: Duration = .seconds(10)

        public init() {}
    }

    public enum Action: Equatable, Sendable {
        case send(ArtefactReport)
        /// Take the version over without a pause, then call `loaded` or `notLoaded`. `nil`: what the agent was
        /// configured with.
        case load(ArtefactID, SignedManifest)
        /// Look whether the package fits what runs, without a pause, then call `examined`.
        case examine(ArtefactID, SignedManifest)
        /// For people.
        case tell(String)
    }

    private let settings: Settings
    public private(set) var shelf: ArtefactShelf<Disk>
    /// What this board can use.
    private let usable: Set<ArtefactID>
    /// What the agent was started with, of kinds that wait for that.
    private let started: [ArtefactID: ContentSum]
    /// What the agent runs of the shelf.
    private var running: [ArtefactID: Running] = [:]
    /// Not heard yet.
    private var damaged: [ArtefactDamage]
    private var isConnected = false
    private var transfer: ArtefactTransfer<Instant>?
    private var wrongWholes = 0
    private var loading: Set<ArtefactID> = []
    private var examining: Set<ContentSum> = []
    /// Packages that were looked at since the start: what they are refused for, empty where nothing is.
    private var examined: [ContentSum: String] = [:]
    private var onTrialSince: [ArtefactID: Instant] = [:]
    /// Why a desired version is not used.
    private var refusals: [ArtefactID: String] = [:]
    private var trouble: String?
    private var notBefore: Instant?
    private var said: (state: ArtefactState, at: Instant, isHeard: Bool)?

    /// - Parameters:
    ///   - usable: what this board can use.
    ///   - started: contents that the agent was started with.
    ///   - lastNumber: not below that of any state before, also of earlier starts.
    public init(
        _ shelf: ArtefactShelf<Disk>, usable: Set<ArtefactID>, started: [ArtefactID: ContentSum],
        settings: Settings = Settings(), lastNumber: UInt64 = 0, at now: Instant
    ) {
        self.lastNumber = lastNumber
        damaged = shelf.damaged.map {
            ArtefactDamage(find: lastNumber + $0.find, id: $0.id, version: $0.version, reason: $0.reason)
        }
        (self.shelf, self.usable, self.started, self.settings) = (shelf, usable, started, settings)
        for (id, slot) in shelf.index.slots {
            if slot.trial != nil { onTrialSince[id] = now }
            let held = [slot.inUse, slot.previous].compactMap { $0?.manifest }.first { $0.sum == started[id] }
            if let held { running[id] = Running(held) }
        }
    }

    private struct Running {
        var sum: ContentSum
        var version: UInt64

        init(_ manifest: ArtefactManifest) { (sum, version) = (manifest.sum, manifest.version) }
    }

    // MARK: Connection

    public mutating func sessionStarted(at now: Instant) -> [Action] {
        isConnected = true
        said = nil
        return plan(at: now) + perform(transfer?.sessionStarted(at: now) ?? [], at: now) + report(at: now)
    }

    public mutating func sessionLost() { isConnected = false }

    // MARK: Orders

    public mutating func received(_ order: ArtefactOrder, at now: Instant) -> [Action] {
        guard isConnected else { return [] }
        switch order {
        case .heard(let number):
            guard let said, said.state.number == number else { return [] }
            self.said?.isHeard = true
            damaged.removeAll { said.state.damaged.contains($0) }
            self.said?.state.damaged = []
            return []
        case .trust(let key, let rotations): return told(key, rotations, at: now)
        case .desired(let generation, let desired):
            guard generation >= shelf.index.generation, desired.count <= ArtefactLimits.perBoard,
                Set(desired.map(\.id)).count == desired.count
            else { return [] }
            let actions = attempt(at: now) { shelf throws(DiskFailure) in
                try shelf.desire(desired.sorted { $0.id < $1.id }, generation: generation)
            }
            // Said again even where nothing is new: the state that told it may have been lost.
            said = nil
            return actions + plan(at: now) + report(at: now)
        case .chunk(let sum, let chunk, let bytes, let proof):
            guard transfer?.manifest.sum == sum else { return [] }
            return perform(
                transfer?.chunkReceived(chunk, bytes: bytes, proof: proof, at: now) ?? [], at: now)
                + report(at: now)
        case .missing(let sum):
            guard let manifest = transfer?.manifest, manifest.sum == sum else { return [] }
            refusals[manifest.id] = "the coordinator does not have the content"
            return report(at: now)
        }
    }

    private mutating func told(_ key: ArtefactKey, _ rotations: [KeyRotation], at now: Instant) -> [Action] {
        var actions: [Action] = []
        switch ArtefactTrust.announced(key, rotations: rotations, pinned: shelf.index.key) {
        case .unchanged: break
        case .refused: actions = [.tell("the coordinator names a signing key that nothing leads to: \(key)")]
        case .pinned(let key), .rotated(let key):
            actions = attempt(at: now) { shelf throws(DiskFailure) in try shelf.believe(key) }
            if actions.isEmpty { actions = [.tell("signing key \(key) is believed")] }
        }
        return actions + plan(at: now) + report(at: now)
    }

    // MARK: Results

    public mutating func loaded(_ id: ArtefactID, _ sum: ContentSum, at now: Instant) -> [Action] {
        guard loading.contains(id), shelf.index.slots[id]?.inUse?.manifest.sum == sum else { return [] }
        loading.remove(id)
        running[id] = shelf.index.slots[id]?.inUse.map { Running($0.manifest) }
        onTrialSince[id] = now
        return plan(at: now) + report(at: now)
    }

    public mutating func notLoaded(
        _ id: ArtefactID, _ sum: ContentSum, reason: String, at now: Instant
    ) -> [Action] {
        guard loading.contains(id), shelf.index.slots[id]?.inUse?.manifest.sum == sum else { return [] }
        loading.remove(id)
        let actions = attempt(at: now) { shelf throws(DiskFailure) in try shelf.failed(id, sum, reason: reason) }
        return [.tell("\(id) is not used: \(reason)")] + actions + plan(at: now) + report(at: now)
    }

    /// - Parameter refusal: why the package cannot take the place of what runs; `nil` where it can.
    public mutating func examined(
        _ id: ArtefactID, _ sum: ContentSum, refusal: String?, at now: Instant
    ) -> [Action] {
        guard examining.remove(sum) != nil else { return [] }
        examined[sum] = refusal ?? ""
        let told: [Action] = refusal.map { [.tell("\(id) is not used: \($0)")] } ?? []
        return told + plan(at: now) + report(at: now)
    }

    /// A normal end.
    public mutating func stopping() { try? shelf.stopped() }

    // MARK: Time

    public mutating func timerFired(at now: Instant) -> [Action] {
        var actions: [Action] = []
        for (id, since) in onTrialSince where since.duration(to: now) >= settings.proof && !loading.contains(id) {
            actions += attempt(at: now) { shelf throws(DiskFailure) in try shelf.proven(id) }
            onTrialSince[id] = nil
        }
        if let notBefore, now >= notBefore {
            (self.notBefore, trouble) = (nil, nil)
            actions += plan(at: now)
        }
        if isConnected { actions += perform(transfer?.timerFired(at: now) ?? [], at: now) }
        return actions + report(at: now)
    }

    // MARK: Deciding

    /// Switches to what is here, and fetches the first of what is not.
    private mutating func plan(at now: Instant) -> [Action] {
        guard notBefore == nil else { return [] }
        var actions: [Action] = []
        var missing: ArtefactManifest?
        refusals = [:]
        for desired in shelf.index.desired {
            let manifest = desired.signed.manifest
            guard shelf.index.slots[desired.id]?.inUse?.manifest != manifest else { continue }
            if let reason = refusal(of: desired) {
                refusals[desired.id] = reason
                continue
            }
            guard !loading.contains(desired.id) else { continue }
            do throws(DiskFailure) {
                if try shelf.holds(manifest) {
                    let fits = manifest.id.kind != .modelPackage || examined[manifest.sum] != nil
                    actions += fits ? try use(desired.signed, at: now) : examine(desired.signed)
                } else if missing == nil {
                    missing = manifest
                }
            } catch { return actions + stumbled(error, at: now) }
        }
        return actions + fetch(missing, at: now)
    }

    private func refusal(of desired: DesiredArtefact) -> String? {
        guard usable.contains(desired.id) else { return "this board has no use for it" }
        guard let key = shelf.index.key else { return "no signing key is known yet" }
        guard desired.signed.isSigned(by: key) else { return "it is not signed by the key that this board believes" }
        let (manifest, slot) = (desired.signed.manifest, shelf.index.slots[desired.id])
        if let reason = slot?.reason(against: manifest.sum) { return reason }
        if let reason = examined[manifest.sum], !reason.isEmpty { return reason }
        guard let known = slot?.inUse?.manifest, !desired.mayDowngrade else { return nil }
        if manifest.version < known.version { return "it is older than version \(known.version), which is used" }
        guard manifest.version > known.version || manifest.sum == known.sum else {
            return "version \(known.version) is used with another content"
        }
        return nil
    }

    private mutating func examine(_ signed: SignedManifest) -> [Action] {
        guard examining.insert(signed.manifest.sum).inserted else { return [] }
        return [.examine(signed.manifest.id, signed)]
    }

    private mutating func use(_ signed: SignedManifest, at now: Instant) throws(DiskFailure) -> [Action] {
        let id = signed.manifest.id
        let isRunning = id.kind.isTakenOverAtOnce
        try shelf.use(signed, isRunning: isRunning)
        onTrialSince[id] = nil
        guard isRunning else { return [.tell("\(id) version \(signed.manifest.version) waits for the next start")] }
        loading.insert(id)
        return [.load(id, signed)]
    }

    private mutating func fetch(_ missing: ArtefactManifest?, at now: Instant) -> [Action] {
        guard let missing else {
            transfer = nil
            return []
        }
        guard transfer?.manifest.sum != missing.sum else { return [] }
        do throws(DiskFailure) {
            transfer = ArtefactTransfer(
                missing, kept: try shelf.keptChunks(of: missing), settings: settings.transfer, at: now)
            wrongWholes = 0
        } catch { return stumbled(error, at: now) }
        return isConnected ? perform(transfer?.sessionStarted(at: now) ?? [], at: now) : []
    }

    private mutating func perform(
        _ actions: [ArtefactTransfer<Instant>.Action], at now: Instant
    ) -> [Action] {
        var result: [Action] = []
        for action in actions {
            guard let manifest = transfer?.manifest else { return result }
            switch action {
            case .ask(let chunks): result.append(.send(.wanted(manifest.sum, chunks: chunks)))
            case .keep(let chunk, let bytes):
                do throws(DiskFailure) {
                    try shelf.keep(chunk, bytes, of: manifest)
                    trouble = nil
                    let next = transfer?.chunkKept(chunk, at: now) ?? []
                    result += perform(next, at: now)
                } catch {
                    transfer?.chunkNotKept(chunk, at: now)
                    if trouble == nil { result.append(.tell("\(manifest.id) is not kept: \(error)")) }
                    trouble = "\(error)"
                }
            case .verifyWhole: result += finish(manifest, at: now)
            }
        }
        return result
    }

    private mutating func finish(_ manifest: ArtefactManifest, at now: Instant) -> [Action] {
        do throws(DiskFailure) {
            if try !shelf.finish(manifest) {
                // Every chunk was right: the disk lost one, or the manifest contradicts itself.
                wrongWholes += 1
                guard wrongWholes < 2 else {
                    try shelf.refuse(manifest, reason: "the chunks of its manifest are not the whole of its manifest")
                    transfer = nil
                    return [.tell("\(manifest.id) contradicts itself")] + plan(at: now)
                }
                transfer = ArtefactTransfer(manifest, kept: [], settings: settings.transfer, at: now)
                return perform(transfer?.sessionStarted(at: now) ?? [], at: now)
            }
        } catch { return stumbled(error, at: now) }
        transfer = nil
        return plan(at: now)
    }

    private mutating func attempt(
        at now: Instant, _ body: (inout ArtefactShelf<Disk>) throws(DiskFailure) -> Void
    ) -> [Action] {
        do throws(DiskFailure) {
            try body(&shelf)
            return []
        } catch { return stumbled(error, at: now) }
    }

    private mutating func stumbled(_ failure: DiskFailure, at now: Instant) -> [Action] {
        notBefore = now.advanced(by: settings.diskPause)
        transfer = nil
        defer { trouble = "\(failure)" }
        return trouble == nil ? [.tell("the shelf of artefacts: \(failure)")] : []
    }

    // MARK: Reporting

    private mutating func report(at now: Instant) -> [Action] {
        guard isConnected else { return [] }
        var state = state
        if let said {
            let age = said.at.duration(to: now)
            state.number = said.state.number
            let isNews = state != said.state
            let isProgress = isNews && state.withoutProgress == said.state.withoutProgress
            let isDue = isProgress ? age >= settings.progress : isNews || (!said.isHeard && age >= settings.resend)
            guard isDue else { return [] }
        }
        lastNumber += 1
        state.number = lastNumber
        said = (state, now, false)
        return [.send(.state(state))]
    }

    private var lastNumber: UInt64

    /// All that is here or desired, and the policies that this board would use: by these the coordinator knows that it
    /// knows them.
    public var state: ArtefactState {
        let index = shelf.index
        let desired = Dictionary(index.desired.map { ($0.id, $0.signed.manifest) }) { first, _ in first }
        let policies = usable.filter { $0.kind == .policy }
        let ids = policies.union(desired.keys).union(index.slots.keys).sorted().prefix(ShelfIndex.slotLimit)
        return ArtefactState(
            number: 0, key: index.key, generation: index.generation,
            holdings: ids.map { holding(of: $0, desired[$0]) },
            damaged: Array(damaged.prefix(ArtefactLimits.damagePerState)))
    }

    private func holding(of id: ArtefactID, _ desired: ArtefactManifest?) -> ArtefactHolding {
        let slot = shelf.index.slots[id]
        let inUse = slot?.inUse?.manifest
        var holding = ArtefactHolding(
            id: id, status: .leftOver, version: inUse?.version ?? 0,
            previousVersion: slot?.previous?.manifest.version ?? 0, desiredVersion: desired?.version ?? 0,
            receivedBytes: 0, reason: "", runningVersion: runningVersion(of: id, inUse))
        guard let desired else { return holding }
        if let reason = refusals[id] {
            (holding.status, holding.reason) = (.refused, reason.reason())
        } else if inUse != desired || loading.contains(id) {
            holding.status = .fetching
            if transfer?.manifest == desired { holding.receivedBytes = transfer?.keptBytes ?? 0 }
            if examining.contains(desired.sum) { holding.receivedBytes = desired.byteCount }
            holding.reason = (trouble ?? "").reason()
        } else {
            let waits = !id.kind.isTakenOverAtOnce && started[id] != desired.sum
            (holding.status, holding.receivedBytes) = (waits ? .waitsForStart : .inUse, desired.byteCount)
        }
        return holding
    }

    /// Versions may share a content: then that on the disk counts.
    private func runningVersion(of id: ArtefactID, _ inUse: ArtefactManifest?) -> UInt64? {
        guard usable.contains(id) else { return nil }
        guard let running = running[id] else { return 0 }
        return running.sum == inUse?.sum ? inUse?.version : running.version
    }
}

extension ArtefactState {
    fileprivate var withoutProgress: ArtefactState {
        var state = self
        for index in state.holdings.indices { state.holdings[index].receivedBytes = 0 }
        return state
    }
}
