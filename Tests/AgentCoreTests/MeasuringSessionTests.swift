import AgentCore
import FleetModel
import SearchSpace
import Testing
import WireProtocol

@Suite struct MeasuringSessionTests {
    private func order(_ number: UInt64, resolution: Int = 128) throws -> MeasureOrder {
        var subnet = SearchSpace.ofaMobileNetV3.smallest
        subnet.resolution = resolution
        return MeasureOrder(
            number: number, model: try #require(ModelName("m")), supernetSHA256: String(repeating: "0", count: 64),
            subnet: subnet)
    }

    private func working(_ number: UInt64) -> MeasuringSession.Action {
        .send(MeasureReport(number: number, .working))
    }

    @Test func anOrderIsMeasuredOnceAndAnsweredAsOftenAsItIsSaid() throws {
        var session = MeasuringSession()
        let first = try order(1)
        #expect(session.received(first) == [.start(first), working(1)])
        #expect(session.received(first) == [working(1)])
        let answer = MeasuringSession.Action.send(MeasureReport(number: 1, .measured([2])))
        #expect(session.finished(1, .measured([2])) == [answer])
        #expect(session.received(first) == [answer])
        #expect(session.received(first) == [answer])
    }

    @Test func anotherOrderReplacesTheOneInWork() throws {
        var session = MeasuringSession()
        _ = session.received(try order(1))
        let second = try order(2)
        #expect(session.received(second) == [.stop, .start(second), working(2)])
        #expect(session.finished(1, .measured([9])).isEmpty, "the first is not wanted any more")
        #expect(session.finished(2, .refused(reason: "r")).count == 1)
        #expect(session.finished(2, .measured([9])).isEmpty)
    }

    /// The same number for another subnet is another order: its answer must not be the first one's.
    @Test func aNumberThatIsUsedAgainIsMeasuredAgain() throws {
        var session = MeasuringSession()
        _ = session.received(try order(1))
        _ = session.finished(1, .measured([2]))
        let other = try order(1, resolution: 224)
        #expect(session.received(other) == [.start(other), working(1)])
    }
}
