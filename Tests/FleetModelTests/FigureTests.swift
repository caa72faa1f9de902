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

    @Test(
        arguments: [
            (31, 25, 2, "31", "25"), (25.0004, 25, 2, "25.0004", "25"), (0.89999, 0.9, 4, "0.89999", "0.9"),
            (0.1, 0.1, 2, "0.1", "0.1"), (1, 1 + 0x1p-52, 2, "1.0", "1.0000000000000002"),
        ] as [(Double, Double, Int, String, String)])
    func comparedValuesDiffer(first: Double, second: Double, places: Int, one: String, other: String) {
        #expect(Figure.texts(first, second, places: places) == (one, other))
    }
}
