import CKernels

/// Which of several ways each shape is computed, where a measurement on this processor found a faster one than the cost
/// models choose.
///
/// Tiles add up a value's products in the same order, so they change no result, except that a depthwise tile also sums
/// the means that squeeze-and-excite reads. Depthwise quads round differently, as close to the exact result as the
/// direct way; so do the methods of a dense convolution, within the bounds that `DenseConvolution.Method` states.
public struct KernelChoices: Equatable, Sendable {
    /// What the speed of a kernel depends on.
    public struct Shape: Hashable, Sendable, CustomStringConvertible {
        public enum Operation: String, CaseIterable, Sendable {
            case pointwise, depthwise, convolution
        }

        public var operation: Operation
        public var inputs: Int
        public var outputs: Int
        /// Of the input, without its border.
        public var height: Int
        public var width: Int
        public var kernel: Int
        public var stride: Int

        public init(
            _ operation: Operation, _ input: PlanOperation.Shape, outputs: Int, kernel: Int = 1, stride: Int = 1
        ) {
            self.operation = operation
            self.inputs = input.channels
            self.outputs = outputs
            height = input.height
            width = input.width
            self.kernel = kernel
            self.stride = stride
        }

        /// Such as `depthwise 5x5 /2 56x56 72->72`.
        public var description: String {
            let window = operation == .pointwise ? "" : " \(kernel)x\(kernel) /\(stride)"
            return "\(operation.rawValue)\(window) \(height)x\(width) \(inputs)->\(outputs)"
        }

        var numbers: [Int] { [inputs, outputs, height, width, kernel, stride] }
        var input: PlanOperation.Shape { .init(channels: inputs, height: height, width: width) }
    }

    /// Most shapes that are kept: those of some hundred networks.
    public static let limit = 10_000

    /// Shape to the name of a way: a pointwise row of the kernel table, pixels of a depthwise tile or `quads`, or a
    /// method.
    public private(set) var ways: [Shape: String] = [:]

    public init() {}

    /// Prefers a way, or with `nil` what the cost model says. Beyond `limit` shapes nothing is added.
    public mutating func set(_ way: String?, for shape: Shape) {
        guard way == nil || ways.count < Self.limit || ways[shape] != nil else { return }
        ways[shape] = way
    }
}

extension DenseConvolution.Method {
    static let all: [DenseConvolution.Method] = [.direct, .winograd(side: 4), .winograd(side: 2)]

    var name: String {
        switch self {
        case .direct: "direct"
        case .winograd(let side): "winograd\(side)"
        }
    }

    init?(name: String) {
        guard let method = Self.all.first(where: { $0.name == name }) else { return nil }
        self = method
    }
}

extension KernelSet {
    /// Pixels of a row that a depthwise tile computes at once: the widest that cut it evenly, unless a measurement
    /// found better.
    func rowTile(
        _ input: PlanOperation.Shape, kernel: Int, stride: Int, width: Int, _ element: MapElement = .float32
    ) -> Int {
        let shape = KernelChoices.Shape(
            .depthwise, input, outputs: input.channels, kernel: kernel, stride: stride)
        if element == .float32, let way = choices.ways[shape],
            let tile = rowTiles(kernel, stride).first(where: { $0.name == way })
        {
            return tile.code
        }
        return [7, 8, 6, 5].first { width % $0 == 0 } ?? 8
    }

    /// The row tiles that a depthwise kernel knows, by name, as the kernel is told.
    func rowTiles(_ kernel: Int, _ stride: Int) -> [(name: String, code: Int)] {
        let quads = kernel == 7 && stride == 1 && instructionSet == .avx512
        return (4...8).map { ("\($0)", $0) } + (quads ? [("quads", Int(CK_QUADS))] : [])
    }

    /// The way to compute a dense convolution.
    func method(
        _ window: Window, _ input: PlanOperation.Shape, outputs: Int, element: MapElement = .float32
    ) -> DenseConvolution.Method {
        let suited = DenseConvolution.Method.suited(to: window, input: input, outputs: outputs, element: element)
        guard element == .float32, suited != .direct, let shape = KernelChoices.Shape(window, input, outputs: outputs),
            let way = choices.ways[shape]
        else { return suited }
        return DenseConvolution.Method(name: way) ?? suited
    }
}

extension KernelChoices.Shape {
    /// A convolution that can be computed in several ways, or `nil`.
    init?(_ window: Window, _ input: PlanOperation.Shape, outputs: Int) {
        guard window.kernel == .init(3, 3), window.stride == .init(1, 1), window.dilation == .init(1, 1),
            window.border == .init(1)
        else { return nil }
        self.init(.convolution, input, outputs: outputs, kernel: 3)
    }
}
