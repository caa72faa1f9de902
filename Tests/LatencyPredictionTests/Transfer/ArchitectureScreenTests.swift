import LatencyPrediction
import Testing

@Suite struct ArchitectureScreenTests {
    private let cells = ["421211", "334131", "012340", "111111"]
    private let blocks = ["7818488874147327324245", "5355047552024513726040"]

    @Test func oneStrangeRowIsLeftOutAndChangesNothingForTheOthers() {
        for strange in ["42121", "421291", "net", ""] {
            let screen = ArchitectureScreen(cells + [strange])
            #expect(screen.space == .nasBench201 && screen.leftOut == [4], "\(strange)")
        }
        #expect(ArchitectureScreen(blocks + ["421211"]).leftOut == [2])
        #expect(ArchitectureScreen(blocks).space == .fbnet)
    }

    @Test func stringsOfEquallyManyPartsAreChoices() {
        let screen = ArchitectureScreen(["k3-e2-d1", "k5-e3-d2", "k5-e3", "k3-e2-d2"])
        #expect(screen.space == .choices(count: 3) && screen.leftOut == [2])
    }

    /// Where strings say nothing none is worse than another: what boards measured of them still counts.
    @Test func stringsThatSayNothingAreAllKept() {
        let screen = ArchitectureScreen(["net", "other", "more"])
        #expect(screen.space == .unknown && screen.leftOut.isEmpty)
        #expect(ArchitectureScreen([]).leftOut.isEmpty)
    }

    @Test(arguments: ["net", "", "résumé-"]) func numbersAreNoChoices(word: String) {
        let screen = ArchitectureScreen((0..<300).map { "\(word)\($0)" })
        #expect(screen.space == .unknown && screen.leftOut.isEmpty)
    }

    /// Few of many numbers, as of digits that are choices.
    @Test func digitsThatAreChoicesStaySo() {
        #expect(ArchitectureScreen(["1234567", "7654321", "1726354"]).space == .choices(count: 7))
        #expect(ArchitectureScreen(["a1234567", "a7654321", "a1726354"]).space == .choices(count: 8))
    }

    @Test func aMixtureTellsHowManyAreUnderstood() {
        let screen = ArchitectureScreen(["421211", "334131", "x", "net", "other"])
        #expect(screen.space == .unknown && screen.understoodCount == 2)
    }
}
