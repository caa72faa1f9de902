import Files
import FleetModel
import Foundation
import Testing

@Suite struct ParetoTableReadingTests {
    private static let demand = #"{"threads": 1, "memoryBytes": 3000000, "energyMillijoules": 30, "percentiles": []}"#

    /// Two points as `shoal calibrate` writes them, the second with a demand.
    private static func text(_ demand: String = demand) -> String {
        let subnet = #"{"depths": [2], "expandRatios": [3, 3], "kernelSizes": [3, 3], "resolution": 28}"#
        return """
            {"boardClass": "b", "model": "m", "processor": "cpu", "seed": 1, "points": [
            {"accuracy": 0.8, "configuration": \(subnet), "flops": 1000, "latencyMilliseconds": 2.5},
            {"accuracy": 0.9, "configuration": \(subnet), "flops": 2000, "latencyMilliseconds": 5,
             "demand": \(demand)}]}
            """
    }

    private static func percentiles(_ list: String) -> String {
        text(demand.replacing("[]", with: list))
    }

    @Test(arguments: [
        text(), text("null"), percentiles(#"[{"percentile": 95, "milliseconds": 5}]"#),
        percentiles(
            #"[{"percentile": 99, "milliseconds": 9}, {"percentile": 95, "milliseconds": 9}]"#),
        percentiles(#"[{"percentile": 10, "milliseconds": 3}]"#),
    ]) func whatCanBeMeasuredIsRead(text: String) throws {
        let table = try ParetoTable.read(Data(text.utf8))
        #expect(table.points.map(\.latencyMilliseconds) == [2.5, 5] && table.points.map(\.flops) == [1_000, 2_000])
    }

    /// The table is measured as one: what `shoal allocate` refuses of a board file is refused of it.
    @Test(arguments: [
        (
            #"[{"percentile": 99, "milliseconds": 9}, {"percentile": 95, "milliseconds": 19}]"#,
            "points[1].demand.percentiles: p99 is 9 ms, below p95, which is 19 ms"
        ),
        (
            #"[{"percentile": 99, "milliseconds": 1e-9}]"#,
            "points[1].demand.percentiles[0].milliseconds: 1e-09 is below the median, latencyMilliseconds, "
                + "which is 5"
        ),
        (
            #"[{"percentile": 101, "milliseconds": 9}]"#,
            "points[1].demand.percentiles[0].percentile: 101.0 is outside 0 to 100"
        ),
        (
            #"[{"percentile": 99, "milliseconds": 3600001}]"#,
            "points[1].demand.percentiles[0].milliseconds: 3600001.0 is outside 0 to 3600000"
        ),
    ]) func percentilesRiseFromTheMedian(list: String, reason: String) {
        let refusal = #expect(throws: TableRefusal.self) {
            try ParetoTable.read(Data(Self.percentiles(list).utf8))
        }
        #expect(refusal?.description == reason)
    }

    @Test(arguments: [
        (
            "\"memoryBytes\": 3000000", "\"memoryBytes\": -5",
            "is no table of points: points[1].demand.memoryBytes: -5 is no whole number from 0 to "
                + "9223372036854775807"
        ),
        (
            "\"memoryBytes\": 3000000", "\"memoryBytes\": 1e30",
            "is no table of points: points[1].demand.memoryBytes: 1e+30 is no whole number from 0 to "
                + "9223372036854775807"
        ),
        (
            "\"memoryBytes\": 3000000", "\"memoryBytes\": 9223372036854775808",
            "points[1].demand.memoryBytes: 9223372036854775808 is above 9223372036854775807"
        ),
        (
            "\"flops\": 2000", "\"flops\": 0.5",
            "is no table of points: points[1].flops: 0.5 is no whole number from -9223372036854775808 to "
                + "9223372036854775807"
        ),
        (
            "\"depths\": [2]", "\"depths\": [2, 1.5]",
            "is no table of points: points[0].configuration.depths[1]: 1.5 is no whole number from "
                + "-9223372036854775808 to 9223372036854775807"
        ),
        (
            "\"accuracy\": 0.9", "\"accuracy\": \"x\"",
            "is no table of points: points[1].accuracy: Expected to decode Double but found a string instead."
        ),
        ("\"flops\": 2000, ", "", "is no table of points: points[1].flops: is missing"),
        ("\"seed\": 1", "\"seed\": ", "is no table of points: is not JSON"),
        ("\"flops\": 1000", "\"flops\": -1", "points[0].flops: -1 is negative"),
        ("\"accuracy\": 0.9", "\"accuracy\": 1.5", "points[1].accuracy: 1.5 is outside 0 to 1"),
        (
            "\"latencyMilliseconds\": 2.5", "\"latencyMilliseconds\": -2",
            "points[0].latencyMilliseconds: -2.0 is not above 0 and at most 3600000"
        ),
        ("\"threads\": 1", "\"threads\": 0", "points[1].demand.threads: 0 is outside 1 to 4096"),
        (
            "\"energyMillijoules\": 30", "\"energyMillijoules\": -30",
            "points[1].demand.energyMillijoules: -30.0 is outside 0 to 1000000000"
        ),
        (
            "\"threads\": 1", "\"threads\": 1, \"precision\": \"float and more\"",
            "points[1].demand.precision: has more than 8 bytes or a control character"
        ),
        (
            "\"latencyMilliseconds\": 5", "\"latencyMilliseconds\": 2.5",
            "points[1]: latency and accuracy must rise from point to point"
        ),
    ])
    func refusalsNameFieldValueAndLimits(old: String, new: String, reason: String) {
        let text = Self.text().replacing(old, with: new, maxReplacements: 1)
        let refusal = #expect(throws: TableRefusal.self) { try ParetoTable.read(Data(text.utf8)) }
        #expect(refusal?.description == reason)
    }

    @Test func aTableHasPoints() {
        let text = #"{"boardClass": "b", "model": "m", "processor": "cpu", "seed": 1, "points": []}"#
        let refusal = #expect(throws: TableRefusal.self) { try ParetoTable.read(Data(text.utf8)) }
        #expect(refusal?.description == "has 0 points, allowed are 1 to \(FleetLimits.pointsPerModel)")
    }
}
