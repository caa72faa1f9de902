import Testing
import WireProtocol

@Suite struct MessageSpeakerTests {
    @Test(arguments: Message.Code.allCases)
    func everyMessageIsSaidBySomebody(code: Message.Code) {
        let speakers = Message.Speaker.allCases.filter(code.isSaid)

        #expect(speakers == (code == .heartbeat ? [.board, .coordinator] : speakers))
        #expect(speakers.count == (code == .heartbeat ? 2 : 1))
    }

    @Test func aStrangerMayOnlyEnrol() {
        #expect(Message.Code.allCases.filter { $0.isSaid(by: .stranger) } == [.enrol])
    }
}
