import Foundation
import Packages
import Testing

@Suite struct ImageSizeTests {
    @Test func numbersAreSquares() throws {
        let sizes = try JSONDecoder().decode([ImageSize].self, from: Data("[224, [480, 640]]".utf8))
        #expect(sizes == [ImageSize(224), ImageSize(height: 480, width: 640)])
        #expect(try String(decoding: JSONEncoder().encode(sizes), as: UTF8.self) == "[224,[480,640]]")
        for text in ["[[1]]", "[[1, 2, 3]]", "[\"1\"]", "[1.5]", "[null]"] {
            #expect(throws: DecodingError.self) { try JSONDecoder().decode([ImageSize].self, from: Data(text.utf8)) }
        }
    }

    @Test func textIsASideOrHeightByWidth() {
        #expect(
            ImageSize("8192") == ImageSize(8_192) && ImageSize("7") == ImageSize(7)
                && ImageSize("4x6") == ImageSize(height: 4, width: 6))
        for text in ["", "x", "4x", "x4", "0", "-1", "4x0", "65537", "4x6x8", "a", "8193x8192"] {
            #expect(ImageSize(text) == nil, "\(text)")
        }
    }
}
