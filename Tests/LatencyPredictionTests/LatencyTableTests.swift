import LatencyPrediction
import Testing

@Suite struct LatencyTableTests {
    @Test func rowsOfBothSeriesArePooledByTheirCounts() throws {
        var table = LatencyTable(source: LatencyFixture.source)
        try table.add(["Conv": .init(count: 30, mean: 2, std: 1)], resolution: 16)
        try table.add(["Conv": .init(count: 10, mean: 6, std: 1)], resolution: 16)

        let entry = try table.entry("Conv", resolution: 16)

        #expect(entry.count == 40)
        #expect(entry.mean == 3)
        // Within: 1; between: 0.75 x 1^2 + 0.25 x 3^2 = 3.
        #expect(entry.std == 2)
    }

    @Test func deviationAndCountAreUnknownUnlessBothAreKnown() throws {
        var table = LatencyTable(source: LatencyFixture.source)
        try table.add(["Conv": .init(mean: 2)], resolution: 16)
        try table.add(["Conv": .init(count: 3, mean: 6, std: 1)], resolution: 16)
        #expect(try table.entry("Conv", resolution: 16) == .init(count: nil, mean: 5, std: nil))
    }

    @Test(arguments: [
        LatencyTable.Source(boardClass: "bench", processor: "gpu"), .init(boardClass: "xavier", processor: "cpu-1"),
    ])
    func tablesOfOtherHardwareAreRefused(source: LatencyTable.Source) throws {
        var table = try LatencyFixture.table()
        let before = table
        let other = try LatencyFixture.table(source: source)
        #expect(throws: LatencyRefusal.differentSource(expected: LatencyFixture.source, found: source)) {
            try table.add(other)
        }
        #expect(table == before)
    }

    @Test func tablesOfTheSameHardwareJoin() throws {
        var table = LatencyTable(source: LatencyFixture.source)
        try table.add(LatencyFixture.table())
        #expect(try table == LatencyFixture.table())
    }

    @Test func figuresThatAreNotMeasurementsAreRefusedAndNothingIsAdded() {
        let bad: [LatencyTable.Entry] = [
            .init(mean: -1), .init(mean: .nan), .init(mean: .infinity), .init(mean: 1, std: -1),
            .init(mean: 1, std: .nan), .init(count: 0, mean: 1),
        ]
        for entry in bad {
            var table = LatencyTable(source: LatencyFixture.source)
            do {
                try table.add(["A": .init(mean: 1), "B": entry], resolution: 16)
                Issue.record("not refused: \(entry)")
            } catch {
                guard case .invalidEntry("B", 16, _) = error else { Issue.record("\(error)"); continue }
            }
            #expect(table.entries.isEmpty)
        }
    }

    @Test func entriesAreLimitedPerResolution() throws {
        func rows(_ range: Range<Int>) -> [String: LatencyTable.Entry] {
            Dictionary(uniqueKeysWithValues: range.map { ("row \($0)", .init(mean: 1)) })
        }
        var table = LatencyTable(source: LatencyFixture.source)
        try table.add(rows(0..<LatencyTable.entryLimit), resolution: 16)
        #expect(throws: LatencyRefusal.tooManyEntries(resolution: 16, limit: LatencyTable.entryLimit)) {
            try table.add(["one more": .init(mean: 1)], resolution: 16)
        }
        try table.add(rows(0..<1), resolution: 16)
    }

    @Test func resolutionsAreLimited() throws {
        var table = LatencyTable(source: LatencyFixture.source)
        for resolution in 1...LatencyTable.resolutionLimit {
            try table.add(["Conv": .init(mean: 1)], resolution: resolution)
        }
        #expect(throws: LatencyRefusal.tooManyResolutions(limit: LatencyTable.resolutionLimit)) {
            try table.add(["Conv": .init(mean: 1)], resolution: 1_000)
        }
        try table.add(["Conv": .init(mean: 1)], resolution: 1)
    }
}
