import FleetModel
import Foundation
import ServingHarness
import Testing

@testable import AdminAPI

@Suite struct BoardHoursTests {
    private static let hour = TelemetryHour.milliseconds

    @Test(
        arguments: [
            (.days(1), 100, 77), (.days(2), 100, 53), (.days(1), 10, 0), (.days(400), 20_000, 10_401),
        ] as [(HoursSince, UInt64, UInt64)])
    func daysAreTheHourNowAndThoseBefore(since: HoursSince, now: UInt64, first: UInt64) {
        #expect(since.startMilliseconds(now: now * Self.hour) == first * Self.hour)
        #expect(since.startMilliseconds(now: now * Self.hour + Self.hour - 1) == first * Self.hour)
    }

    @Test func aTimeIsMeantAsItIs() { #expect(HoursSince.time(41).startMilliseconds(now: 7) == 41) }

    @Test func aViewHoldsTheHour() throws {
        let view = try InMemoryFleet.hour(labelled: 4)
        #expect(view.sloAttainment == 0.5 && view.accuracy == 0.5)
        #expect(BoardHourView(board: "b0", try #require(view.hour)) == view)
        #expect(try InMemoryFleet.hour(labelled: 0).accuracy == nil)
    }

    @Test func whatIsAskedForReachesTheFleet() async throws {
        try await AdminRouteTests.serving { url in
            let client = AdminClient.patient(url, "looker")
            let hours: [BoardHourView] = try await client.get("v1/boards/b0/hours")
            #expect(hours == [try InMemoryFleet.hour(labelled: 0), try InMemoryFleet.hour(labelled: 4)])
            for (query, asked) in [
                ([:], "days(1) limit 5000"), (["days": "400"], "days(400) limit 5000"),
                (["since": "0", "limit": "7"], "time(0) limit 7"),
            ] as [([String: String], String)] {
                await #expect(throws: AdminFailure(.notFound, "b9 since \(asked)")) {
                    let _: [BoardHourView] = try await client.get("v1/boards/b9/hours", query: query)
                }
            }
            for (query, reason) in [
                (["days": "0"], "days=0: give a whole number from 1 to 400"),
                (["days": "401"], "days=401: give a whole number from 1 to 400"),
                (["limit": "5001"], "limit=5001: give a whole number from 1 to 5000"),
                (["days": "1", "since": "5"], "days, since: give one of them"),
            ] {
                await #expect(throws: AdminFailure(.invalid, reason)) {
                    let _: [BoardHourView] = try await client.get("v1/boards/b0/hours", query: query)
                }
            }
        }
    }
}
