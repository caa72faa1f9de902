import FleetModel
import Mailboxes
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
        mailbox.post(assignment(milliseconds: 25.5), number: 258)

        let envelope = mailbox.read()
        #expect(envelope?.latencyMicroseconds == 25_500)
        #expect(envelope?.percentileThousandths == 99_000 && envelope?.priority == 1)
        #expect(envelope?.lowest == 1 && envelope?.highest == 7 && envelope?.isWithdrawn == false)
        #expect(envelope?.mark == 258)
        mailbox.withdraw()
        #expect(mailbox.read()?.isWithdrawn == true)
    }

    /// Two writers' words never make one envelope.
    @Test func envelopesAreReadWholeOrNotAtAll() async {
        struct Shared: ~Copyable, Sendable { let mailbox = ModelMailbox() }
        final class Box: Sendable { let shared = Shared() }
        let box = Box()
        let writer = Task.detached {
            for generation in UInt64(1)...20_000 {
                var one = ModelAssignment(
                    model: "m", latency: .init(milliseconds: 1, percentile: 50), lowestPoint: 0, highestPoint: 0,
                    preferredPoint: 0, priority: 1)
                if generation % 2 == 0 {
                    (one.latency, one.priority, one.highestPoint) = (.init(milliseconds: 2, percentile: 99), 2, 2)
                }
                box.shared.mailbox.post(one, number: generation)
            }
        }
        var seen = 0
        while seen < 20_000, box.shared.mailbox.read()?.mark != 20_000 {
            guard let envelope = box.shared.mailbox.read() else { continue }
            seen += 1
            let isEven = envelope.mark % 2 == 0
            #expect(envelope.latencyMicroseconds == (isEven ? 2_000 : 1_000))
            #expect(envelope.percentileThousandths == (isEven ? 99_000 : 50_000))
            #expect(envelope.priority == (isEven ? 2 : 1) && envelope.highest == (isEven ? 2 : 0))
        }
        await writer.value
        #expect(box.shared.mailbox.read()?.mark == 20_000)
    }

    @Test func limitsOfSwitchesAreWholeAndNoneIsNoLimit() {
        let mailbox = ModelMailbox()
        for (limit, kept) in [(nil, 0), (1, 1), (1.4, 1), (30_000, 30_000)] as [(Double?, UInt16)] {
            var one = assignment(milliseconds: 10)
            (one.switchesPerMinute, one.priority, one.latency.percentile) = (limit, 100, 99.9)
            mailbox.post(one, number: 7)
            let envelope = mailbox.read()
            #expect(envelope?.switchesPerMinute == kept && envelope?.priority == 100)
            #expect(envelope?.percentileThousandths == 99_900)
        }
    }

    @Test func aNewGenerationOfTheSameValuesIsSeen() {
        let mailbox = ModelMailbox()
        mailbox.post(assignment(milliseconds: 10), number: 1)
        let first = mailbox.read()
        mailbox.post(assignment(milliseconds: 10), number: 2)
        #expect(mailbox.read() != first)
    }
}
