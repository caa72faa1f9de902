import Testing
import WireProtocol

@Suite struct FrameCountersTests {
    @Test(arguments: DropReason.allCases)
    func droppedFramesAreCountedByReason(reason: DropReason) {
        var counters = FrameCounters()

        counters.countDropped(reason)
        counters.countDropped(reason)

        for other in DropReason.allCases { #expect(counters[other] == (other == reason ? 2 : 0)) }
    }

    @Test func everyFailureHasItsReason() {
        #expect(DecodingFailure.oversized(count: 2, limit: 1).dropReason == .oversized)
        #expect(DecodingFailure.unsupportedVersion(9).dropReason == .unknownVersion)
        #expect(DecodingFailure.unknownCode(99).dropReason == .unexpected)
        #expect(DecodingFailure.malformed(field: "x").dropReason == .malformed)
        #expect(DecodingFailure.limitExceeded(field: "x", limit: 1).dropReason == .malformed)
        #expect(DecodingFailure.truncated(needed: 2, available: 1).dropReason == .malformed)
    }
}
