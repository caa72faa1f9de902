/// A graph whose input sizes are fixed: the types of all values that do not depend on data, and constants computed.
public struct BoundGraph: Equatable, Sendable {
    /// Without nodes that computed constants or nothing that is read.
    public let graph: Graph
    /// By name, for inputs, initialisers and results; values whose shape depends on data have none.
    public let types: [String: ValueType]

    /// Constants that DequantizeLinear has computed from 8 bits, by name.
    public let quantizedConstants: [String: QuantizedConstant]

    /// Sizes that the graph leaves open.
    public struct Sizes: Equatable, Sendable {
        /// By the name of the dimension.
        public var symbols: [String: Int]
        /// Whole shapes by the name of the input; they win.
        public var shapes: [String: [Int]]
        /// For dimensions that are not named above; `nil` refuses them.
        public var others: Int?

        public init(symbols: [String: Int] = [:], shapes: [String: [Int]] = [:], others: Int? = nil) {
            self.symbols = symbols
            self.shapes = shapes
            self.others = others
        }
    }

    /// - Throws: where a size is missing or contradicts the graph, or an operator cannot take what it is given.
    public init(_ graph: Graph, sizes: Sizes = Sizes()) throws(GraphFailure) {
        var types: [String: ValueType] = [:]
        for (name, value) in graph.initialisers { types[name] = value.type }
        var sizes = sizes
        for input in graph.inputs { types[input.name] = try sizes.type(of: input) }
        var quantized: [String: QuantizedConstant] = [:]
        let folded = try ConstantFolding.apply(to: graph, types: &types, quantized: &quantized)
        let normalised = try LayerNormalizationPattern.joined(
            in: RepeatedRounding.removed(from: folded, types), types)
        self.graph = try DeadCode.removed(from: HardGatePattern.joined(in: normalised, types))
        for (name, value) in self.graph.initialisers { types[name] = value.type }
        let names = Set(
            self.graph.inputs.map(\.name) + self.graph.initialisers.keys + self.graph.nodes.flatMap(\.outputs))
        self.types = types.filter { names.contains($0.key) }
        quantizedConstants = quantized.filter { names.contains($0.key) }
    }
}

extension BoundGraph.Sizes {
    /// Binds the input's dimensions; a name that is bound by one input's shape holds for the next. Within an input
    /// whose shape is stated a name may stand for several sizes: some exporters call every open dimension `?`.
    fileprivate mutating func type(of input: GraphInput) throws(GraphFailure) -> ValueType {
        var own: Set<String> = []
        let stated = shapes[input.name]
        guard stated.map({ $0.count == input.dimensions.count }) ?? true else {
            throw GraphFailure("the input \(input.name.printable) has \(input.dimensions.count) dimensions")
        }
        var shape: [Int] = []
        for (axis, dimension) in input.dimensions.enumerated() {
            switch dimension {
            case .fixed(let size):
                guard stated.map({ $0[axis] == size }) ?? true else {
                    throw GraphFailure("dimension \(axis) of the input \(input.name.printable) is \(size)")
                }
                shape.append(size)
            case .symbolic(let name):
                guard let size = stated?[axis] ?? symbols[name] ?? others else {
                    throw GraphFailure("the size of dimension \(name.printable) is not given")
                }
                if let known = symbols[name] {
                    guard known == size || own.contains(name) else {
                        throw GraphFailure("dimension \(name.printable) is given two sizes, \(known) and \(size)")
                    }
                } else {
                    symbols[name] = size
                    own.insert(name)
                }
                shape.append(size)
            case .unknown:
                guard let size = stated?[axis] ?? others else {
                    throw GraphFailure("dimension \(axis) of the input \(input.name.printable) is not given")
                }
                shape.append(size)
            }
        }
        try GraphLimits.checkedCount(of: shape, input.element)
        return ValueType(input.element, shape)
    }
}
