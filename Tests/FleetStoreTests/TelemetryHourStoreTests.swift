import FleetModel
import FleetStore
import Testing

/// Sums by the hour, over every store.
@Suite struct TelemetryHourStoreTests {
    private static let hour = TelemetryHour.milliseconds

    private func with(
        _ maker: StoreMaker, _ limits: StoreLimits = StoreLimits(),
        _ body: (any FleetStore, BoardID) async throws -> Void
    ) async throws {
        try await maker.with(limits) { store in
            try await store.saveBoard(try Samples.board("board-1"))
            try await body(store, try Samples.id("board-1"))
        }
    }

    private func record(_ sequence: UInt64, at start: UInt64, model: String) throws -> TelemetryRecord {
        var record = try Samples.record(sequence, at: start)
        record.models = [try Samples.model(model)]
        return record
    }

    private func hours(of board: BoardID, in store: any FleetStore) async throws -> [TelemetryHour] {
        try await store.telemetryHours(board: board, sinceMilliseconds: 0, limit: 100_000)
    }

    @Test(arguments: StoreMaker.all)
    func windowsAreAddedOnceToTheHourTheyBeganIn(maker: StoreMaker) async throws {
        try await with(maker) { store, board in
            let records = [
                try Samples.record(1, at: Self.hour - 1), try Samples.record(2, at: Self.hour),
                try Samples.record(3, at: Self.hour + 5),
            ]
            for _ in 1...2 { _ = try await store.appendTelemetry([(board, records)], receivedAtMilliseconds: 1) }
            // Of one transaction, too.
            let again = [
                records[0], try Samples.record(4, at: 2 * Self.hour), try Samples.record(4, at: 9 * Self.hour),
            ]
            _ = try await store.appendTelemetry([(board, again), (board, again)], receivedAtMilliseconds: 1)

            let found = try await hours(of: board, in: store)
            #expect(found.map(\.model.rawValue) == ["digits", "fashion", "digits", "fashion", "digits", "fashion"])
            #expect(found.map(\.startMilliseconds) == [0, 0, 1, 1, 2, 2].map { $0 * Self.hour })
            #expect(found.map(\.windows) == [1, 1, 2, 2, 1, 1])
            #expect(
                found[3]
                    == TelemetryHour(
                        model: try #require(ModelName("fashion")), startMilliseconds: Self.hour, windows: 2,
                        frames: 200, dropped: 2, violations: 4, labelled: 100, correct: 90, switches: 6,
                        p99Milliseconds: 4, coveredMilliseconds: 2_000))
        }
    }

    @Test(arguments: StoreMaker.all)
    func anAnswerBeginsWhereItIsAskedToAndHasItsLimit(maker: StoreMaker) async throws {
        try await with(maker) { store, board in
            try await store.saveBoard(try Samples.board("board-2"))
            let other = try Samples.id("board-2")
            let records = try (1...5).map { try record($0, at: $0 * Self.hour, model: "m") }
            _ = try await store.appendTelemetry(
                [(board, records), (other, [records[0]])], receivedAtMilliseconds: 1)

            let found = try await store.telemetryHours(board: board, sinceMilliseconds: 2 * Self.hour, limit: 2)
            #expect(found.map(\.startMilliseconds) == [2 * Self.hour, 3 * Self.hour])
            #expect(try await hours(of: other, in: store).map(\.windows) == [1])
            #expect(try await hours(of: try Samples.id("absent"), in: store).isEmpty)
        }
    }

    /// Against a plain sum of the windows that are there; random batches, many of them told again.
    @Test(arguments: StoreMaker.all)
    func hoursAreTheSumOfWindows(maker: StoreMaker) async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed)
        try await with(maker) { store, board in
            for _ in 1...12 {
                let first = UInt64.random(in: 1...40, using: &generator)
                let records = try (first...first + 8).map { sequence in
                    var record = try Samples.record(sequence, at: sequence * 777_777)
                    record.models[0].frames = UInt32(sequence)
                    record.models[0].violations = UInt32(sequence / 2)
                    record.models[0].p99Milliseconds = Double(sequence * 37 % 11)
                    return record
                }
                _ = try await store.appendTelemetry(
                    [(board, records.shuffled(using: &generator))], receivedAtMilliseconds: 1)
            }

            var expected: [String: TelemetryHour] = [:]
            for record in try await store.telemetry(board: board, sinceMilliseconds: 0, limit: 1_000).map(\.record) {
                for model in record.models {
                    let start = record.startMilliseconds / Self.hour * Self.hour
                    var sum =
                        expected["\(start) \(model.model)"]
                        ?? TelemetryHour(model: model.model, startMilliseconds: start)
                    (sum.windows, sum.frames) = (sum.windows + 1, sum.frames + UInt64(model.frames))
                    (sum.dropped, sum.violations) = (sum.dropped + 1, sum.violations + UInt64(model.violations))
                    (sum.labelled, sum.correct, sum.switches) = (sum.labelled + 50, sum.correct + 45, sum.switches + 3)
                    sum.p99Milliseconds = max(sum.p99Milliseconds, model.p99Milliseconds)
                    sum.coveredMilliseconds += 1_000
                    expected["\(start) \(model.model)"] = sum
                }
            }
            let found = try await hours(of: board, in: store)
            #expect(found.count == expected.count, "seed \(seed)")
            for hour in found { #expect(hour == expected["\(hour.startMilliseconds) \(hour.model)"], "seed \(seed)") }
        }
    }

    @Test(arguments: StoreMaker.all)
    func theOldestHoursOfAModelGoAtTheLimit(maker: StoreMaker) async throws {
        var limits = StoreLimits()
        limits.hoursPerModel = 3
        try await with(maker, limits) { store, board in
            for number: UInt64 in [4, 2, 3, 5, 1, 6] {
                let told = [
                    try record(number, at: number * Self.hour, model: "m"),
                    try record(100 + number, at: (number % 2) * Self.hour, model: "n"),
                ]
                _ = try await store.appendTelemetry([(board, told)], receivedAtMilliseconds: 7 * Self.hour)
            }

            let found = try await hours(of: board, in: store)
            #expect(found.filter { $0.model.rawValue == "m" }.map { $0.startMilliseconds / Self.hour } == [4, 5, 6])
            #expect(found.filter { $0.model.rawValue == "n" }.map(\.windows) == [3, 3])
        }
    }

    /// A clock that jumps about fills its board's share with hours that were not, and no more; those in the future make
    /// room first, so that what is true is seen.
    @Test(arguments: StoreMaker.all)
    func aBrokenClockFillsNoMoreThanItsShare(maker: StoreMaker) async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed)
        var limits = StoreLimits()
        limits.hoursPerModel = 8
        let now = 500_000 * Self.hour
        try await with(maker, limits) { store, board in
            for batch: UInt64 in 0..<10 {
                let records = try (1...20).map {
                    try record(
                        20 * batch + $0, at: UInt64.random(in: 0...UInt64(Int64.max), using: &generator), model: "m")
                }
                _ = try await store.appendTelemetry([(board, records)], receivedAtMilliseconds: now)
                #expect(try await hours(of: board, in: store).count <= 8, "seed \(seed)")
            }
            let starts: [UInt64] = (0..<8).reversed().map { now - $0 * Self.hour }
            for (number, start) in starts.reversed().enumerated() {
                let told = try record(UInt64(1_000 + number), at: start, model: "m")
                _ = try await store.appendTelemetry([(board, [told])], receivedAtMilliseconds: now)
            }

            #expect(try await hours(of: board, in: store).map(\.startMilliseconds) == starts, "seed \(seed)")
        }
    }

    @Test(arguments: StoreMaker.all)
    func theModelThatWasSilentLongestGoesAtTheLimit(maker: StoreMaker) async throws {
        var limits = StoreLimits()
        limits.modelsWithHours = 2
        try await with(maker, limits) { store, board in
            for (number, name) in ["a", "b", "a", "c", "d"].enumerated() {
                let told = try record(UInt64(number + 1), at: UInt64(number) * Self.hour, model: name)
                _ = try await store.appendTelemetry([(board, [told])], receivedAtMilliseconds: 1)
            }

            #expect(try await hours(of: board, in: store).map(\.model.rawValue) == ["c", "d"])
        }
    }
}

/// SplitMix64 (Steele et al., OOPSLA 2014).
private struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
