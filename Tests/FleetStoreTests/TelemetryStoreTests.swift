import FleetModel
import FleetStore
import Testing

@Suite struct TelemetryStoreTests {
    private func append(
        _ records: [TelemetryRecord], to store: any FleetStore, at time: UInt64 = 1
    ) async throws -> [UInt64] {
        try await store.appendTelemetry([(try Samples.id("board-1"), records)], receivedAtMilliseconds: time)
            .map(\.contiguous)
    }

    private func append(
        _ sequences: ClosedRange<UInt64>, dropped: UInt64 = 0, to store: any FleetStore, at time: UInt64 = 1
    ) async throws -> [UInt64] {
        try await append(try records(sequences, dropped: dropped), to: store, at: time)
    }

    private func records(_ sequences: ClosedRange<UInt64>, dropped: UInt64 = 0) throws -> [TelemetryRecord] {
        try sequences.map { try Samples.record($0, dropped: dropped) }
    }

    private func with(
        _ maker: StoreMaker, _ limits: StoreLimits = StoreLimits(), _ body: (any FleetStore) async throws -> Void
    ) async throws {
        try await maker.with(limits) { store in
            try await store.saveBoard(try Samples.board("board-1"))
            try await body(store)
        }
    }

    @Test(arguments: StoreMaker.all)
    func recordsComeBackAsTheyWere(maker: StoreMaker) async throws {
        try await with(maker) { store in
            let board = try Samples.id("board-1")
            _ = try await append(1...3, to: store, at: 77)

            let all = try await store.telemetry(board: board, sinceMilliseconds: 0, limit: 10)
            let expected = try records(1...3)
            #expect(all.map(\.record) == expected)
            #expect(all.map(\.receivedAtMilliseconds) == [77, 77, 77])
            let newest = try await store.telemetry(board: board, sinceMilliseconds: 0, limit: 2)
            #expect(newest.map(\.record.sequence) == [2, 3])
            let since = try await store.telemetry(board: board, sinceMilliseconds: 3_000, limit: 2)
            #expect(since.map(\.record.sequence) == [3])
        }
    }

    @Test(arguments: StoreMaker.all)
    func redeliveryChangesNothing(maker: StoreMaker) async throws {
        try await with(maker) { store in
            #expect(try await append(1...3, to: store) == [3])
            #expect(try await append(2...4, to: store, at: 9) == [4])
            #expect(try await append(1...4, to: store, at: 9) == [4])

            let all = try await store.telemetry(board: try Samples.id("board-1"), sinceMilliseconds: 0, limit: 10)
            #expect(all.map(\.receivedAtMilliseconds) == [1, 1, 1, 9])
            let counts = try await store.telemetryCounts()
            #expect(counts.map(\.rows) == [4])
            #expect(counts.first?.incarnations.map(\.gaps) == [0])
        }
    }

    @Test(arguments: StoreMaker.all)
    func onlyWhatIsContiguousIsAcknowledged(maker: StoreMaker) async throws {
        try await with(maker) { store in
            #expect(try await append(2...3, to: store) == [0])
            #expect(try await append(6...6, to: store) == [0])
            #expect(try await append(1...1, to: store) == [3])

            let count = try #require(try await store.telemetryCounts().first?.incarnations.first)
            #expect(count.highest == 6)
            #expect(count.gaps == 2)
            #expect(try await append(4...5, to: store) == [6])
        }
    }

    @Test(arguments: StoreMaker.all)
    func gapsThatTheAgentDroppedArePassedOver(maker: StoreMaker) async throws {
        try await with(maker) { store in
            let acknowledged = [
                try await append(1...2, to: store), try await append(6...7, dropped: 2, to: store),
                try await append(8...8, dropped: 3, to: store), try await append(10...10, dropped: 3, to: store),
            ]

            #expect(acknowledged == [[2], [2], [8], [8]])
            #expect(try await store.telemetryCounts().first?.incarnations.first?.gaps == 4)
        }
    }

    @Test(arguments: StoreMaker.all)
    func incarnationsAndBoardsAreKeptApart(maker: StoreMaker) async throws {
        try await with(maker) { store in
            let (one, two) = (try Samples.id("board-1"), try Samples.id("board-2"))
            try await store.saveBoard(try Samples.board("board-2"))

            let durable = try await store.appendTelemetry(
                [
                    (two, [try Samples.record(1)]),
                    (one, [try Samples.record(1, incarnation: 2), try Samples.record(1), try Samples.record(2)]),
                ], receivedAtMilliseconds: 1)

            #expect(durable.map(\.board) == [one, one, two])
            #expect(durable.map(\.incarnation) == [1, 2, 1])
            #expect(durable.map(\.contiguous) == [2, 1, 1])
        }
    }

    @Test(arguments: StoreMaker.all)
    func oneUnknownBoardRefusesAll(maker: StoreMaker) async throws {
        try await with(maker) { store in
            let (known, absent) = (try Samples.id("board-1"), try Samples.id("absent"))

            await #expect(throws: FleetStoreFailure.unknownBoard(absent)) {
                try await store.appendTelemetry(
                    [(known, [try Samples.record(1)]), (absent, [try Samples.record(1)])], receivedAtMilliseconds: 1)
            }
            #expect(try await store.telemetry(board: known, sinceMilliseconds: 0, limit: 1).isEmpty)
            #expect(try await store.telemetryCounts().isEmpty)
        }
    }

    @Test(arguments: StoreMaker.all)
    func theOldestRecordsGoAtTheLimitAndAcknowledgementsGoOn(maker: StoreMaker) async throws {
        var limits = StoreLimits()
        limits.telemetryPerBoard = 3
        try await with(maker, limits) { store in
            #expect(try await append(1...3, to: store) == [3])
            #expect(try await append(4...5, to: store) == [5])
            #expect(try await append(6...6, to: store) == [6])

            let all = try await store.telemetry(board: try Samples.id("board-1"), sinceMilliseconds: 0, limit: 10)
            #expect(all.map(\.record.sequence) == [4, 5, 6])
            let counts = try await store.telemetryCounts()
            #expect(counts.first?.rows == 3)
            #expect(counts.first?.incarnations.first?.gaps == 0)
        }
    }

    @Test(arguments: StoreMaker.all)
    func theOldestIncarnationsAreForgotten(maker: StoreMaker) async throws {
        var limits = StoreLimits()
        limits.incarnationsPerBoard = 2
        try await with(maker, limits) { store in
            for incarnation: UInt64 in 1...4 {
                _ = try await append([try Samples.record(1, incarnation: incarnation)], to: store)
            }

            #expect(try await store.telemetryCounts().first?.incarnations.map(\.incarnation) == [3, 4])
        }
    }
}
