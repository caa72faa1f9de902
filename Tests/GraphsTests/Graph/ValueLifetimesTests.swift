import Testing

@testable import Graphs

@Suite struct ValueLifetimesTests {
    private typealias Stage = ValueLifetimes.Stage

    @Test func valuesEndWithTheirLastReader() {
        let lifetimes = ValueLifetimes(
            [
                Stage(reads: ["x", "w", ""], makes: ["a", "", "unread"]),
                Stage(reads: ["a", "a"], makes: ["b"]),
                Stage(reads: ["b", "a"], makes: ["y"]),
                Stage(reads: ["y"], makes: ["z"]),
            ], keeping: ["w", "y", "z"])

        #expect(lifetimes.ended == [["unread", "x"], [], ["a", "b"], []])
    }

    /// A chain needs two values at a time, whatever its length.
    @Test(arguments: [2, 100])
    func chainsNeedTwoValues(length: Int) {
        let stages = (0..<length).map { Stage(reads: ["v\($0)"], makes: ["v\($0 + 1)"]) }
        let lifetimes = ValueLifetimes(stages, keeping: ["v\(length)"])

        #expect(lifetimes.peakBytes(from: ["v0"]) { _ in 7 } == 14)
    }

    @Test func whatIsKeptOrReadLaterCounts() {
        let stages = [
            Stage(reads: ["x"], makes: ["a"]), Stage(reads: ["a"], makes: ["b"]),
            Stage(reads: ["x", "b"], makes: ["y"]),
        ]
        let bytes = ["x": 100, "a": 10, "b": 10, "y": 1]

        #expect(ValueLifetimes(stages, keeping: ["y"]).peakBytes(from: ["x"]) { bytes[$0]! } == 120)
        #expect(ValueLifetimes(stages, keeping: ["y", "a"]).peakBytes(from: ["x"]) { bytes[$0]! } == 121)
        #expect(ValueLifetimes([], keeping: []).peakBytes(from: ["x"]) { bytes[$0]! } == 100)
    }
}
