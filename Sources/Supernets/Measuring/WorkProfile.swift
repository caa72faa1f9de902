public import Engine
import Graphs
import NetworkParts

/// Where the time of a package or subnet goes, operation by operation: as JSON, and as events of Chrome's
/// `about:tracing` or Perfetto.
public struct WorkProfile: Encodable {
    public struct Operation: Encodable {
        public var name: String
        public var kind: String
        public var kernel: String
        public var input: String
        public var output: String
        public var microseconds: Double
        /// By the definition of the convolution, however it is computed.
        public var flops: Int
        /// Those really done: fewer than `flops` by Winograd's method, whose transforms do not count, and of depthwise
        /// convolutions, which leave out what lies outside the map.
        public var executedFlops: Int
        public var bytes: Int
        /// Of `flops`.
        public var gigaflopsPerSecond: Double
        /// `executedFlops` over what one core could do in the same time, by its measured peak on maps of the element
        /// that is read; outside the plans, on floats.
        public var peakFraction: Double
    }

    public struct Event: Encodable {
        var name: String
        var cat: String
        var ph = "X"
        var ts: Double
        var dur: Double
        var pid = 1
        var tid = 1
    }

    public let package: String
    public let instructionSet: String
    /// One core's, in floats.
    public let peakGigaflopsPerSecond: Double
    /// One core's with the instructions for maps of every precision that an operation reads, by its name.
    public let peaks: [String: Double]
    /// Of what one core could do in the same time, every operation at the peak of its precision.
    public let peakFraction: Double
    public let operations: [Operation]
    public let totalMicroseconds: Double
    public let events: [Event]

    private enum CodingKeys: String, CodingKey {
        case package, instructionSet, peakGigaflopsPerSecond, peaks, peakFraction, operations, totalMicroseconds
    }

    /// - Parameter package: the name to report it by.
    /// - Throws: what an operator without a kernel refuses.
    public init(_ work: TimedWork, of package: String, _ instructionSet: InstructionSet, repeats: Int) throws {
        var peaks = Peaks(of: instructionSet)
        self.package = package
        self.instructionSet = instructionSet.rawValue
        switch work {
        case .plan(let plan):
            operations = Self.operations(PlanProfiler.profile(plan, repeats: repeats), &peaks)
        case .hybrid(let network):
            operations = try HybridProfiler.profile(network, repeats: repeats).flatMap { part in
                switch part {
                case .plan(let rows): Self.operations(rows, &peaks)
                case .node(let node, let microseconds):
                    [Self.operation(node, network, microseconds, peaks.measure(.fp32))]
                }
            }
        }
        var start = 0.0
        events = operations.map { row in
            defer { start += row.microseconds }
            return Event(name: row.name, cat: row.kind, ts: start, dur: row.microseconds)
        }
        totalMicroseconds = operations.reduce(0) { $0 + $1.microseconds }
        peakFraction = operations.reduce(0) { $0 + $1.peakFraction * $1.microseconds } / max(totalMicroseconds, 1e-3)
        peakGigaflopsPerSecond = peaks.measure(.fp32)
        self.peaks = Dictionary(uniqueKeysWithValues: peaks.measured.map { ($0.key.rawValue, $0.value) })
    }

    /// Of one core, each measured when it is first asked for.
    private struct Peaks {
        let kernels: KernelSet
        var measured: [Precision: Double] = [:]

        init(of instructionSet: InstructionSet) { kernels = KernelSet(instructionSet) }

        mutating func measure(_ precision: Precision) -> Double {
            if let peak = measured[precision] { return peak }
            let peak = kernels.measuredPeak(precision.element, clock: PlanTimer.now)
            measured[precision] = peak
            return peak
        }
    }

    private static func operations(_ rows: [PlanProfiler.Row], _ peaks: inout Peaks) -> [Operation] {
        var operations: [Operation] = []
        for row in rows {
            let precision = Precision.allCases.first { $0.element == row.operation.inputElement } ?? .fp32
            let peak = peaks.measure(row.operation.flops > 0 ? precision : .fp32)
            let (flops, executed) = (row.operation.flops, row.operation.executedFlops)
            func rate(_ flops: Int) -> Double { Double(flops) / max(row.medianMicroseconds, 1e-3) / 1e3 }
            operations.append(
                Operation(
                    name: row.step.name, kind: "\(row.operation.kind)", kernel: row.operation.kernelName,
                    input: text(row.operation.input), output: text(row.operation.output),
                    microseconds: row.medianMicroseconds, flops: flops, executedFlops: executed,
                    bytes: row.operation.bytes, gigaflopsPerSecond: rate(flops), peakFraction: rate(executed) / peak))
        }
        return operations
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
            microseconds: microseconds, flops: flops, executedFlops: flops, bytes: 0, gigaflopsPerSecond: rate,
            peakFraction: rate / peak)
    }

    private static func text(_ shape: PlanOperation.Shape) -> String {
        "\(shape.height)x\(shape.width)x\(shape.channels)"
    }
}
