import CKernels
import Testing

@Suite struct ChecksumTests {
    /// RFC 3720, appendix B.4, and the check value of the CRC catalogue.
    @Test(
        arguments: [
            ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
            ([UInt8](0..<32), 0x46DD_794E), (Array("123456789".utf8), 0xE306_9283), ([], 0),
        ] as [([UInt8], UInt32)])
    func checksumsAreThoseOfTheStandard(bytes: [UInt8], expected: UInt32) {
        #expect(ck_crc32c(0, bytes, bytes.count) == expected)
        #expect(ck_crc32c_portable(0, bytes, bytes.count) == expected)
    }

    @Test func instructionTableAndPiecesAgree() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var state = seed
        let bytes = (0..<1_000).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(state >> 56)
        }
        for count in [1, 7, 8, 9, 63, 64, 65, 999, 1_000] {
            let whole = ck_crc32c(0, bytes, count)
            #expect(whole == ck_crc32c_portable(0, bytes, count), "seed \(seed), \(count) bytes")
            let first = count / 3
            let rest = Array(bytes[first..<count])
            #expect(ck_crc32c(ck_crc32c(0, bytes, first), rest, rest.count) == whole, "seed \(seed), \(count) bytes")
        }
    }
}
