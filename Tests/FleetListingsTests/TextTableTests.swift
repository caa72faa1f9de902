import FleetListings
import Testing

@Suite struct TextTableTests {
    private func table() -> TextTable {
        var table = TextTable(["BOARD", "FRAMES", "REASON"])
        table.add(["edge-1", "123456789012", "the package is of another engine and cannot be read"])
        table.add(["edge-2", "-", "none"])
        return table
    }

    @Test func columnsAreAsWideAsTheyNeedWithoutATerminal() {
        let lines = table().text(width: nil).split(separator: "\n")
        #expect(lines[0] == "BOARD   FRAMES        REASON")
        #expect(lines[1] == "edge-1  123456789012  the package is of another engine and cannot be read")
        #expect(lines[2] == "edge-2             -  none")
    }

    @Test(arguments: [40, 50, 60]) func theWidestTextIsCut(width: Int) {
        let lines = table().text(width: width).split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= width }, "\(lines)")
        #expect(
            lines[1].count == width && lines[1].hasPrefix("edge-1  123456789012  the pack") && lines[1].hasSuffix("…"))
        #expect(lines[2] == "edge-2             -  none")
    }

    /// Half a number is another number, and a head says what its column is.
    @Test func numbersAndHeadsStayWhole() {
        let lines = table().text(width: 10).split(separator: "\n")
        #expect(lines[0].hasSuffix("REASON") && lines[1] == "edge-1  123456789012  the pac…", "\(lines)")
    }

    @Test func whatFitsIsNotCut() {
        let text = table().text(width: nil)
        let width = text.split(separator: "\n").map(\.count).max() ?? 0
        #expect(table().text(width: width) == text && table().text(width: width - 1) != text)
    }
}
