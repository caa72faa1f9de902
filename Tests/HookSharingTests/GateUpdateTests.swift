import Testing

@testable import HookSharing

@Suite struct GateUpdateTests {
    private func refusal(_ update: GateUpdate, parameters: Int = 3, latest: UInt64 = 1) -> UpdateRefusal? {
        do {
            try update.check(parameters: parameters, latest: latest)
            return nil
        } catch { return error }
    }

    @Test func soundUpdatesPass() throws { #expect(refusal(try update(1, [1, 2, 3])) == nil) }

    @Test func whatIsNoUpdateIsRefusedByName() throws {
        #expect(refusal(try update(1, [1, 2])) == .wrongCount(2, wanted: 3))
        #expect(refusal(try update(1, [1, .nan, 3])) == .notFinite(parameter: 1))
        #expect(refusal(try update(1, [1, 2, -.infinity])) == .notFinite(parameter: 2))
        #expect(refusal(try update(1, [1, 1_001, 3])) == .tooLarge(parameter: 1, 1_001))
        #expect(refusal(try update(1, [1, 2, 3], samples: 0)) == .noSamples)
        #expect(refusal(try update(1, [1, 2, 3], base: 2)) == .unknownBase(2, latest: 1))
        for loss in [-0.1, .nan, .infinity, 65] {
            var one = try update(1, [1, 2, 3])
            one.loss = loss
            #expect(refusal(one) == .impossibleLoss)
        }
    }

    @Test func theLargestChangePasses() throws {
        #expect(refusal(try update(1, [SharingLimits.change, -SharingLimits.change, 0])) == nil)
    }
}
