import Agent
import FleetModel
import Testing

@Suite struct ModelMailboxTests {
    private func assignment(milliseconds: Double) -> ModelAssignment {
        ModelAssignment(
            model: "classifier", latency: .init(milliseconds: milliseconds, percentile: 99), lowestPoint: 1,
            highestPoint: 7, preferredPoint: 5, priority: 1)
    }

    @Test func isEmptyUntilPosted() {
        let mailbox = ModelMailbox()
        #expect(mailbox.read() == nil)
    }

    @Test func givesBackWhatWasPosted() {
        let mailbox = ModelMailbox()
        mailbox.post(assignment(milliseconds: 25.5), generation: 258)

        let envelope = mailbox.read()
        #expect(envelope?.latencyMicroseconds == 25_500)
        #expect(envelope?.lowest == 1 && envelope?.highest == 7 && envelope?.preferred == 5)
        #expect(envelope?.mark == 2)
    }

    @Test func aNewGenerationOfTheSameValuesIsSeen() {
        let mailbox = ModelMailbox()
        mailbox.post(assignment(milliseconds: 10), generation: 1)
        let first = mailbox.read()
        mailbox.post(assignment(milliseconds: 10), generation: 2)
        #expect(mailbox.read() != first)
    }
}
