import FleetMetrics
import Testing

@Suite struct ExpositionTests {
    @Test func familiesAreWrittenAsPrometheusReadsThem() {
        let families = [
            MetricFamily(
                "shoal_a_total", .counter, "Back\\slash and\nline.",
                [
                    .init(3, labels: ["b": "\"quoted\"", "a": "back\\slash\nline"]),
                    .init(0.25, labels: ["a": "x", "b": "y"]),
                ]),
            MetricFamily("shoal_b_seconds", .gauge, "B.", .infinity),
            MetricFamily("shoal_c", .gauge, "C.", .nan),
            MetricFamily("shoal_d", .gauge, "None yet.", []),
        ]
        #expect(
            Exposition.text(families) == #"""
                # HELP shoal_a_total Back\\slash and\nline.
                # TYPE shoal_a_total counter
                shoal_a_total{a="back\\slash\nline",b="\"quoted\""} 3
                shoal_a_total{a="x",b="y"} 0.25
                # HELP shoal_b_seconds B.
                # TYPE shoal_b_seconds gauge
                shoal_b_seconds +Inf
                # HELP shoal_c C.
                # TYPE shoal_c gauge
                shoal_c NaN
                # HELP shoal_d None yet.
                # TYPE shoal_d gauge

                """#)
    }

    @Test func aHistogramCountsUpToEachBound() {
        let histogram = DurationHistogram(bounds: [0.01, 0.1])
        for milliseconds in [5, 10, 50, 100, 101, 5_000] { histogram.observe(.milliseconds(milliseconds)) }

        let samples = histogram.samples
        #expect(samples.map(\.suffix) == ["_bucket", "_bucket", "_bucket", "_sum", "_count"])
        #expect(samples.prefix(3).map { $0.labels["le"] } == ["0.01", "0.1", "+Inf"])
        #expect(samples.map(\.value)[..<3] == [2, 4, 6] && samples[4].value == 6)
        #expect(abs(samples[3].value - 5.266) < 1e-9)
    }

    @Test func seriesBeyondTheLimitAreCountedTogether() {
        let counter = LabelledCounter(["model"], limit: 2)
        for name in ["a", "b", "c", "a", "d"] { counter.add([name]) }
        #expect(counter.samples.map { $0.labels["model"] } == ["a", "b", "other"])
        #expect(counter.samples.map(\.value) == [2, 1, 2])
    }
}
