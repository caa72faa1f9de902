import FleetModel
import SearchSpace
import Testing
import WireProtocol

@Suite struct MeasureMessagesTests {
    private let codec = MessageCodec()

    private func roundTrip(_ message: Message) throws -> Message {
        let frame = try codec.encode(message, header: SampleMessages.header)
        return try codec.decode(header: frame.header, payload: frame.payload).1
    }

    private func report(_ content: MeasureReport.Content) -> Message {
        .measureReport(MeasureReport(number: 7, content))
    }

    @Test func everyContentComesBackAsItWas() throws {
        let contents: [MeasureReport.Content] = [
            .working, .refused(reason: "too busy"), .measured([0.5]),
            .measured([Double](repeating: 2, count: MeasureReport.batchLimit)),
        ]
        for content in contents { #expect(try roundTrip(report(content)) == report(content)) }
    }

    @Test func figuresThatNoBoardMeasuresAreRefused() {
        let hour = BoardDescription.latencyLimitMilliseconds
        let impossible: [[Double]] = [
            [], [0], [-1], [.nan], [1, .infinity], [hour * 2],
            [Double](repeating: 2, count: MeasureReport.batchLimit + 1),
        ]
        for batches in impossible {
            #expect(throws: EncodingFailure.self, "\(batches)") {
                try codec.payload(of: report(.measured(batches)))
            }
        }
        #expect(throws: EncodingFailure.self) { try codec.payload(of: report(.refused(reason: ""))) }
        #expect(throws: EncodingFailure.self) {
            try codec.payload(of: .measureReport(MeasureReport(number: 0, .working)))
        }
    }

    @Test func anOrderNamesItsSupernetInFull() throws {
        var order = MeasureOrder(
            number: 1, model: try #require(ModelName("m")), supernetSHA256: SampleMessages.modelSHA256,
            subnet: SampleMessages.point.configuration)
        #expect(try roundTrip(.measureOrder(order)) == .measureOrder(order))
        order.supernetSHA256 = "1f"
        #expect(throws: EncodingFailure.self) { try codec.payload(of: .measureOrder(order)) }
    }

    /// A board of an earlier version says no supernet, and is not asked.
    @Test func aHelloMayNameTheSupernetOfEachModel() throws {
        var board = try SampleMessages.board()
        #expect(board.models[0].supernetSHA256 == nil)
        board.models[0].supernetSHA256 = SampleMessages.hookSHA256
        let hello = Message.hello(board, incarnation: 1, reportedGeneration: 0)
        #expect(try roundTrip(hello) == hello)
    }
}
