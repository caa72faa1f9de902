import AgentCore
import Testing
import WireProtocol

@Suite struct KeySessionTests {
    private func order(_ content: KeyOrder.Content) -> KeyOrder { KeyOrder(number: 7, content) }

    @Test func aKeyIsMadeKeptToldUsedAndAdopted() {
        var session = KeySession(hasNext: false)
        #expect(session.received(order(.wanted)) { _ in false } == [.makeKey])
        #expect(session.keyMade() == [.tell(number: 7)])
        #expect(session.received(order(.wanted)) { _ in false } == [.tell(number: 7)])
        #expect(session.received(order(.accepted(key: "k"))) { $0 == "k" } == [.connect(with: .next)])
        #expect(session.received(order(.accepted(key: "k"))) { $0 == "k" } == [])
        #expect(session.sessionStarted() == [.adopt])
        session.keyAdopted()
        #expect(session == KeySession(hasNext: false))
        #expect(session.sessionStarted() == [])
    }

    @Test func anotherKeyThanTheOneMadeIsNotUsed() {
        var session = KeySession(hasNext: true)
        #expect(session.received(order(.accepted(key: "k"))) { _ in false } == [])
        var without = KeySession(hasNext: false)
        #expect(without.received(order(.accepted(key: "k"))) { _ in true } == [])
    }

    @Test func silenceMakesTheBoardTryItsOtherKey() {
        var session = KeySession(hasNext: true)
        #expect(session.helloUnanswered() == [.connect(with: .next)])
        #expect(session.helloUnanswered() == [.connect(with: .current)])
        #expect(session.sessionStarted() == [])
        var single = KeySession(hasNext: false)
        #expect(single.helloUnanswered() == [])
    }
}
