import Testing

@testable import Artefacts

@Suite struct ArtefactTransferTests {
    private typealias Transfer = ArtefactTransfer<TestInstant>

    private func transfer(_ signed: SignedManifest, kept: [Int] = [], window: Int = 4) -> Transfer {
        var settings = Transfer.Settings()
        settings.window = window
        return Transfer(signed.manifest, kept: kept, settings: settings, at: .seconds(0))
    }

    private func asked(_ actions: [Transfer.Action]) -> [Int] {
        actions.flatMap { action -> [Int] in if case .ask(let chunks) = action { chunks } else { [] } }
    }

    @Test func theWindowBoundsWhatIsOpen() throws {
        let signed = try Samples.signed(1)
        var transfer = transfer(signed)
        var (open, done) = (Set(asked(transfer.sessionStarted(at: .seconds(0)))), 0)
        #expect(open == [0, 1, 2, 3])
        while let chunk = open.min() {
            let (bytes, proof) = Samples.chunk(chunk, of: signed)
            let kept = transfer.chunkReceived(chunk, bytes: bytes, proof: proof, at: .seconds(1))
            #expect(kept == [.keep(chunk, bytes)])
            let next = transfer.chunkKept(chunk, at: .seconds(1))
            open.remove(chunk)
            done += 1
            open.formUnion(asked(next))
            #expect(open.count <= 4)
            if done == signed.manifest.chunkCount { #expect(next == [.verifyWhole]) }
        }
        #expect(transfer.isComplete && transfer.keptBytes == signed.manifest.byteCount)
    }

    @Test func whatIsKeptIsNotAskedFor() throws {
        let signed = try Samples.signed(1)
        var transfer = transfer(signed, kept: [0, 2, 4, 99, -1])
        #expect(asked(transfer.sessionStarted(at: .seconds(0))) == [1, 3, 5, 6])
        var whole = self.transfer(signed, kept: Array(0..<10))
        #expect(whole.sessionStarted(at: .seconds(0)) == [.verifyWhole])
    }

    @Test func wrongChunksAreNeverHandedOn() throws {
        let signed = try Samples.signed(1)
        var transfer = transfer(signed)
        _ = transfer.sessionStarted(at: .seconds(0))
        let (bytes, proof) = Samples.chunk(1, of: signed)
        #expect(transfer.chunkReceived(0, bytes: bytes, proof: proof, at: .seconds(0)).isEmpty)
        #expect(transfer.chunkReceived(1, bytes: bytes + [0], proof: proof, at: .seconds(0)).isEmpty)
        #expect(transfer.chunkReceived(1, bytes: bytes, proof: [], at: .seconds(0)).isEmpty)
        #expect(transfer.chunkReceived(1, bytes: [], proof: proof, at: .seconds(0)).isEmpty)
        #expect(transfer.wrongChunks == 4)
        // Never asked for, or out of range.
        let far = Samples.chunk(9, of: signed)
        #expect(transfer.chunkReceived(9, bytes: far.bytes, proof: far.proof, at: .seconds(0)).isEmpty)
        #expect(transfer.chunkReceived(1_000, bytes: bytes, proof: proof, at: .seconds(0)).isEmpty)
        #expect(transfer.wrongChunks == 4)
        // The right one still comes through; a second time it changes nothing.
        #expect(transfer.chunkReceived(1, bytes: bytes, proof: proof, at: .seconds(0)) == [.keep(1, bytes)])
        #expect(transfer.chunkReceived(1, bytes: bytes, proof: proof, at: .seconds(0)).isEmpty)
    }

    @Test func silenceIsAskedIntoEverMoreSlowly() throws {
        var transfer = transfer(try Samples.signed(1))
        _ = transfer.sessionStarted(at: .seconds(0))
        var times: [Double] = []
        for tenth in 1...3_000 {
            let now = Double(tenth) / 10
            if !transfer.timerFired(at: .seconds(now)).isEmpty { times.append(now) }
        }
        #expect(Array(times.prefix(5)) == [2, 6, 14, 30, 60])
        #expect(zip(times.dropFirst(4), times.dropFirst(5)).allSatisfy { abs($1 - $0 - 30) < 0.15 })
    }

    @Test func aFullDiskIsLeftInPeace() throws {
        let signed = try Samples.signed(1)
        var transfer = transfer(signed)
        _ = transfer.sessionStarted(at: .seconds(0))
        let (bytes, proof) = Samples.chunk(0, of: signed)
        _ = transfer.chunkReceived(0, bytes: bytes, proof: proof, at: .seconds(1))
        transfer.chunkNotKept(0, at: .seconds(1))
        #expect(transfer.timerFired(at: .seconds(10)).isEmpty)
        #expect(asked(transfer.timerFired(at: .seconds(11))).contains(0))
    }
}
