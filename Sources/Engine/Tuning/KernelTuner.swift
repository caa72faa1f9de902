import CKernels

/// A short tuning run: times, on the caller's thread, the ways to compute each shape of some plans.
///
/// The ways of a shape run in turn, one round after another, and the least time of each counts, which a shared machine
/// disturbs least. A way has to be faster than the cost model's by a margin, so that noise changes nothing.
public struct KernelTuner {
    public struct Row: Equatable, Sendable {
        public let shape: KernelChoices.Shape
        /// The cost model's way first.
        public let ways: [String]
        public let nanoseconds: [UInt64]
        /// Index of the way that is preferred.
        public let best: Int
    }

    private let kernels: KernelSet
    private let rounds: Int
    private let limit: UInt64
    private let clock: () -> UInt64

    /// - Parameters:
    ///   - kernels: those that the plans were made with, or are to be made with.
    ///   - limit: nanoseconds after which no other shape is begun.
    ///   - clock: nanoseconds.
    public init(_ kernels: KernelSet, rounds: Int = 8, limit: UInt64 = 1_500_000_000, clock: @escaping () -> UInt64) {
        precondition(rounds > 0, "\(rounds) rounds")
        self.kernels = kernels
        self.rounds = rounds
        self.limit = limit
        self.clock = clock
    }

    /// The shapes that there was time for, each once, in the order of their first use.
    public func measure(_ plans: [Plan], counted: () -> Void = {}) -> [Row] {
        let start = clock()
        var rows: [Row] = []
        for shape in Self.shapes(of: plans) {
            guard clock() - start < limit else { break }
            defer { counted() }
            let ways = kernels.ways(shape).map { (name: $0, trial: KernelTrial(shape, way: $0, kernels)) }
            let (best, least) = Self.fastest(ways: ways.count, rounds: rounds) { index in
                let before = clock()
                ways[index].trial.run()
                return clock() - before
            }
            rows.append(Row(shape: shape, ways: ways.map(\.name), nanoseconds: least, best: best))
        }
        return rows
    }

    /// What there is to measure: each shape once, in the order of the operations.
    public static func shapes(of plans: [Plan]) -> [KernelChoices.Shape] {
        var seen: Set<KernelChoices.Shape> = []
        return plans.flatMap(\.operations).compactMap { KernelChoices.Shape($0) }.filter { seen.insert($0).inserted }
    }

    /// The way with the least of its times in `rounds` turns; the first, unless another is faster by 2 %.
    static func fastest(
        ways: Int, rounds: Int, time: (Int) -> UInt64
    ) -> (best: Int, nanoseconds: [UInt64]) {
        var least = [UInt64](repeating: .max, count: ways)
        for way in 0..<ways { _ = time(way) }
        for _ in 0..<rounds {
            for way in 0..<ways { least[way] = min(least[way], time(way)) }
        }
        let fastest = least.indices.min { least[$0] < least[$1] } ?? 0
        return (Double(least[fastest]) < 0.98 * Double(least[0]) ? fastest : 0, least)
    }
}

extension KernelChoices {
    /// Takes over what a tuning run found, in place of what was known of the same shapes.
    public mutating func adopt(_ rows: [KernelTuner.Row]) {
        for row in rows { set(row.best == 0 ? nil : row.ways[row.best], for: row.shape) }
    }
}

extension KernelChoices.Shape {
    /// Of an operation that can be computed in several ways; the pieces of one convolution have the same.
    init?(_ operation: PlanOperation) {
        guard operation.kernelName.hasPrefix("f32-") else { return nil }
        switch operation.kind {
        case .pointwise where operation.output.pixels > 1:
            self.init(.pointwise, operation.input, outputs: operation.output.channels)
        case .depthwise:
            self.init(
                .depthwise, operation.input, outputs: operation.output.channels, kernel: operation.kernel,
                stride: operation.stride)
        case .winogradOutput: self.init(operation.window, operation.input, outputs: operation.output.channels)
        case .convolution:
            var input = operation.input
            input.height -= operation.window.border.top + operation.window.border.bottom
            input.width -= operation.window.border.left + operation.window.border.right
            guard min(input.height, input.width) > 0 else { return nil }
            self.init(operation.window, input, outputs: operation.output.channels)
        default: return nil
        }
    }
}

extension KernelSet {
    /// Names of the ways to compute a shape, the cost model's first.
    func ways(_ shape: KernelChoices.Shape) -> [String] {
        var untuned = self
        untuned.choices = KernelChoices()
        let first: String
        let all: [String]
        switch shape.operation {
        case .pointwise: return pointwiseWays(shape.input, outputs: shape.outputs)
        case .depthwise:
            let width = (shape.width - 1) / shape.stride + 1
            first = "\(untuned.rowTile(shape.input, kernel: shape.kernel, stride: shape.stride, width: width))"
            all = rowTiles(shape.kernel, shape.stride).map(\.name)
        case .convolution:
            first = untuned.method(.init(kernel: 3, padding: 1), shape.input, outputs: shape.outputs).name
            all = DenseConvolution.Method.all.map(\.name)
        }
        return [first] + all.filter { $0 != first }
    }
}

/// One way to compute a shape, ready to run on values that do not matter.
private struct KernelTrial {
    private let operations: [PlanOperation]
    private let arena: AlignedBuffer
    private let owners: [AlignedBuffer]

    init(_ shape: KernelChoices.Shape, way: String, _ kernels: KernelSet) {
        var tuned = kernels
        tuned.choices = KernelChoices()
        tuned.choices.set(way, for: shape)
        var builder = PlanBuilder(input: .init(channels: 1, height: 1, width: 1), border: .none, kernels: tuned)
        builder.beginGroup("trial")
        let map = builder.allocate(shape.input)
        let ones = [Float](repeating: 1, count: shape.outputs)
        let finish = PlanBuilder.Finish(epilogue: Epilogue(scale: ones, shift: ones), activation: CK_RELU)
        let window = Window(kernel: shape.kernel, stride: shape.stride, padding: (shape.kernel - 1) / 2)
        switch shape.operation {
        case .pointwise:
            let weights = Self.weights(outputs: shape.outputs, rows: shape.inputs)
            _ = builder.pointwise("trial", map, weights, channels: shape.outputs, finish)
        case .depthwise:
            let weights = Self.weights(outputs: shape.outputs, rows: window.taps)
            _ = builder.depthwise("trial", map, weights, window, finish)
        case .convolution:
            let filter = DenseConvolution(
                inputChannels: shape.inputs, outputChannels: shape.outputs, window: window,
                unknownFor: tuned.method(window, shape.input, outputs: shape.outputs))
            _ = builder.convolution("trial", map, filter, finish)
        }
        operations = builder.operations
        owners = builder.owners
        arena = AlignedBuffer(count: builder.layout.highWater)
        arena.base.update(repeating: 0.5, count: arena.count)
    }

    private static func weights(outputs: Int, rows: Int) -> PackedConvolution {
        let count = PackedConvolution.packedCount(outputChannels: outputs, rows: rows)
        let values = AlignedBuffer(count: count)
        values.base.update(repeating: 0.01, count: count)
        return PackedConvolution(packed: values, outputChannels: outputs, rows: rows)
    }

    func run() {
        for operation in operations { operation.perform(in: arena.base) }
        withExtendedLifetime(owners) {}
    }
}
