import FleetModel
import Testing

@Suite struct PolicyWindowTests {
    private static func policy(_ windows: String, extra: String = "") -> String {
        """
        apiVersion: shoal/v2
        kind: Policy
        metadata: { name: night }
        spec:
          windows: \(windows)
        \(extra)  models:
            - { model: m, latency: { milliseconds: 20 } }

        """
    }

    /// Seconds since 1970 of this minute after Monday 2 November 2026, 00:00 UTC.
    private static func monday(_ hours: Int, _ minutes: Int = 0, day: Int = 0) -> Int64 {
        1_793_577_600 + Int64(day) * 86_400 + Int64(hours) * 3_600 + Int64(minutes) * 60
    }

    @Test func readsWindowsAndTheLimitOfSwitches() throws {
        let text = Self.policy(
            "[{ days: [fri, mon], from: \"22:00\", to: \"06:30\", offset: \"-03:30\" }, { from: 00:00, to: 24:00 }]",
            extra: "  switchesPerMinute: 12\n")
        let policy = try PolicyFile.parse(text, file: "p.yaml")
        #expect(policy.switchesPerMinute == 12)
        #expect(
            policy.windows == [
                PolicyWindow(days: [0, 4], fromMinute: 1_320, toMinute: 390, offsetMinutes: -210),
                PolicyWindow(days: Array(0..<7), fromMinute: 0, toMinute: 0),
            ])
    }

    @Test func aWindowOfOneDay() {
        let window = PolicyWindow(days: [0, 1], fromMinute: 480, toMinute: 1_080)
        #expect(!window.contains(secondsSince1970: Self.monday(7, 59)))
        #expect(window.contains(secondsSince1970: Self.monday(8)))
        #expect(window.contains(secondsSince1970: Self.monday(17, 59)))
        #expect(!window.contains(secondsSince1970: Self.monday(18)))
        #expect(window.contains(secondsSince1970: Self.monday(8, day: 1)))
        #expect(!window.contains(secondsSince1970: Self.monday(8, day: 2)))
    }

    /// It belongs to the day on which it begins.
    @Test func aWindowPastMidnight() {
        let window = PolicyWindow(days: [6], fromMinute: 1_320, toMinute: 360)
        #expect(window.contains(secondsSince1970: Self.monday(22, day: -1)))
        #expect(window.contains(secondsSince1970: Self.monday(5, 59)))
        #expect(!window.contains(secondsSince1970: Self.monday(6)))
        #expect(!window.contains(secondsSince1970: Self.monday(22)))
        #expect(!window.contains(secondsSince1970: Self.monday(5, day: -1)))
    }

    @Test func aWindowOfTheWholeDayAndOneByAnotherClock() {
        let whole = PolicyWindow(days: [2], fromMinute: 600, toMinute: 600)
        #expect(!whole.contains(secondsSince1970: Self.monday(9, 59, day: 2)))
        #expect(whole.contains(secondsSince1970: Self.monday(10, day: 2)))
        #expect(whole.contains(secondsSince1970: Self.monday(9, 59, day: 3)))
        #expect(!whole.contains(secondsSince1970: Self.monday(10, day: 3)))

        let east = PolicyWindow(days: [0], fromMinute: 0, toMinute: 60, offsetMinutes: 330)
        #expect(east.contains(secondsSince1970: Self.monday(18, 30, day: -1)))
        #expect(!east.contains(secondsSince1970: Self.monday(19, 30, day: -1)))
        // Before 1970, days count backwards.
        #expect(PolicyWindow(days: [2], fromMinute: 1_439, toMinute: 0).contains(secondsSince1970: -1))
    }

    static let departures: [(String, String, String)] = [
        ("[]", "spec.windows", "has 0 windows"),
        ("{}", "spec.windows", "must be a list"),
        ("[{ from: \"08:00\" }]", "spec.windows[0]", "'to' is missing"),
        ("[{ from: \"8:00\", to: \"09:00\" }]", "spec.windows[0].from", "\"08:00\""),
        ("[{ from: \"08:60\", to: \"09:00\" }]", "spec.windows[0].from", "\"08:00\""),
        ("[{ from: \"24:01\", to: \"09:00\" }]", "spec.windows[0].from", "\"08:00\""),
        ("[{ from: \"08:00\", to: nine }]", "spec.windows[0].to", "\"08:00\""),
        ("[{ from: \"08:00\", to: \"09:00\", days: [] }]", "spec.windows[0].days", "must be a list"),
        ("[{ from: \"24:00\", to: \"09:00\" }]", "spec.windows[0].from", "24:00 is the end of the day"),
        ("[{ from: \"08:00\", to: \"09:00\", days: [mon, mon] }]", "spec.windows[0].days", "twice"),
        ("[{ from: \"08:00\", to: \"09:00\", days: [monday] }]", "spec.windows[0].days", "none of"),
        ("[{ from: \"08:00\", to: \"09:00\", offset: \"01:00\" }]", "spec.windows[0].offset", "+01:00"),
        ("[{ from: \"08:00\", to: \"09:00\", offset: \"+15:00\" }]", "spec.windows[0].offset", "+01:00"),
        ("[{ from: \"08:00\", to: \"09:00\", zone: UTC }]", "spec.windows[0]", "no field 'zone'"),
    ]

    @Test(arguments: departures)
    func refusesWindowsByLineAndField(windows: String, field: String, reason: String) throws {
        let refusal = try #require(throws: PolicyRefusal.self) {
            try PolicyFile.parse(Self.policy(windows), file: "p.yaml")
        }
        #expect(refusal.line == 5 && refusal.field == field && refusal.reason.contains(reason), "\(refusal)")
    }

    @Test(arguments: ["0.5", "30001", "many"])
    func refusesLimitsOfSwitches(limit: String) throws {
        let text = Self.policy("[{ from: \"08:00\", to: \"09:00\" }]", extra: "  switchesPerMinute: \(limit)\n")
        let refusal = try #require(throws: PolicyRefusal.self) { try PolicyFile.parse(text, file: "p.yaml") }
        #expect(refusal.field == "spec.switchesPerMinute" && refusal.line == 6)
    }
}
