import LatencyPrediction
import Testing

@Suite struct BoardMeasurementsTests {
    @Test func readsColumnsAndTakesEmptyAndNegativeAsMissing() throws {
        let table = try BoardMeasurements(csv: "architecture,a,\"b, 2\"\r\n012,1.5,\n013,-1,2e1\n\n014,,nan\n")
        #expect(table.architectures == ["012", "013", "014"])
        #expect(table.boards == ["a", "b, 2"])
        #expect(table.latencies[0][0] == 1.5 && table.latencies[1][1] == 20)
        #expect(table.latencies.joined().count { $0.isNaN } == 4)
    }

    @Test func quotesThatStandTwiceAreOne() throws {
        let table = try BoardMeasurements(csv: "architecture,\"a \"\"b\"\", c\",\"\"\"d\"\n\"{\"\"x\"\":[1,2]}\",1,2\n")
        #expect(table.boards == ["a \"b\", c", "\"d"])
        #expect(table.architectures == ["{\"x\":[1,2]}"])
    }

    /// A phone in whole milliseconds ran what it calls 0.
    @Test func zeroIsBelowTheResolution() throws {
        let table = try BoardMeasurements(csv: "architecture,a,b\n012,1,0\n013,0,0\n014,2,-0.0\n")
        #expect(table.latencies[0] == [1, 0.5, 2])
        #expect(table.latencies[1].allSatisfy { $0.isNaN }, "no latency above zero tells the resolution")
        var added = BoardMeasurements(architectures: table.architectures)
        added.add(board: "a", latencies: [1, 0, 2])
        #expect(added.latencies[0] == table.latencies[0])
    }

    @Test(
        arguments: [
            ("", 1, "header"), ("\n1,2\n", 1, "header"), ("1,2\n", 1, "header"), ("architecture\n1\n", 1, "no column"),
            ("architecture,a,a\n1,2,3\n", 1, "twice"), ("architecture,a,\n1,2,3\n", 1, "without a name"),
            ("architecture,a\n", 2, "no architecture"), ("architecture,a\n1,2\n2\n", 3, "1 fields"),
            ("architecture,a\n1,2,3\n", 2, "3 fields"), ("architecture,a\n1,2\n1,3\n", 3, "stands twice"),
            ("architecture,a\n1,fast\n", 2, "fast is not a number"), ("architecture,a\n1,inf\n", 2, "not a latency"),
            ("architecture,a\n1,1e305\n", 2, "not a latency"), ("architecture,a\n1,1e-305\n", 2, "not a latency"),
            ("architecture,a\n1,-inf\n", 2, "not a latency"),
            ("architecture,a\n,1\n", 2, "missing"),
        ])
    func refusesWithLineAndReason(text: String, line: Int, reason: String) {
        do {
            _ = try BoardMeasurements(csv: text)
            Issue.record("accepted: \(text)")
        } catch {
            #expect(error.line == line && error.reason.contains(reason), "\(error)")
        }
    }

    @Test func columnsAreLimited() {
        let names = (0...BoardMeasurements.boardLimit).map { "b\($0)" }
        #expect(throws: BoardMeasurements.Refusal.self) {
            try BoardMeasurements(csv: "architecture," + names.joined(separator: ",") + "\n")
        }
    }
}
