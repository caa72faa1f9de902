import SearchSpace
import Testing

@testable import Artefacts

@Suite struct ArtefactShelfTests {
    private static let now: UInt64 = 1_700_000_000_000

    private func open(_ disk: MemoryDisk, at now: UInt64 = now) throws -> ArtefactShelf<MemoryDisk> {
        try ArtefactShelf(disk, atMilliseconds: now)
    }

    private func fetch(_ signed: SignedManifest, to shelf: inout ArtefactShelf<MemoryDisk>) throws {
        let manifest = signed.manifest
        guard try !shelf.holds(manifest) else { return }
        let kept = try Set(shelf.keptChunks(of: manifest))
        for chunk in 0..<manifest.chunkCount where !kept.contains(chunk) {
            try shelf.keep(chunk, Samples.chunk(chunk, of: signed).bytes, of: manifest)
        }
        #expect(try shelf.finish(manifest))
    }

    /// What a board does with three versions, from wherever it is.
    private func live(_ disk: MemoryDisk) throws -> ArtefactShelf<MemoryDisk> {
        var shelf = try open(disk)
        let id = try Samples.id()
        if shelf.index.key == nil { try shelf.believe(Samples.signer.key) }
        for version in UInt64(1)...3 {
            let signed = try Samples.signed(version)
            guard shelf.index.generation <= version else { continue }
            if shelf.index.generation < version {
                try shelf.desire([DesiredArtefact(signed, mayDowngrade: false)], generation: version)
            }
            if shelf.index.slots[id]?.reason(against: signed.manifest.sum) == nil,
                shelf.index.slots[id]?.inUse != signed
            {
                try fetch(signed, to: &shelf)
                try shelf.use(signed, isRunning: false)
            }
            // The last one turns out to be bad.
            if version < 3 { try shelf.proven(id) } else { try shelf.failed(id, signed.manifest.sum, reason: "bad") }
        }
        return shelf
    }

    /// What may never be otherwise, wherever the board was cut off.
    private func check(_ shelf: ArtefactShelf<MemoryDisk>, _ disk: MemoryDisk, _ what: String) throws {
        for slot in shelf.index.slots.values {
            for held in [slot.inUse, slot.previous].compactMap({ $0 }) {
                let name = shelf.file(of: held.manifest)
                #expect(try disk.sum(of: name) == held.manifest.sum, "\(what): \(held.manifest.version)")
            }
        }
    }

    @Test func twoVersionsAreKeptAndABadOneGivesWay() throws {
        let disk = MemoryDisk()
        let shelf = try live(disk)
        let slot = try #require(shelf.index.slots[try Samples.id()])
        #expect(slot.inUse?.manifest.version == 2 && slot.previous == nil && slot.trial == nil)
        #expect(slot.bad.map(\.reason) == ["bad"])
        // Version 3 is desired still, so that its content stays; version 1 is gone.
        #expect(try disk.names().filter { $0.hasPrefix("c-") }.count == 2)
        #expect(try disk.names().allSatisfy { !$0.hasPrefix("p-") && !$0.hasPrefix("j-") })
        try check(shelf, disk, "whole")
    }

    /// `kill -9` or a power cut at every change of the disk, and then at every change of what follows.
    @Test func everyMomentIsAGoodOneToBeKilledAt() throws {
        let whole = MemoryDisk()
        let expected = try live(whole).index
        for seed in UInt64(1)...3 {
            for cut in 0..<whole.changes {
                let disk = MemoryDisk(seed: seed &* 1_000 &+ UInt64(cut))
                disk.changesLeft = cut
                #expect(throws: DiskFailure.self) { try live(disk) }
                let again = disk.reopened()
                try check(try open(again), again, "seed \(seed), cut \(cut)")
                // A second cut while it mends itself.
                let second = again.reopened()
                second.changesLeft = cut % 7
                _ = try? live(second)
                let last = second.reopened()
                let shelf = try live(last)
                #expect(shelf.index == expected, "seed \(seed), cut \(cut)")
                try check(shelf, last, "seed \(seed), cut \(cut), after")
            }
        }
    }

    /// What came before a cut is not asked for again, unless the disk lost it.
    @Test func chunksThatLastAreKept() throws {
        let disk = MemoryDisk()
        var shelf = try open(disk)
        let signed = try Samples.signed(1)
        try shelf.desire([DesiredArtefact(signed, mayDowngrade: false)], generation: 1)
        for chunk in [0, 3, 9] { try shelf.keep(chunk, Samples.chunk(chunk, of: signed).bytes, of: signed.manifest) }
        #expect(try open(disk).keptChunks(of: signed.manifest) == [0, 3, 9])
        disk.damage("p-\(signed.manifest.sum)", at: 3 * 1_024 + 5)
        #expect(try open(disk).keptChunks(of: signed.manifest) == [0, 9])
        // A journal with a torn end, and one that is nonsense.
        try disk.write([1, 2, 3], to: "j-\(signed.manifest.sum)", at: 3 * 36)
        try shelf.keep(3, Samples.chunk(3, of: signed).bytes, of: signed.manifest)
        #expect(try open(disk).keptChunks(of: signed.manifest) == [0, 3, 9])
        disk.damage("j-\(signed.manifest.sum)", at: 1)
        #expect(try open(disk).keptChunks(of: signed.manifest).allSatisfy { [0, 3, 9].contains($0) })
    }

    @Test func aWholeThatIsNotTheManifestsIsThrownAway() throws {
        let disk = MemoryDisk()
        let shelf = try open(disk)
        let manifest = try Samples.signed(1).manifest
        for chunk in 0..<manifest.chunkCount {
            try shelf.keep(chunk, [UInt8](repeating: 7, count: manifest.range(of: chunk).count), of: manifest)
        }
        #expect(try !shelf.finish(manifest))
        #expect(try disk.names().isEmpty)
    }

    /// Every byte of the index, and of the one before it.
    @Test func aDamagedIndexGivesTheOneBefore() throws {
        let made = MemoryDisk()
        _ = try live(made)
        let size = try #require(try made.size(of: "index"))
        for place in 0..<size {
            let disk = made.reopened()
            disk.damage("index", at: place)
            let shelf = try open(disk)
            #expect(shelf.notes.count == 1, "byte \(place)")
            // Before the last change, version 3 was used; its content is here.
            #expect(shelf.index.slots[try Samples.id()]?.inUse?.manifest.version == 3)
            try check(shelf, disk, "byte \(place)")
        }
        let disk = made.reopened()
        disk.damage("index", at: 1)
        disk.damage("index.previous", at: 1)
        let shelf = try open(disk)
        #expect(shelf.index == ShelfIndex() && shelf.notes.count == 1)
    }

    /// Version 2 is used, and version 1 was before.
    private func withTwoVersions(_ disk: MemoryDisk) throws -> ArtefactShelf<MemoryDisk> {
        var shelf = try open(disk)
        for version in UInt64(1)...2 {
            let signed = try Samples.signed(version)
            try shelf.desire([DesiredArtefact(signed, mayDowngrade: false)], generation: version)
            try fetch(signed, to: &shelf)
            try shelf.use(signed, isRunning: false)
        }
        return shelf
    }

    @Test func aDamagedContentGivesTheVersionBefore() throws {
        let disk = MemoryDisk()
        let shelf = try withTwoVersions(disk)
        disk.damage(shelf.file(of: try Samples.signed(2).manifest), at: 4_321)
        let after = try open(disk)
        #expect(after.index.slots[try Samples.id()]?.inUse?.manifest.version == 1)
        #expect(after.notes.count == 1)
        // It comes again: it is not bad, only lost.
        #expect(after.index.slots[try Samples.id()]?.bad.isEmpty == true)
        #expect(try !after.holds(try Samples.signed(2).manifest))
        let found = try #require(after.damaged.first)
        #expect(after.damaged.count == 1 && found.find == 1 && found.version == 2)
        #expect(found.reason == "its file is not what was signed; version 1 is used")
        // It is gone now, and not found again.
        #expect(try open(disk).damaged.isEmpty)
    }

    @Test func damageOfTheVersionBeforeIsFoundToo() throws {
        let disk = MemoryDisk()
        let shelf = try withTwoVersions(disk)
        try disk.remove(shelf.file(of: try Samples.signed(1).manifest))
        let once = try open(disk)
        #expect(once.damaged.map(\.version) == [1])
        #expect(once.damaged.first?.reason == "its file is gone; it was kept as the one before")
        let slot = try #require(once.index.slots[try Samples.id()])
        #expect(slot.inUse?.manifest.version == 2 && slot.previous == nil)
        disk.damage(shelf.file(of: try Samples.signed(2).manifest), at: 7)
        let twice = try open(disk)
        #expect(twice.damaged.first?.reason == "its file is not what was signed; what was configured is used")
        #expect(twice.index.slots[try Samples.id()]?.inUse == nil)
    }

    // MARK: Deaths

    private func onTrial(_ disk: MemoryDisk) throws -> ArtefactID {
        var shelf = try open(disk)
        for version in UInt64(1)...2 {
            let signed = try Samples.signed(version)
            try shelf.desire([DesiredArtefact(signed, mayDowngrade: false)], generation: version)
            try fetch(signed, to: &shelf)
            try shelf.use(signed, isRunning: true)
            if version == 1 { try shelf.proven(signed.manifest.id) }
        }
        return try Samples.id()
    }

    @Test func twoDeathsInTimeMakeAVersionBad() throws {
        let disk = MemoryDisk()
        let id = try onTrial(disk)
        let once = try open(disk, at: Self.now + 1_000)
        #expect(once.index.slots[id]?.inUse?.manifest.version == 2 && once.notes.isEmpty)
        let twice = try open(disk, at: Self.now + 2_000)
        #expect(twice.index.slots[id]?.inUse?.manifest.version == 1)
        #expect(twice.index.slots[id]?.bad.count == 1 && twice.notes.count == 1)
        // The version before has proven itself, and is not blamed for what follows.
        let later = try open(disk, at: Self.now + 3_000)
        #expect(later.index.slots[id]?.inUse?.manifest.version == 1 && later.index.slots[id]?.bad.count == 1)
    }

    @Test func deathsThatAreFarApartAreNotCounted() throws {
        let disk = MemoryDisk()
        let id = try onTrial(disk)
        for hour in UInt64(1)...5 {
            let shelf = try open(disk, at: Self.now + hour * 3_600_000)
            #expect(shelf.index.slots[id]?.inUse?.manifest.version == 2, "hour \(hour)")
        }
        // Nor one of the future, after the clock was set back.
        #expect(try open(disk, at: Self.now).index.slots[id]?.inUse?.manifest.version == 2)
    }

    @Test func aNormalEndIsNoDeath() throws {
        let disk = MemoryDisk()
        let id = try onTrial(disk)
        for start in UInt64(1)...5 {
            var shelf = try open(disk, at: Self.now + start)
            try shelf.stopped()
            #expect(shelf.index.slots[id]?.inUse?.manifest.version == 2, "start \(start)")
        }
    }

    @Test func badContentsAreRememberedUpToALimit() throws {
        let disk = MemoryDisk()
        var shelf = try open(disk)
        for version in 1...UInt64(ArtefactLimits.badPerArtefact + 3) {
            try shelf.refuse(
                try Samples.signed(version, count: 1_024).manifest, reason: String(repeating: "long ", count: 99))
        }
        let slot = try #require(try open(disk).index.slots[try Samples.id()])
        #expect(slot.bad.count == ArtefactLimits.badPerArtefact)
        #expect(slot.bad.allSatisfy { $0.reason.utf8.count <= ArtefactLimits.reasonBytes })
    }
}
