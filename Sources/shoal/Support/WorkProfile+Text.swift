import FleetListings
import Supernets

extension WorkProfile {
    func writeTrace(to path: String) throws { try OutputFile.writeJSON(["traceEvents": events], to: path) }

    var table: String {
        var table = TextTable(["OPERATION", "KERNEL", "INPUT", "OUTPUT", "US", "SHARE %", "KB", "GFLOP/S", "PEAK %"])
        for row in operations {
            table.add([
                row.name, row.kernel, row.input, row.output, row.microseconds.text(1),
                (100 * row.microseconds / totalMicroseconds).text(1), (Double(row.bytes) / 1024).text(0),
                row.gigaflopsPerSecond.text(1), (100 * row.peakFraction).text(0),
            ])
        }
        let flops = Double(operations.reduce(0) { $0 + $1.flops })
        let peaks = peaks.sorted { $0.key < $1.key }.map { "\($0.value.text(1)) in \($0.key)" }
        return table.text + """

            \(package): \(totalMicroseconds.text(0)) us, \((flops / 1e6).text(1)) MFLOPs, \
            \((flops / totalMicroseconds / 1e3).text(1)) GFLOP/s, \((100 * peakFraction).text(0)) % of a core's peak \
            (\(peaks.joined(separator: ", ")))
            """
    }
}
