import FleetModel
import SearchSpace
import Testing

@testable import AgentCore

/// A board without its coordinator, on Monday 2 November 2026: by day 40 ms are allowed, from 22:00 to 06:00 UTC 10 ms.
@Suite struct OfflinePoliciesTests {
    private typealias Offline = OfflinePolicies<ContinuousClock.Instant>

    private static let midnight: Int64 = 1_793_577_600
    private static let (noon, night) = (midnight + 12 * 3_600, midnight + 23 * 3_600)
    private let start = ContinuousClock.now

    private func board() throws -> BoardDescription {
        let configuration = SubnetConfiguration(
            resolution: 28, depths: [Int](repeating: 2, count: 5), kernelSizes: [Int](repeating: 3, count: 20),
            expandRatios: [Int](repeating: 3, count: 20))
        let points = [(0.8, 5.0), (0.9, 20)].map {
            OperatingPoint(configuration: configuration, accuracy: $0.0, latencyMilliseconds: $0.1, flops: 1)
        }
        return BoardDescription(
            id: try #require(BoardID("b")), boardClass: "c", labels: ["tier": "edge"], cores: 4, memoryBytes: 1 << 30,
            engineVersion: "1",
            models: [
                DeployedModel(name: try #require(ModelName("camera")), framesPerSecond: 10, points: points)
            ])
    }

    private func policy(
        _ name: String, milliseconds: Double, from: Int, to: Int, selector: [String: String] = [:]
    ) -> Policy {
        Policy(
            name: name, selector: selector,
            models: [
                ModelPolicy(
                    model: "camera", latency: .init(milliseconds: milliseconds, percentile: 95), accuracyFloor: nil,
                    priority: 1)
            ],
            windows: [PolicyWindow(days: Array(0..<7), fromMinute: from * 60, toMinute: to * 60)])
    }

    private func offline(told: [String]? = nil) throws -> Offline {
        var offline = Offline(board: try board(), told: told, at: start)
        offline.received(
            [
                policy("day", milliseconds: 40, from: 6, to: 22), policy("night", milliseconds: 10, from: 22, to: 6),
                policy("others", milliseconds: 1, from: 0, to: 24, selector: ["tier": "cloud"]),
            ], for: try #require(ModelName("camera")), signedAt: Self.midnight)
        return offline
    }

    private func after(_ seconds: Int64) -> ContinuousClock.Instant { start.advanced(by: .seconds(seconds)) }

    @Test func aBoardAloneFollowsThePoliciesByItsClock() throws {
        var offline = try offline()
        offline.sessionStarted(at: start)
        // What the coordinator plans by is kept once it had time to say it.
        #expect(offline.timerFired(secondsSince1970: Self.noon, isAssigned: true, at: after(1)).isEmpty)
        #expect(offline.timerFired(secondsSince1970: Self.noon, isAssigned: true, at: after(20)) == [.keep(["day"])])
        #expect(offline.timerFired(secondsSince1970: Self.noon, isAssigned: true, at: after(30)).isEmpty)
        offline.sessionLost(at: after(40))
        #expect(
            offline.timerFired(secondsSince1970: Self.night, isAssigned: true, at: after(99)).isEmpty,
            "it may come back")
        let actions = offline.timerFired(secondsSince1970: Self.night, isAssigned: true, at: after(101))
        guard case .carryOut(let models, ["night"], []) = try #require(actions.first), actions.count == 1 else {
            Issue.record("\(actions)")
            return
        }
        #expect(models.map(\.latency.milliseconds) == [10])
        #expect(models[0].highestPoint == 0, "the larger point takes 20 ms")
        #expect(offline.isPlanning)
        #expect(offline.timerFired(secondsSince1970: Self.night, isAssigned: true, at: after(102)).isEmpty, "once")
        // In the morning it is as the coordinator told.
        #expect(offline.timerFired(secondsSince1970: Self.noon + 86_400, isAssigned: true, at: after(200)) == [.asTold])
        #expect(!offline.isPlanning)
    }

    @Test func whatTheCoordinatorSaysTakesThePlansPlace() throws {
        var offline = try offline(told: ["day"])
        #expect(offline.timerFired(secondsSince1970: Self.night, isAssigned: true, at: after(60)).count == 1)
        offline.sessionStarted(at: after(70))
        offline.assigned()
        #expect(!offline.isPlanning)
        #expect(offline.timerFired(secondsSince1970: Self.night, isAssigned: true, at: after(90)) == [.keep(["night"])])
    }

    @Test func aCoordinatorThatIsBackAndSaysNothingMeansWhatItSaidBefore() throws {
        var offline = try offline(told: ["day"])
        _ = offline.timerFired(secondsSince1970: Self.night, isAssigned: true, at: after(60))
        offline.sessionStarted(at: after(70))
        #expect(offline.timerFired(secondsSince1970: Self.night, isAssigned: true, at: after(80)).isEmpty)
        #expect(
            offline.timerFired(secondsSince1970: Self.night, isAssigned: true, at: after(86)) == [
                .asTold, .keep(["night"]),
            ])
    }

    /// After a restart in which it never spoke with its coordinator.
    @Test func nothingIsPlannedWithoutKnowingWhatTheCoordinatorMeant() throws {
        var fresh = try offline()
        #expect(fresh.timerFired(secondsSince1970: Self.night, isAssigned: true, at: after(600)).isEmpty)
        var rebooted = try offline(told: ["day"])
        #expect(rebooted.timerFired(secondsSince1970: Self.night, isAssigned: true, at: after(600)).count == 1)
        var without = Offline(board: try board(), told: ["day"], at: start)
        #expect(
            without.timerFired(secondsSince1970: Self.night, isAssigned: true, at: after(600)).isEmpty,
            "no signed policies")
    }

    @Test func aClockFromBeforeTheSignatureIsNotBelieved() throws {
        var offline = try offline(told: ["day"])
        #expect(offline.timerFired(secondsSince1970: Self.midnight - 3_600, isAssigned: true, at: after(600)).isEmpty)
        #expect(offline.timerFired(secondsSince1970: 60, isAssigned: true, at: after(600)).isEmpty)
    }

    @Test func aDrainedBoardIsLeftAlone() throws {
        var drained = try offline(told: ["day"])
        #expect(drained.timerFired(secondsSince1970: Self.night, isAssigned: false, at: after(600)).isEmpty)
        // Without a policy in force there is no assignment either.
        var idle = try offline(told: [])
        #expect(idle.timerFired(secondsSince1970: Self.night, isAssigned: false, at: after(600)).count == 1)
    }

    /// No policy any more: the models are left to themselves.
    @Test func aPolicyThatGoesLeavesItsModels() throws {
        var offline = try offline(told: ["night"])
        offline.received(
            [policy("night", milliseconds: 10, from: 22, to: 6)], for: try #require(ModelName("camera")), signedAt: 1)
        let actions = offline.timerFired(secondsSince1970: Self.noon, isAssigned: true, at: after(60))
        #expect(actions == [.carryOut([], inForce: [], infeasible: [])])
    }
}
