import FleetModel
import Foundation
import Testing

@Suite struct BoardIDTests {
    @Test(arguments: ["a", "0", "board-1", String(repeating: "a", count: 63), "1-2-3", "a-"])
    func acceptsNames(text: String) {
        #expect(BoardID(text)?.rawValue == text)
        #expect(ModelName(text)?.description == text)
    }

    @Test(arguments: [
        "", "-a", "A", "a_b", "a.b", "a/b", "a b", "ä", "a\n", "a\0", "..", String(repeating: "a", count: 64),
    ])
    func refusesOtherText(text: String) {
        #expect(BoardID(text) == nil)
        #expect(ModelName(text) == nil)
    }

    @Test func namesAreOrderedAsText() {
        #expect(["b", "a-1", "a"].compactMap { BoardID($0) }.sorted().map(\.rawValue) == ["a", "a-1", "b"])
        #expect(["b", "a"].compactMap { ModelName($0) }.sorted().map(\.rawValue) == ["a", "b"])
    }

    @Test func namesAreWrittenAsTextAndCheckedWhenRead() throws {
        let written = try JSONEncoder().encode([Samples.board("edge-1")])
        #expect(String(decoding: written, as: UTF8.self) == #"["edge-1"]"#)
        #expect(try JSONDecoder().decode([BoardID].self, from: written) == [Samples.board("edge-1")])
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([BoardID].self, from: Data(#"["Edge/1"]"#.utf8))
        }
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([ModelName].self, from: Data(#"["../x"]"#.utf8))
        }
    }
}
