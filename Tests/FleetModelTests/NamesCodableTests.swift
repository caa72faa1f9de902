import FleetModel
import Foundation
import Testing

@Suite struct NamesCodableTests {
    @Test func namesAreWrittenAsPlainText() throws {
        let board = try #require(BoardID("board-1"))
        let model = try #require(ModelName("fashion"))

        #expect(String(decoding: try JSONEncoder().encode([board]), as: UTF8.self) == #"["board-1"]"#)
        #expect(String(decoding: try JSONEncoder().encode([model]), as: UTF8.self) == #"["fashion"]"#)
        #expect(try JSONDecoder().decode([BoardID].self, from: Data(#"["board-1"]"#.utf8)) == [board])
        #expect(try JSONDecoder().decode([ModelName].self, from: Data(#"["fashion"]"#.utf8)) == [model])
    }

    @Test(arguments: ["", "-a", "A", "a b", "ä", String(repeating: "x", count: 64)])
    func textThatIsNoNameIsRefused(text: String) throws {
        let json = try JSONEncoder().encode([text])

        #expect(throws: DecodingError.self) { try JSONDecoder().decode([BoardID].self, from: json) }
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([ModelName].self, from: json) }
    }
}
