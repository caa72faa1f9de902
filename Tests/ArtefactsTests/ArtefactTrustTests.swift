import Testing

@testable import Artefacts

@Suite struct ArtefactTrustTests {
    private let signers = (1...4).map { Samples.signer($0) }

    private func chain() throws -> [KeyRotation] {
        try zip(signers, signers.dropFirst()).map { try $0.rotation(to: $1.key) }
    }

    @Test func theFirstKeyIsKept() {
        let key = signers[0].key
        #expect(ArtefactTrust.announced(key, rotations: [], pinned: nil) == .pinned(key))
        #expect(ArtefactTrust.announced(key, rotations: [], pinned: key) == .unchanged)
        #expect(ArtefactTrust.announced(signers[1].key, rotations: [], pinned: key) == .refused)
    }

    @Test func statementsLeadFromAnyEarlierKeyToTheLast() throws {
        let last = signers[3].key
        for signer in signers.dropLast() {
            #expect(
                ArtefactTrust.announced(last, rotations: try chain(), pinned: signer.key) == .rotated(last))
        }
        // A statement that is missing breaks the chain, and none leads back.
        #expect(
            ArtefactTrust.announced(last, rotations: Array(try chain().dropFirst()), pinned: signers[0].key)
                == .refused)
        #expect(ArtefactTrust.announced(signers[0].key, rotations: try chain(), pinned: last) == .refused)
    }

    @Test func aStatementMustBeSignedByTheKeyThatItEnds() throws {
        var forged = try signers[2].rotation(to: signers[1].key)
        forged.old = signers[0].key
        #expect(!forged.isSigned)
        #expect(
            ArtefactTrust.announced(signers[1].key, rotations: [forged], pinned: signers[0].key) == .refused)
    }

    @Test func aKeyIsChangedSoOftenAndNoMore() throws {
        var keys = SigningKeys(signer: signers[0])
        for number in 0..<ArtefactLimits.rotations { keys = try keys.rotated(to: Samples.signer(UInt8(number + 10))) }
        #expect(
            ArtefactTrust.announced(keys.signer.key, rotations: keys.rotations, pinned: signers[0].key)
                == .rotated(keys.signer.key))
        #expect(throws: ArtefactFailure.self) { try keys.rotated(to: signers[1]) }
    }
}
