import FleetModel
import FleetStore
import Testing

@Suite struct QuarantineStoreTests {
    @Test(arguments: StoreMaker.all)
    func entriesAreKeptReplacedAndForgotten(maker: StoreMaker) async throws {
        try await maker.with { store in
            let (first, second) = (try Samples.board("a"), try Samples.board("b"))
            try await store.saveBoard(first)
            try await store.saveBoard(second)
            let entry = QuarantineRecord(reason: "misst \"nichts\" Mögliches", sinceMilliseconds: 1 << 50)
            try await store.saveQuarantine(entry, of: first.id)
            try await store.saveQuarantine(.init(reason: "x", sinceMilliseconds: 1), of: second.id)
            #expect(try await store.quarantines().count == 2)
            #expect(try await store.quarantines()[first.id] == entry)
            try await store.saveQuarantine(.init(reason: "y", sinceMilliseconds: 2), of: second.id)
            try await store.saveQuarantine(nil, of: first.id)
            try await store.saveQuarantine(nil, of: first.id)
            #expect(try await store.quarantines() == [second.id: .init(reason: "y", sinceMilliseconds: 2)])
        }
    }

    @Test(arguments: StoreMaker.all)
    func aBoardThatIsNotKnownIsRefused(maker: StoreMaker) async throws {
        try await maker.with { store in
            let id = try #require(BoardID("stranger"))
            await #expect(throws: FleetStoreFailure.unknownBoard(id)) {
                try await store.saveQuarantine(.init(reason: "x", sinceMilliseconds: 1), of: id)
            }
            try await store.saveQuarantine(nil, of: id)
            #expect(try await store.quarantines().isEmpty)
        }
    }
}
