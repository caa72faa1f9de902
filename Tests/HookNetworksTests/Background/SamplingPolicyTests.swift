import Supernets
import Testing

@testable import HookNetworks

@Suite struct SamplingPolicyTests {
    @Test func restsWhileTheBoardIsBusyOrHot() {
        var policy = SamplingPolicy()
        // mayWork remembers what it has seen, so that it is asked before it is expected.
        for (conditions, expected) in [
            (BoardConditions(load: 0.3), true), (BoardConditions(load: 0.3, temperature: 60), true),
            (BoardConditions(load: 0.9), false), (BoardConditions(load: 0.3, temperature: 79), true),
            (BoardConditions(load: 0.3, temperature: 81), false), (BoardConditions(load: 0.3, temperature: 79), false),
            (BoardConditions(load: 0.3, temperature: 75.5), false), (BoardConditions(load: 0.3, temperature: 74), true),
            (BoardConditions(load: 0.3, temperature: 79), true),
        ] {
            let may = policy.mayWork(conditions)
            #expect(may == expected, "\(conditions)")
        }
    }

    @Test func samplesTheMoreSeldomTheLessIsLearned() {
        var policy = SamplingPolicy()
        policy.trained(loss: 0.4, before: nil)
        #expect(policy.interval == 1)
        for expected in [2, 4, 8, 16, 32, 64, 64] {
            policy.trained(loss: 0.4, before: 0.4)
            #expect(policy.interval == expected)
        }
        policy.trained(loss: 0.3, before: 0.4)
        #expect(policy.interval == 32)
        policy.trained(loss: 0.5, before: 0.3)
        #expect(policy.interval == 1, "the stream has changed")
    }

    @Test func theShareOfTheProcessorIsKept() {
        var limiter = ProcessorShare(share: 0.1)
        #expect(limiter.wait(used: 500, at: 7_000) == 0)
        #expect(limiter.wait(used: 1_500, at: 17_000) == 0)
        #expect(limiter.wait(used: 2_500, at: 21_000) == 6_000)
        #expect(limiter.wait(used: 2_500, at: 27_000) == 0)
        // An hour at rest is worth a hundredth of a second of work.
        let hour: UInt64 = 3_600_000_000_000
        #expect(limiter.wait(used: 2_500, at: hour) == 0)
        #expect(limiter.wait(used: 10_002_500, at: hour) == 0)
        #expect(limiter.wait(used: 11_002_500, at: hour) == 10_000_000)
    }
}
