import Testing
import WireProtocol

@Suite struct KeyMessagesTests {
    private let codec = MessageCodec()

    private func roundTrip(_ message: Message) throws -> Message {
        let frame = try codec.encode(message, header: SampleMessages.header)
        return try codec.decode(header: frame.header, payload: frame.payload).1
    }

    @Test func ordersAndReportsComeBackAsTheyWere() throws {
        for content in [KeyOrder.Content.wanted, .accepted(key: SampleMessages.curveKey)] {
            let order = Message.keyOrder(KeyOrder(number: 9, content))
            #expect(try roundTrip(order) == order)
        }
        let report = Message.keyReport(KeyReport(number: 9, key: SampleMessages.curveKey))
        #expect(try roundTrip(report) == report)
    }

    @Test(arguments: ["", "short", String(repeating: "a", count: 41), String(repeating: "~", count: 40)])
    func whatIsNoKeyIsRefused(text: String) {
        #expect(throws: EncodingFailure.self) { try codec.payload(of: .keyReport(KeyReport(number: 9, key: text))) }
        #expect(throws: EncodingFailure.self) {
            try codec.payload(of: .keyReport(KeyReport(number: 0, key: SampleMessages.curveKey)))
        }
        guard !text.isEmpty else { return }
        #expect(throws: EncodingFailure.self) {
            try codec.payload(of: .keyOrder(KeyOrder(number: 9, .accepted(key: text))))
        }
    }
}
