import FleetModel
import Foundation
import Testing
import Yams

@Suite struct YAMLTextTests {
    /// What both languages can say.
    private enum Tree: Equatable, Decodable {
        case null, flag(Bool), whole(Int), number(Double), text(String), list([Tree]), fields([String: Tree])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .null
            } else if let flag = try? container.decode(Bool.self) {
                self = .flag(flag)
            } else if let whole = try? container.decode(Int.self) {
                self = .whole(whole)
            } else if let number = try? container.decode(Double.self) {
                self = .number(number)
            } else if let text = try? container.decode(String.self) {
                self = .text(text)
            } else if let list = try? container.decode([Tree].self) {
                self = .list(list)
            } else {
                self = .fields(try container.decode([String: Tree].self))
            }
        }

        /// By the types that YAML gives to what stands there.
        init(yaml: Any?) throws {
            switch yaml {
            case let flag as Bool: self = .flag(flag)
            case let whole as Int: self = .whole(whole)
            case let number as Double: self = .number(number)
            case let text as String: self = .text(text)
            case let list as [Any]: self = .list(try list.map(Tree.init(yaml:)))
            case let fields as [AnyHashable: Any]:
                let pairs = try fields.map { (try #require($0 as? String), try Tree(yaml: $1)) }
                self = .fields(Dictionary(uniqueKeysWithValues: pairs))
            default: self = .null
            }
        }
    }

    private static let words = [
        "", " ", "yes", "No", "ON", "off", "y", "null", "Null", "~", "true", "1", "1e3", "0x1F", "0o17", "1_000", "-",
        ".5", ".inf", ".nan", "nan", "12:30:45", "2026-03-01", "2026-03-01T22:30:00Z", "a: b", "a #b", "#a", "- a",
        "-a", "? a", "[a", "{a", "&a", "*a", "!a", "|", ">", "%a", "@a", "`a", "'a'", "it's", "\"a\"", "a\\b", "a ",
        " a", "a\nb", "a\r\nb\n", "\n", "a\tb", "\u{1}", "\u{7F}", "\u{85}", "a\u{2028}b", "K\u{FC}che",
        "\u{1F41F}", "/var/lib/shoal", "a/b", "\\/", "<<", "=", "---", "...", "plain words, with (these) = 5 %",
        String(repeating: "long ", count: 400),
    ]

    private static func json(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value)
    }

    private func expectSame(_ json: Data) throws {
        let yaml = YAMLText.of(json: String(decoding: json, as: UTF8.self))
        let tree = try JSONDecoder().decode(Tree.self, from: json)
        #expect(try Tree(yaml: try Yams.load(yaml: yaml)) == tree, "\(yaml)")
    }

    @Test(arguments: words) func stringsStayStrings(word: String) throws {
        try expectSame(Self.json([word]))
        try expectSame(Self.json(["key": word]))
        try expectSame(Self.json(word))
    }

    @Test func keysStayStrings() throws {
        for word in Self.words where word.count < 1_000 { try expectSame(Self.json([word: word])) }
    }

    @Test(arguments: [
        "{}", "[]", "null", "true", "[[], {}, [[1, 2], [3]], [{\"a\": [], \"b\": {}}]]",
        "{\"a\": {\"b\": [{\"c\": null, \"d\": false}, {\"c\": [1]}]}, \"e\": {}}", "[ 1 , [ ] ,{ } ]",
    ])
    func shapesStay(json: String) throws { try expectSame(Data(json.utf8)) }

    @Test func numbersStay() throws {
        try expectSame(Self.json([0, -1, 9_007_199_254_740_993, Int.max, Int.min]))
        try expectSame(Self.json([0.1, -0.25, 1e-7, 1e-300, 1.5e300]))
        #expect(try Yams.load(yaml: YAMLText.of(json: "1e+30")) as? Double == 1e30)
        #expect(
            YAMLText.of(json: "{\"a\" : [1e+30, 2E5, 1.5e-07, 18446744073709551615]}")
                == "a:\n  - 1.0e+30\n  - 2.0e+5\n  - 1.5e-07\n  - 18446744073709551615")
    }

    @Test func fieldsKeepTheirOrder() {
        let yaml = YAMLText.of(json: "{\"z\":1,\"a\":[{\"q\":\"no\",\"b\":\"x y\"}],\"m\":{}}")
        #expect(yaml == "z: 1\na:\n  - q: \"no\"\n    b: x y\nm: {}")
    }
}
