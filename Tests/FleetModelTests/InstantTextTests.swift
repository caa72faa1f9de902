import FleetModel
import Foundation
import SearchSpace
import Testing

@Suite struct InstantTextTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0.0),
        ("2026-03-01T22:30:00+01:00", 1_772_400_600),
        ("2026-03-01T22:30:00+0100", 1_772_400_600),
        ("2024-02-29T23:59:59Z", 1_709_251_199),
        ("2000-02-29T12:00:00-05:30", 951_845_400),
        ("1969-12-31T23:59:59.5Z", -0.5),
        ("2026-03-01T12:00:00+00:00", 1_772_366_400),
    ])
    func momentsAreRead(text: String, seconds: Double) {
        #expect(InstantText.seconds(text) == seconds)
    }

    /// None of these is rolled over into the next day, month or year.
    @Test(arguments: [
        "2026-02-30T10:00:00Z", "2026-02-29T10:00:00Z", "1900-02-29T10:00:00Z", "2026-04-31T10:00:00Z",
        "2026-13-01T10:00:00Z", "2026-00-01T10:00:00Z", "2026-01-00T10:00:00Z", "2026-01-32T10:00:00Z",
        "2026-01-01T24:00:00Z", "2026-01-01T25:00:00Z", "2026-01-01T10:60:00Z", "2026-01-01T10:00:60Z",
        "2026-01-01T10:00:00", "2026-01-01T10:00:00+15:00", "2026-01-01T10:00:00+01:60", "2026-01-01T10:00:00 Z",
        "2026-01-01 10:00:00Z", "2026-1-1T10:00:00Z", "2026-01-01T10:00Z", "2026-01-01", "", "yesterday",
        "2026-01-01T10:00:00.Z", "2026-01-01T10:00:00ZZ", "２０26-01-01T10:00:00Z", "-026-01-01T10:00:00Z",
    ])
    func whatNoCalendarHasIsRefused(text: String) {
        #expect(InstantText.seconds(text) == nil)
    }

    @Test(arguments: [UInt64(1), .random(in: 0...UInt64.max)])
    func equalsTheCalendar(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let date = Date(
                timeIntervalSince1970: Double(Int.random(in: -2_000_000_000...9_000_000_000, using: &generator)))
            #expect(InstantText.seconds(date.ISO8601Format()) == date.timeIntervalSince1970, "seed \(seed): \(date)")
        }
    }
}
