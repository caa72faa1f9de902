import Foundation
import LatencyPrediction
import SearchSpace
import Testing

@Suite struct LatencyTableCodingTests {
    @Test func survivesJSON() throws {
        let table = try LatencyFixture.table()
        let data = try JSONEncoder().encode(table)
        #expect(try JSONDecoder().decode(LatencyTable.self, from: data) == table)
    }

    @Test func theObjectUnderAResolutionIsAPublishedFile() throws {
        let file = #"{"AvgPool2D-input:5x5x8-output:1x1x8":{"count":491,"mean":0.25,"std":0.5}}"#
        let json = #"{"boardClass":"xavier-nx","processor":"cpu-1","unit":"ms","resolutions":{"160":\#(file)}}"#
        let rows = try JSONDecoder().decode([String: LatencyTable.Entry].self, from: Data(file.utf8))
        let table = try JSONDecoder().decode(LatencyTable.self, from: Data(json.utf8))
        #expect(table.entries == [160: rows])
        #expect(try table.entry("AvgPool2D-input:5x5x8-output:1x1x8", resolution: 160)
            == .init(count: 491, mean: 0.25, std: 0.5))
    }

    @Test func otherUnitsAreRefused() {
        let json = Data(#"{"boardClass":"b","processor":"p","unit":"us","resolutions":{}}"#.utf8)
        #expect(throws: LatencyRefusal.unknownUnit("us")) { try JSONDecoder().decode(LatencyTable.self, from: json) }
    }

    @Test func rowsAreCheckedOnDecoding() {
        let rows = #"{"160":{"Conv":{"mean":-1}}}"#
        let json = Data(#"{"boardClass":"b","processor":"p","unit":"ms","resolutions":\#(rows)}"#.utf8)
        #expect(throws: LatencyRefusal.self) { try JSONDecoder().decode(LatencyTable.self, from: json) }
    }

    /// Any damage yields a table that was checked or an error, never a trap.
    @Test func damagedFilesNeverTrap() throws {
        let data = try JSONEncoder().encode(try LatencyFixture.table())
        var generator = SeededGenerator(seed: 41)
        for _ in 0..<60 {
            var damaged = data.prefix(Int.random(in: 0...data.count, using: &generator))
            if Bool.random(using: &generator), let place = damaged.indices.randomElement(using: &generator) {
                damaged[place] = UInt8.random(in: 0...255, using: &generator)
            }
            let table = try? JSONDecoder().decode(LatencyTable.self, from: Data(damaged))
            for entry in (table?.entries.values).map({ $0.flatMap(\.values) }) ?? [] { #expect(entry.mean >= 0) }
        }
    }
}
