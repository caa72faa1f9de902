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
            (0.001, "0.001"), (0.0001, "0.0001"), (0.00123, "0.0012"), (-0.004, "-0.004"), (0.006, "0.01"), (0, "0"),
            (1e-12, "1e-12"), (31.456, "31.46"), (.nan, "nan"),
        ] as [(Double, String)])
    func whatIsNotNothingIsNotWrittenAsNothing(value: Double, text: String) {
        #expect(Figure.shown(value) == text)
    }

    @Test(
        arguments: [
            (0, "0"), (1, "100"), (0.5, "50"), (0.07, "7"), (0.0001, "0.01"), (0.000_000_1, "1e-05"),
            (0.9999999, "99.99999"),
            (0.99999, "99.999"), (1 - 0x1p-53, "99.99999999999999"),
        ] as [(Double, String)])
    func sharesAreAllOrNothingOnlyWhereTheyAre(share: Double, text: String) {
        #expect(Figure.percent(share) == text)
    }

    @Test(
        arguments: [
            (31, 25, 2, "31", "25"), (25.0004, 25, 2, "25.0004", "25"), (0.89999, 0.9, 4, "0.89999", "0.9"),
            (31, 0.001, 2, "31", "0.001"), (2, 2e-7, 3, "2", "2e-07"), (0, 0.001, 2, "0", "0.001"),
            (0.1, 0.1, 2, "0.1", "0.1"), (1, 1 + 0x1p-52, 2, "1.0", "1.0000000000000002"),
        ] as [(Double, Double, Int, String, String)])
    func comparedValuesDiffer(first: Double, second: Double, places: Int, one: String, other: String) {
        #expect(Figure.texts(first, second, places: places) == (one, other))
    }
}
