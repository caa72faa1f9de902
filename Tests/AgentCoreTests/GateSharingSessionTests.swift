import HookSharing
import Testing
import WireProtocol

@testable import AgentCore

@Suite struct GateSharingSessionTests {
    private typealias Session = GateSharingSession<ContinuousClock.Instant>
    private let model = String(repeating: "1", count: 64)
    private let hook = String(repeating: "2", count: 64)
    private let count = SharingLimits.parametersPerPart + 2
    private let now = ContinuousClock.now

    private func session(version: UInt64 = 0) -> Session {
        var session = Session(
            modelSHA256: model, hookSHA256: hook, parameters: count, gates: 1, version: version)
        _ = session.sessionStarted()
        return session
    }

    private var values: [Float] { (0..<count).map { Float($0 % 17) } }

    private func said(_ actions: [Session.Action]) -> [GateReport.Content] {
        actions.compactMap { if case .send(let report) = $0 { report.content } else { nil } }
    }

    private func part(_ index: Int, _ version: UInt64 = 3) -> GateOrder.Content {
        .part(
            version: version, part: index,
            values: Array(values[SharingLimits.range(of: index, parameters: count)]))
    }

    private func announced(_ version: UInt64 = 3, isCandidate: Bool = false, sum: String? = nil) -> GateOrder.Content {
        .announced(
            version: version, isCandidate: isCandidate, sha256: sum ?? ParameterSum.sha256(values), gates: [])
    }

    @Test func aVersionIsFetchedPartByPartAndVerified() {
        var session = session()
        #expect(said(session.received(announced(), at: now)) == [.wanted(version: 3, part: 0)])
        #expect(session.received(announced(), at: now).isEmpty)
        #expect(session.received(part(1), at: now).isEmpty)
        #expect(said(session.received(part(0), at: now)) == [.wanted(version: 3, part: 1)])
        #expect(session.received(part(0), at: now).isEmpty)
        #expect(session.received(part(1), at: now) == [.adopt(version: 3, values: values, gates: [])])
        // Until the board decides by it, nothing is said and nothing fetched again.
        #expect(session.using(0).isEmpty && session.received(announced(), at: now).isEmpty && session.version == 0)
        #expect(said(session.using(3)) == [.joined(parameters: count, gates: 1, version: 3)])
        #expect(session.using(3).isEmpty)
        #expect(said(session.received(announced(), at: now)) == [.joined(parameters: count, gates: 1, version: 3)])
    }

    @Test func whatHasAnotherSumIsThrownAway() {
        var session = session()
        _ = session.received(announced(sum: hook), at: now)
        _ = session.received(part(0), at: now)
        #expect(session.received(part(1), at: now) == [.damaged(version: 3)])
        #expect(session.version == 0)
        #expect(said(session.received(announced(), at: now)) == [.wanted(version: 3, part: 0)])
    }

    @Test func aPartThatWasLostIsAskedForAgain() {
        var session = session()
        _ = session.received(announced(), at: now)
        _ = session.received(part(0), at: now)
        #expect(session.timerFired(at: now.advanced(by: .seconds(9))).isEmpty)
        #expect(said(session.timerFired(at: now.advanced(by: .seconds(11)))) == [.wanted(version: 3, part: 1)])
    }

    @Test func candidatesAreScoredNotAdopted() {
        var session = session(version: 2)
        _ = session.received(announced(isCandidate: true), at: now)
        _ = session.received(part(0), at: now)
        #expect(session.received(part(1), at: now) == [.score(version: 3, values: values)])
        #expect(session.version == 2)
        let scored = session.scored(3, samples: 9, loss: 0.5, lossBefore: 0.25, gates: [])
        #expect(said(scored) == [.scored(version: 3, samples: 9, loss: 0.5, lossBefore: 0.25, gates: [])])
    }

    @Test func theStartNeedsNoFetching() {
        var session = session(version: 2)
        let zeros = [Float](repeating: 0, count: count)
        #expect(
            session.received(announced(0), at: now) == [.adopt(version: 0, values: zeros, gates: [])])
    }

    @Test func aVersionThatIsTakenBackBeforeTheBoardDecidesByItIsLeft() {
        var session = session()
        for order in [announced(), part(0), part(1)] { _ = session.received(order, at: now) }
        let zeros = [Float](repeating: 0, count: count)
        #expect(session.received(announced(0), at: now) == [.adopt(version: 0, values: zeros, gates: [])])
        #expect(said(session.using(0)) == [.joined(parameters: count, gates: 1, version: 0)])
    }

    @Test func whatDoesNotFitIsFetchedAgain() {
        var session = session()
        for order in [announced(), part(0), part(1)] { _ = session.received(order, at: now) }
        session.refused(3)
        #expect(session.using(0).isEmpty)
        #expect(said(session.received(announced(), at: now)) == [.wanted(version: 3, part: 0)])
    }

    @Test func updatesAreSaidUntilAcknowledgedAtABoundedRate() {
        var session = session()
        #expect(session.mayUpdate(at: now))
        let first = session.learned(number: 8, baseVersion: 0, delta: values, samples: 5, loss: 0.1, at: now)
        #expect(said(first).count == 2)
        #expect(session.timerFired(at: now.advanced(by: .seconds(5))).isEmpty)
        #expect(said(session.timerFired(at: now.advanced(by: .seconds(11)))).count == 2)
        _ = session.received(.acknowledged(number: 7), at: now)
        #expect(!session.mayUpdate(at: now.advanced(by: .seconds(70))))
        _ = session.received(.acknowledged(number: 8), at: now)
        #expect(!session.mayUpdate(at: now.advanced(by: .seconds(59))))
        #expect(session.mayUpdate(at: now.advanced(by: .seconds(60))))
        #expect(session.timerFired(at: now.advanced(by: .seconds(99))).isEmpty)
    }

    @Test func aNewConnectionTellsEverythingAgain() {
        var session = session()
        _ = session.learned(number: 8, baseVersion: 0, delta: values, samples: 5, loss: 0.1, at: now)
        session.sessionLost()
        #expect(session.timerFired(at: now.advanced(by: .seconds(20))).isEmpty)
        #expect(session.received(announced(), at: now).isEmpty)
        #expect(said(session.sessionStarted()) == [.joined(parameters: count, gates: 1, version: 0)])
        #expect(said(session.timerFired(at: now.advanced(by: .seconds(20)))).count == 2)
    }
}
