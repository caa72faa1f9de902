import Engine
import Foundation
import Graphs
import Supernets
import NetworkParts

/// A profile as a table, as JSON, and as a trace for Chrome's `about:tracing` or Perfetto.
struct ProfileReport: Encodable {
    struct Operation: Encodable {
        var name: String
        var kind: String
        var kernel: String
        var input: String
        var output: String
        var microseconds: Double
        var flops: Int
        var bytes: Int
        var gigaflopsPerSecond: Double
        /// Of the measured peak of one core.
        var peakFraction: Double
    }

    private struct Event: Encodable {
        var name: String
        var cat: String
        var ph = "X"
        var ts: Double
        var dur: Double
        var pid = 1
        var tid = 1
    }

    let package: String
    let instructionSet: String
    let peakGigaflopsPerSecond: Double
    let operations: [Operation]
    let totalMicroseconds: Double
    private let events: [Event]

    private enum CodingKeys: String, CodingKey {
        case package, instructionSet, peakGigaflopsPerSecond, operations, totalMicroseconds
    }

    init(_ model: BenchModel, repeats: Int) throws {
        let peak = model.instructionSet.measuredPeak(clock: PlanTimer.now)
        package = model.package
        instructionSet = model.instructionSet.rawValue
        peakGigaflopsPerSecond = peak
        switch model.work {
        case .plan(let plan):
            let rows = PlanProfiler.profile(plan, repeats: repeats)
            operations = Self.operations(rows, peak)
            events = rows.map {
                Event(
                    name: $0.step.name, cat: "\($0.operation.kind)", ts: $0.startMicroseconds, dur: $0.microseconds)
            }
        case .hybrid(let network):
            operations = try HybridProfiler.profile(network, repeats: repeats).flatMap { part in
                switch part {
                case .plan(let rows): Self.operations(rows, peak)
                case .node(let node, let microseconds): [Self.operation(node, network, microseconds, peak)]
                }
            }
            var start = 0.0
            events = operations.map { row in
                defer { start += row.microseconds }
                return Event(name: row.name, cat: row.kind, ts: start, dur: row.microseconds)
            }
        }
        totalMicroseconds = operations.reduce(0) { $0 + $1.microseconds }
    }

    private static func operations(_ rows: [PlanProfiler.Row], _ peak: Double) -> [Operation] {
        rows.map { row in
            let rate = Double(row.operation.flops) / max(row.medianMicroseconds, 1e-3) / 1e3
            return Operation(
                name: row.step.name, kind: "\(row.operation.kind)", kernel: row.operation.kernelName,
                input: text(row.operation.input), output: text(row.operation.output),
                microseconds: row.medianMicroseconds, flops: row.operation.flops, bytes: row.operation.bytes,
                gigaflopsPerSecond: rate, peakFraction: rate / peak)
        }
    }

    /// An operator outside the plans: its own kernel's, or run by its definition.
    private static func operation(
        _ node: Node, _ network: HybridNetwork, _ microseconds: Double, _ peak: Double
    ) -> Operation {
        let bound = network.bound
        func text(_ name: String?) -> String {
            name.flatMap { bound.types[$0]?.shape.map(String.init).joined(separator: "x") } ?? "?"
        }
        let kernel = network.kernelName(of: node)
        let flops = kernel == nil ? 0 : bound.flops(of: node)
        let rate = Double(flops) / max(microseconds, 1e-3) / 1e3
        return Operation(
            name: node.name.isEmpty ? node.outputs.first ?? "" : node.name, kind: node.operatorName,
            kernel: kernel ?? "none", input: text(node.inputs.first), output: text(node.outputs.first),
            microseconds: microseconds, flops: flops, bytes: 0, gigaflopsPerSecond: rate, peakFraction: rate / peak)
    }

    private static func text(_ shape: PlanOperation.Shape) -> String {
        "\(shape.height)x\(shape.width)x\(shape.channels)"
    }

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
        let rate = flops / totalMicroseconds / 1e3
        return table.text + """

            \(package): \(totalMicroseconds.text(0)) us, \((flops / 1e6).text(1)) MFLOPs, \(rate.text(1)) GFLOP/s, \
            \((100 * rate / peakGigaflopsPerSecond).text(0)) % of a core's \(peakGigaflopsPerSecond.text(1))
            """
    }
}
