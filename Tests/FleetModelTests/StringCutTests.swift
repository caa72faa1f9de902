import FleetModel
import Testing

@Suite struct StringCutTests {
    @Test(arguments: [
        ("abcdef", 6, "abcdef"), ("abcdefg", 6, "abc..."), ("", 3, ""), ("äöü", 6, "äöü"), ("äöüß", 6, "ä..."),
        ("abcd", 3, "..."), ("ab\u{1F469}\u{200D}\u{1F52C}", 9, "ab..."),
    ] as [(String, Int, String)])
    func whatIsTooLongEndsWithASign(text: String, limit: Int, cut: String) {
        #expect(text.cut(toBytes: limit) == cut)
        #expect(text.cut(toBytes: limit).utf8.count <= limit)
    }
}
