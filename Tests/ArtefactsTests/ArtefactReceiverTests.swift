import FleetModel
import SearchSpace
import Testing

@testable import Artefacts

@Suite struct ArtefactReceiverTests {
    private typealias Receiver = ArtefactReceiver<MemoryDisk, TestInstant>

    /// Thousands of schedules of faults; the last of them differs from run to run.
    @Test(arguments: (0..<20).map { UInt64($0) })
    func itConvergesAfterWhateverHappens(block: UInt64) throws {
        let fresh = UInt64.random(in: 0...UInt64.max)
        var (taken, restarts) = (0, 0)
        for seed in (0..<100).map({ block * 100 + $0 }) + (block == 19 ? [fresh] : []) {
            var simulation = try ReceiverSimulation(seed: seed)
            let state = try #require(try simulation.run(), "seed \(seed)")
            #expect(simulation.problems.isEmpty, "seed \(seed): \(simulation.problems)")
            #expect(state.generation == simulation.generation && state.key == simulation.key, "seed \(seed)")
            let holding = try #require(state.holdings.first, "seed \(seed)")
            #expect(holding.desiredVersion == simulation.deployed, "seed \(seed)")
            if ReceiverSimulation.isBad(simulation.deployed) {
                #expect(holding.status == .refused && holding.version != simulation.deployed, "seed \(seed)")
            } else {
                #expect(
                    holding.status == .inUse && holding.version == simulation.deployed, "seed \(seed): \(holding)")
            }
            taken += simulation.loads.count
            restarts += simulation.restarts
        }
        // The schedules are no quiet ones.
        #expect(taken > 100 && restarts > 100, "\(taken) versions taken over, \(restarts) restarts")
    }

    // MARK: One by one

    private func receiver(_ disk: MemoryDisk = MemoryDisk()) throws -> Receiver {
        var receiver = Receiver(
            try ArtefactShelf(disk, atMilliseconds: 0), usable: [try Samples.id()], started: [:], at: .seconds(0))
        _ = receiver.sessionStarted(at: .seconds(0))
        _ = receiver.received(.trust(Samples.signer.key, []), at: .seconds(0))
        return receiver
    }

    private func order(
        _ generation: UInt64, _ signed: SignedManifest, mayDowngrade: Bool = false
    ) -> ArtefactOrder { .desired(generation: generation, [DesiredArtefact(signed, mayDowngrade: mayDowngrade)]) }

    /// Answers what is asked until nothing is; what is to be loaded is.
    private func serve(
        _ receiver: inout Receiver, _ signed: SignedManifest, _ first: [Receiver.Action], refusal: String? = nil
    ) -> [UInt64] {
        var (actions, loads) = (first, [UInt64]())
        while !actions.isEmpty {
            switch actions.removeFirst() {
            case .send(.wanted(let sum, let chunks)):
                for chunk in chunks {
                    let (bytes, proof) = Samples.chunk(chunk, of: signed)
                    actions += receiver.received(
                        .chunk(sum, chunk: chunk, bytes: bytes, proof: proof), at: .seconds(1))
                }
            case .load(let id, let signed):
                loads.append(signed.manifest.version)
                actions += receiver.loaded(id, signed.manifest.sum, at: .seconds(1))
            case .examine(let id, let signed):
                actions += receiver.examined(id, signed.manifest.sum, refusal: refusal, at: .seconds(1))
            case .send, .tell: break
            }
        }
        return loads
    }

    private func use(_ version: UInt64, _ receiver: inout Receiver, _ generation: UInt64) throws {
        let signed = try Samples.signed(version)
        #expect(serve(&receiver, signed, receiver.received(order(generation, signed), at: .seconds(1))) == [version])
    }

    @Test func anOlderVersionNeedsPermission() throws {
        var receiver = try receiver()
        try use(2, &receiver, 1)
        let old = try Samples.signed(1)
        #expect(serve(&receiver, old, receiver.received(order(2, old), at: .seconds(1))).isEmpty)
        let holding = try #require(receiver.state.holdings.first)
        #expect(holding.status == .refused && holding.version == 2 && holding.reason.contains("older"))
        let told = receiver.received(order(3, old, mayDowngrade: true), at: .seconds(1))
        #expect(serve(&receiver, old, told) == [1])
        // The order before, said again by somebody, changes nothing.
        #expect(receiver.received(order(2, try Samples.signed(2)), at: .seconds(1)).isEmpty)
        #expect(receiver.state.holdings.first?.version == 1)
        // The version before is still here: nothing is fetched.
        let back = receiver.received(order(4, try Samples.signed(2)), at: .seconds(1))
        #expect(serve(&receiver, old, back) == [2])
    }

    @Test func onlyTheBelievedKeyCounts() throws {
        var receiver = try receiver()
        let forged = try Samples.signed(1, by: Samples.signer(2))
        #expect(serve(&receiver, forged, receiver.received(order(1, forged), at: .seconds(1))).isEmpty)
        #expect(receiver.state.holdings.first?.status == .refused)
        _ = receiver.received(.trust(Samples.signer(2).key, []), at: .seconds(1))
        #expect(receiver.state.key == Samples.signer.key)
        // Led there by the old key, it does, without another order.
        let rotation = try Samples.signer.rotation(to: Samples.signer(2).key)
        let told = receiver.received(.trust(Samples.signer(2).key, [rotation]), at: .seconds(1))
        #expect(serve(&receiver, forged, told) == [1])
    }

    /// A board says that it knows policies before it has any, and a running agent takes them over.
    @Test func policiesAreToldOfAndTakenOverAtOnce() throws {
        let id = try Samples.id(.policy)
        var receiver = Receiver(
            try ArtefactShelf(MemoryDisk(), atMilliseconds: 0), usable: [id], started: [:], at: .seconds(0))
        _ = receiver.sessionStarted(at: .seconds(0))
        _ = receiver.received(.trust(Samples.signer.key, []), at: .seconds(0))
        #expect(receiver.state.holdings.map(\.id) == [id] && receiver.state.holdings[0].desiredVersion == 0)
        let signed = try Samples.signed(3, id)
        #expect(serve(&receiver, signed, receiver.received(order(1, signed), at: .seconds(1))) == [3])
        #expect(receiver.state.holdings.map(\.status) == [.inUse] && receiver.state.holdings[0].runningVersion == 3)
    }

    @Test func anotherContentUnderTheSameVersionIsRefused() throws {
        var receiver = try receiver()
        try use(2, &receiver, 1)
        let other = try Samples.signer.sign(
            ArtefactManifest(
                id: Samples.id(), version: 2, byteCount: 10_000, sum: Samples.signed(3).manifest.sum,
                chunkBytes: 1_024, chunkRoot: Samples.signed(3).manifest.chunkRoot, createdAtMilliseconds: 1))
        #expect(serve(&receiver, other, receiver.received(order(2, other), at: .seconds(1))).isEmpty)
        #expect(receiver.state.holdings.first?.status == .refused)
    }

    @Test func whatIsForNoModelHereIsRefused() throws {
        var receiver = try receiver()
        let other = try Samples.signed(1, Samples.id(.hookVersion, "other"))
        #expect(serve(&receiver, other, receiver.received(order(1, other), at: .seconds(1))).isEmpty)
        #expect(receiver.state.holdings.first?.status == .refused)
    }

    /// A manifest whose whole and chunks are of different contents, signed all the same, is given up.
    @Test func aManifestThatContradictsItselfIsGivenUp() throws {
        var receiver = try receiver()
        let good = try Samples.signed(1).manifest
        let signed = try Samples.signer.sign(
            ArtefactManifest(
                id: good.id, version: 1, byteCount: good.byteCount, sum: ContentSum(of: [1]), chunkBytes: 1_024,
                chunkRoot: good.chunkRoot, createdAtMilliseconds: 1))
        #expect(serve(&receiver, signed, receiver.received(order(1, signed), at: .seconds(1))).isEmpty)
        let holding = try #require(receiver.state.holdings.first)
        #expect(holding.status == .refused && holding.reason.contains("whole"), "\(holding)")
    }

    @Test func aVersionThatDoesNotLoadGivesWayToTheOneBefore() throws {
        var receiver = try receiver()
        try use(1, &receiver, 1)
        let signed = try Samples.signed(2)
        var actions = receiver.received(order(2, signed), at: .seconds(1))
        var failed = false
        while !actions.isEmpty {
            switch actions.removeFirst() {
            case .send(.wanted(let sum, let chunks)):
                for chunk in chunks {
                    let (bytes, proof) = Samples.chunk(chunk, of: signed)
                    actions += receiver.received(
                        .chunk(sum, chunk: chunk, bytes: bytes, proof: proof), at: .seconds(1))
                }
            case .load(let id, let signed):
                failed = true
                actions += receiver.notLoaded(id, signed.manifest.sum, reason: "of other weights", at: .seconds(1))
            case .send, .tell, .examine: break
            }
        }
        let holding = try #require(receiver.state.holdings.first)
        #expect(failed && holding.status == .refused && holding.version == 1 && holding.reason == "of other weights")
        // Said again, it stays refused.
        #expect(serve(&receiver, signed, receiver.received(order(3, signed), at: .seconds(2))).isEmpty)
        #expect(receiver.state.holdings.first?.version == 1)
    }

    /// Kinds that a running agent does not take over wait for its next start.
    @Test func packagesWaitForTheNextStart() throws {
        let (disk, id) = (MemoryDisk(), try Samples.id(.modelPackage))
        func start(_ started: [ArtefactID: ContentSum]) throws -> Receiver {
            var receiver = Receiver(
                try ArtefactShelf(disk, atMilliseconds: 0), usable: [id], started: started, at: .seconds(0))
            _ = receiver.sessionStarted(at: .seconds(0))
            return receiver
        }
        var receiver = try start([:])
        _ = receiver.received(.trust(Samples.signer.key, []), at: .seconds(0))
        let signed = try Samples.signed(1, id)
        #expect(serve(&receiver, signed, receiver.received(order(1, signed), at: .seconds(1))).isEmpty)
        #expect(receiver.state.holdings.first?.status == .waitsForStart)
        #expect(try start([id: signed.manifest.sum]).state.holdings.first?.status == .inUse)
    }

    /// A package that does not fit what runs never waits for a start; the next start looks again.
    @Test func aPackageThatDoesNotFitIsRefused() throws {
        let (disk, id) = (MemoryDisk(), try Samples.id(.modelPackage))
        func start() throws -> Receiver {
            Receiver(try ArtefactShelf(disk, atMilliseconds: 0), usable: [id], started: [:], at: .seconds(0))
        }
        var receiver = try start()
        _ = receiver.sessionStarted(at: .seconds(0))
        _ = receiver.received(.trust(Samples.signer.key, []), at: .seconds(0))
        let signed = try Samples.signed(1, id)
        _ = serve(
            &receiver, signed, receiver.received(order(1, signed), at: .seconds(1)), refusal: "it has 5 outputs")
        let holding = try #require(receiver.state.holdings.first)
        #expect(holding.status == .refused && holding.reason == "it has 5 outputs" && holding.version == 0)
        #expect(receiver.shelf.index.slots[id]?.inUse == nil)
        // What was looked at is not looked at again.
        #expect(receiver.received(order(1, signed), at: .seconds(2)).allSatisfy { $0 != .examine(id, signed) })
        receiver = try start()
        let actions = receiver.sessionStarted(at: .seconds(0))
        #expect(actions.contains(.examine(id, signed)))
        _ = serve(&receiver, signed, actions)
        #expect(receiver.state.holdings.first?.status == .waitsForStart)
    }

    /// What runs and what lies on the disk are two things until the agent starts again.
    @Test func whatRunsIsToldBesideWhatIsOnTheDisk() throws {
        let (disk, id) = (MemoryDisk(), try Samples.id(.modelPackage))
        func start(_ started: [ArtefactID: ContentSum]) throws -> Receiver {
            var receiver = Receiver(
                try ArtefactShelf(disk, atMilliseconds: 0), usable: [id], started: started, at: .seconds(0))
            _ = receiver.sessionStarted(at: .seconds(0))
            _ = receiver.received(.trust(Samples.signer.key, []), at: .seconds(0))
            return receiver
        }
        func versions(_ receiver: Receiver) -> [UInt64?] {
            receiver.state.holdings.flatMap { [$0.runningVersion, $0.version, $0.previousVersion] }
        }
        let signed = try (UInt64(1)...2).map { try Samples.signed($0, id) }
        var receiver = try start([:])
        _ = serve(&receiver, signed[0], receiver.received(order(1, signed[0]), at: .seconds(1)))
        #expect(versions(receiver) == [0, 1, 0])
        receiver = try start([id: signed[0].manifest.sum])
        #expect(versions(receiver) == [1, 1, 0])
        _ = serve(&receiver, signed[1], receiver.received(order(2, signed[1]), at: .seconds(1)))
        #expect(versions(receiver) == [1, 2, 1])
        #expect(receiver.state.holdings.first?.status == .waitsForStart)
    }

    @Test func whatIsLoadedRuns() throws {
        var receiver = try receiver()
        try use(1, &receiver, 1)
        #expect(receiver.state.holdings.first?.runningVersion == 1)
        // What is for no model here runs nowhere.
        let other = try Samples.signed(1, Samples.id(.hookVersion, "other"))
        _ = receiver.received(order(2, other), at: .seconds(1))
        let holdings = receiver.state.holdings
        #expect(holdings.map(\.runningVersion) == [1, nil], "\(holdings)")
    }

    @Test func damageIsToldUntilItIsHeard() throws {
        let disk = MemoryDisk()
        var first = try receiver(disk)
        try use(1, &first, 1)
        disk.damage(first.shelf.file(of: try Samples.signed(1).manifest), at: 99)
        var receiver = Receiver(
            try ArtefactShelf(disk, atMilliseconds: 0), usable: [try Samples.id()], started: [:], lastNumber: 5_000,
            at: .seconds(0))
        func said(_ actions: [Receiver.Action]) -> [ArtefactState] {
            actions.compactMap { if case .send(.state(let state)) = $0 { state } else { nil } }
        }
        let state = try #require(said(receiver.sessionStarted(at: .seconds(0))).first)
        #expect(state.damaged.map(\.find) == [5_001] && state.damaged.map(\.version) == [1])
        let again = try #require(said(receiver.timerFired(at: .seconds(6))).first)
        #expect(again.damaged == state.damaged)
        _ = receiver.received(.heard(number: again.number), at: .seconds(6))
        #expect(receiver.state.damaged.isEmpty)
        // That it was heard is no news.
        #expect(said(receiver.timerFired(at: .seconds(7))).isEmpty)
    }

    @Test func aFullDiskIsSaidAndWaitedFor() throws {
        let disk = MemoryDisk()
        var receiver = try receiver(disk)
        let signed = try Samples.signed(1)
        var actions = receiver.received(order(1, signed), at: .seconds(1))
        disk.isFull = true
        #expect(serve(&receiver, signed, actions).isEmpty)
        #expect(receiver.state.holdings.first?.reason.contains("full") == true)
        disk.isFull = false
        actions = receiver.timerFired(at: .seconds(20))
        #expect(serve(&receiver, signed, actions) == [1])
        #expect(receiver.state.holdings.first?.reason == "")
    }

    @Test func aStateIsSaidUntilItIsHeard() throws {
        var receiver = try receiver()
        try use(1, &receiver, 1)
        func said(_ seconds: Double) -> [UInt64] {
            receiver.timerFired(at: .seconds(seconds)).compactMap {
                if case .send(.state(let state)) = $0 { state.number } else { nil }
            }
        }
        #expect(said(3).isEmpty)
        let number = try #require(said(6.5).first)
        #expect(said(8).isEmpty && said(12).first == number + 1)
        _ = receiver.received(.heard(number: number), at: .seconds(13))
        #expect(said(20).first == number + 2)
        _ = receiver.received(.heard(number: number + 2), at: .seconds(21))
        #expect(said(500).isEmpty)
    }

    @Test func moreThanABoardMayHoldIsNoOrder() throws {
        var receiver = try receiver()
        let signed = try Samples.signed(1)
        let twice = [DesiredArtefact](repeating: DesiredArtefact(signed, mayDowngrade: false), count: 2)
        #expect(receiver.received(.desired(generation: 1, twice), at: .seconds(1)).isEmpty)
        #expect(receiver.state.generation == 0)
    }
}
