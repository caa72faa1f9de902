import Testing

@testable import HookSharing

@Suite struct ParameterSumTests {
    /// FIPS 180-4's own examples, and the lengths around a block's end, by `sha256sum`.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func knownSums(text: String, sum: String) { #expect(ParameterSum.sha256(Array(text.utf8)) == sum) }

    @Test func parametersAreLittleEndianFloats() {
        let bytes: [UInt8] = [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]
        #expect(ParameterSum.sha256([1, -2] as [Float]) == ParameterSum.sha256(bytes))
        #expect(ParameterSum.sha256([0] as [Float]) != ParameterSum.sha256([-0.0] as [Float]))
    }
}
