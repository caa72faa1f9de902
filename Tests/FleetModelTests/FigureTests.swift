import FleetModel
import Testing

@Suite struct FigureTests {
    @Test(arguments: [
        (0.1 + 0.2, 2, "0.3"), (31, 2, "31"), (31.456, 1, "31.5"), (-0.004, 2, "-0"), (1e300, 2, "1e+300"),
        (0.005, 3, "0.005"),
    ])
    func writesShortDecimals(value: Double, places: Int, text: String) {
        #expect(Figure.text(value, places: places) == text)
    }
}
