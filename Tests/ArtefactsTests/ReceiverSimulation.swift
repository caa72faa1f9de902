import FleetModel
import SearchSpace
import Testing

@testable import Artefacts

/// One board, one coordinator and a network that loses, repeats, delays and damages what it carries, with restarts of
/// both sides at any change of the board's disk, a disk that is full for a while, and somebody who says again what was
/// said before, and what another key has signed. Everything follows from the seed.
struct ReceiverSimulation {
    private struct Parcel {
        var arrival: TestInstant
        var order: ArtefactOrder?
        var report: ArtefactReport?
    }

    private static let step = 0.2
    private static let faultySeconds = 40.0
    private static let calmSeconds = 150.0

    private var generator: SeededGenerator
    private let board: BoardID
    private let id: ArtefactID
    private var disk: MemoryDisk
    private var receiver: ArtefactReceiver<MemoryDisk, TestInstant>?
    private var restart: TestInstant?
    private var signers: [ArtefactSigner] = [Samples.signer(1)]
    private var keys = SigningKeys(signer: Samples.signer(1))
    private var deployments = Deployments()
    private var versions: [UInt64] = []
    private var fleet: ArtefactFleet<TestInstant>
    private var queue = ChunkQueue<TestInstant>(at: .seconds(0))
    private var parcels: [Parcel] = []
    /// All orders that were ever said: what can be replayed.
    private var said: [ArtefactOrder] = []
    private var now = TestInstant.seconds(0)
    private var isFaulty = true
    /// Versions in the order in which the board took them over.
    private(set) var loads: [UInt64] = []
    private(set) var restarts = 0
    private(set) var problems: [String] = []

    init(seed: UInt64) throws {
        generator = SeededGenerator(seed: seed)
        board = try #require(BoardID("b"))
        id = try Samples.id()
        disk = MemoryDisk(seed: seed)
        fleet = ArtefactFleet(keys: keys, artefacts: [:], deployments: Deployments())
    }

    private mutating func chance(_ probability: Double) -> Bool {
        Double.random(in: 0..<1, using: &generator) < probability
    }

    // MARK: The run

    /// - Returns: what the board says it has in the end.
    mutating func run() throws -> ArtefactState? {
        try boot()
        while now < .seconds(Self.faultySeconds) {
            try change()
            try tick()
        }
        isFaulty = false
        disk.isFull = false
        disk.changesLeft = .max
        let end = now.advanced(by: .seconds(Self.calmSeconds))
        while now < end { try tick() }
        return receiver?.state
    }

    var deployed: UInt64 { deployments.everywhere[id] ?? 0 }
    var generation: UInt64 { deployments.generation }
    var key: ArtefactKey { keys.signer.key }

    private mutating func tick() throws {
        now = now.advanced(by: .seconds(Self.step))
        if let restart, now >= restart { try boot() }
        let arrived = parcels.filter { $0.arrival <= now }.sorted { $0.arrival < $1.arrival }
        parcels.removeAll { $0.arrival <= now }
        for parcel in arrived {
            if let order = parcel.order { try hear(order) }
            if let report = parcel.report { try hear(report) }
        }
        try act { $0.timerFired(at: $1) }
        try serve()
    }

    /// People and misfortune.
    private mutating func change() throws {
        if chance(0.02) || versions.isEmpty {
            versions.append((versions.max() ?? 0) + 1)
            deployments = deployments.deploying(id, version: versions.max() ?? 1)
            try told()
        } else if chance(0.005) {
            deployments = deployments.deploying(id, version: versions.randomElement(using: &generator) ?? 1)
            try told()
        }
        if chance(0.003), signers.count < 4 {
            signers.append(Samples.signer(UInt8(signers.count + 1)))
            keys = try keys.rotated(to: signers[signers.count - 1])
            deployments = deployments.above(deployments.generation)
            try told()
        }
        if chance(0.01) {
            // The coordinator starts again and knows of no board; sessions begin anew.
            fleet = ArtefactFleet(keys: keys, artefacts: try artefacts(), deployments: deployments)
            queue = ChunkQueue(at: now)
            try act { $0.sessionStarted(at: $1) }
        }
        if chance(0.02) { disk.changesLeft = Int.random(in: 0..<12, using: &generator) }
        if chance(0.02) { disk.isFull.toggle() }
        if chance(0.02) {
            receiver?.sessionLost()
            try act { $0.sessionStarted(at: $1) }
        }
        if chance(0.05), let old = said.randomElement(using: &generator) { try hear(old) }
        // The first key is believed; what comes after it is not.
        if receiver?.shelf.index.key != nil, chance(0.03) { try hear(forged()) }
    }

    /// As of somebody who has taken over the connection, but not the key.
    private mutating func forged() throws -> ArtefactOrder {
        let signed = try Samples.signed(99, id, count: 5_000, by: Samples.signer(77))
        // A generation that the coordinator has given out, so that the board goes on with the next true one.
        return chance(0.5)
            ? .trust(Samples.signer(77).key, [])
            : .desired(generation: deployments.generation, [DesiredArtefact(signed, mayDowngrade: true)])
    }

    // MARK: The coordinator

    private func artefacts() throws -> [ArtefactID: [SignedManifest]] {
        [id: try versions.map { try Samples.signed($0, id, count: 5_000, by: keys.signer) }]
    }

    private mutating func told() throws {
        try perform(fleet.changed(keys: keys, artefacts: try artefacts(), deployments: deployments, at: now))
    }

    private mutating func hear(_ report: ArtefactReport) throws {
        switch report {
        case .state(let state):
            try perform(fleet.stateReceived(state, from: board, models: [id.name], at: now))
        case .wanted(let sum, let chunks): queue.asked(board, sum, chunks, at: now)
        }
    }

    private mutating func serve() throws {
        try perform(fleet.timerFired(at: now))
        for due in queue.due(at: now) {
            guard let version = try versions.first(where: { try sum(of: $0) == due.content }) else {
                send(.missing(due.content))
                continue
            }
            let signed = try Samples.signed(version, id, count: 5_000)
            guard (0..<signed.manifest.chunkCount).contains(due.chunk) else { continue }
            var (bytes, proof) = Samples.chunk(due.chunk, of: signed)
            if isFaulty, chance(0.05) { bytes[Int.random(in: 0..<bytes.count, using: &generator)] ^= 1 }
            send(.chunk(due.content, chunk: due.chunk, bytes: bytes, proof: proof))
        }
    }

    private func sum(of version: UInt64) throws -> ContentSum {
        ContentSum(of: Samples.content(version, count: 5_000))
    }

    private mutating func perform(_ actions: [ArtefactFleet<TestInstant>.Action]) throws {
        for action in actions {
            switch action {
            case .send(let order, _): send(order)
            case .lift: problems.append("the board follows a generation that was never given out")
            case .refused, .damaged: break
            }
        }
    }

    // MARK: The network

    private mutating func send(_ order: ArtefactOrder) {
        said.append(order)
        carry(Parcel(arrival: now, order: order))
    }

    private mutating func carry(_ parcel: Parcel) {
        for _ in 0..<(isFaulty && chance(0.1) ? 2 : 1) {
            if isFaulty, chance(0.2) { continue }
            var parcel = parcel
            parcel.arrival = now.advanced(by: .seconds(Double.random(in: 0...(isFaulty ? 2 : 0.05), using: &generator)))
            parcels.append(parcel)
        }
    }

    // MARK: The board

    private mutating func boot() throws {
        restart = nil
        var settings = ArtefactShelf<MemoryDisk>.Settings()
        // Restarts here are misfortune, not the version's doing.
        settings.crashLimit = .max
        let milliseconds = UInt64(now.sinceStart.components.seconds) * 1_000
        guard var shelf = try? ArtefactShelf(disk, settings: settings, atMilliseconds: milliseconds) else {
            return die()
        }
        // An agent loads what is in use when it starts, and says so where it cannot.
        if let inUse = shelf.index.slots[id]?.inUse?.manifest, Self.isBad(inUse.version) {
            guard (try? shelf.failed(id, inUse.sum, reason: "it does not load")) != nil else { return die() }
        }
        var receiving = ArtefactReceiver<MemoryDisk, TestInstant>.Settings()
        receiving.proof = .seconds(5)
        receiver = ArtefactReceiver(
            shelf, usable: [id], started: [:], settings: receiving, lastNumber: UInt64(restarts) * 1_000_000, at: now)
        try act { $0.sessionStarted(at: $1) }
    }

    private mutating func die() {
        restarts += 1
        receiver = nil
        disk = disk.reopened()
        restart = now.advanced(by: .seconds(Double.random(in: 0...3, using: &generator)))
    }

    private mutating func hear(_ order: ArtefactOrder) throws { try act { $0.received(order, at: $1) } }

    private mutating func act(
        _ event: (inout ArtefactReceiver<MemoryDisk, TestInstant>, TestInstant)
            -> [ArtefactReceiver<MemoryDisk, TestInstant>.Action]
    ) throws {
        guard var receiver else { return }
        var actions = event(&receiver, now)
        while !actions.isEmpty {
            switch actions.removeFirst() {
            case .send(let report): carry(Parcel(arrival: now, report: report))
            case .tell: break
            case .examine(let id, let signed):
                actions += receiver.examined(id, signed.manifest.sum, refusal: nil, at: now)
            case .load(let id, let signed):
                check(signed)
                let manifest = signed.manifest
                actions +=
                    Self.isBad(manifest.version)
                    ? receiver.notLoaded(id, manifest.sum, reason: "it does not load", at: now)
                    : receiver.loaded(id, manifest.sum, at: now)
            }
        }
        self.receiver = receiver
        if disk.isCut { die() }
    }

    static func isBad(_ version: UInt64) -> Bool { version % 5 == 4 }

    /// What is taken over is whole, true and was deployed.
    private mutating func check(_ signed: SignedManifest) {
        let manifest = signed.manifest
        loads.append(manifest.version)
        if !versions.contains(manifest.version) { problems.append("version \(manifest.version) was never deployed") }
        if !signers.contains(where: { signed.isSigned(by: $0.key) }) { problems.append("a forged version is used") }
        // After a cut nothing can be read, and nothing runs on.
        if let sum = try? disk.sum(of: "c-\(manifest.sum)"), sum != manifest.sum {
            problems.append("version \(manifest.version) is not whole")
        }
    }
}
