import Graphs

/// Walks a graph in order and turns nodes into steps.
struct Fusion {
    let bound: BoundGraph
    private(set) var steps: [FusedStep] = []
    /// Shapes of the network's input and of everything that a step has computed.
    private(set) var shapes = Journal<String, MapShape>()
    /// Of those steps' results that are rounded to 8 bits.
    private(set) var quantizations = Journal<String, Quantization>()
    /// Values that hold the same numbers in the same order as the output of a step.
    private var aliases = Journal<String, String>()
    private var samples = Journal<String, Sample>()
    var arranged = Arranged()
    private var absorbed = Journal<Int, Bool>()
    /// Steps that are there to stay.
    private var committed = 0
    private let consumers: [String: [Int]]
    private let dequantizers: [String: Int]
    private let outputs: Set<String>
    /// Nodes that run by their definitions though there may be a kernel.
    let left: Set<Int>

    init(_ bound: BoundGraph, leaving left: Set<Int> = []) {
        self.bound = bound
        self.left = left
        outputs = Set(bound.graph.outputs)
        var (consumers, dequantizers) = ([String: [Int]](), [String: Int]())
        for (index, node) in bound.graph.nodes.enumerated() {
            for name in Set(node.inputs) where !name.isEmpty { consumers[name, default: []].append(index) }
            if node.operatorName == "DequantizeLinear" { dequantizers[node.outputs[0]] = index }
        }
        self.consumers = consumers
        self.dequantizers = dequantizers
    }

    var nodes: [Node] { bound.graph.nodes }
    func isAbsorbed(_ index: Int) -> Bool { absorbed[index] ?? false }
    mutating func absorb(_ index: Int) { absorbed[index] = true }

    /// Every second (third, …) row and column of a map, not yet computed.
    struct Sample {
        let source: String
        let stride: Int
        /// The axis that is still to be sampled by the only reader; `nil` where both are.
        var missing: Int?
    }

    // MARK: Attempts

    /// Keeps what was found so far.
    mutating func commit() {
        committed = steps.count
        shapes.commit()
        quantizations.commit()
        aliases.commit()
        samples.commit()
        absorbed.commit()
        arranged.commit()
    }

    /// Takes back everything since the last commit.
    mutating func takeBack() {
        steps.removeSubrange(committed...)
        shapes.takeBack()
        quantizations.takeBack()
        aliases.takeBack()
        samples.takeBack()
        absorbed.takeBack()
        arranged.takeBack()
    }

    /// The step's output (or the network's input) that has these numbers.
    func map(of name: String) -> String? {
        let value = aliases[name] ?? name
        if shapes[value] != nil { return value }
        // A map of 8 bits may be read before its DequantizeLinear comes up.
        guard let node = dequantizer(of: name), let map = map(of: node.inputs[0]),
            let quantization = quantizations[map], self.quantization(of: node) == quantization
        else { return nil }
        return map
    }

    /// The DequantizeLinear that the value is the result of.
    func dequantizer(of name: String) -> Node? { dequantizers[name].map { nodes[$0] } }

    func shape(of value: String) throws(GraphFailure) -> MapShape {
        guard let shape = shapes[value] else { throw GraphFailure("reads \(value.printable), which no step computes") }
        return shape
    }

    func constant(_ name: String) -> [Float]? {
        guard case .float32(let values)? = bound.graph.initialisers[name]?.elements else { return nil }
        return values
    }

    /// The only nodes that read the value; none where it is an output of the network.
    func readers(of value: String) -> [Int] { outputs.contains(value) ? [] : consumers[value] ?? [] }

    /// All nodes that read the value.
    func allReaders(of value: String) -> [Int] { consumers[value] ?? [] }

    /// A map that no step computes.
    mutating func state(_ name: String, _ shape: MapShape) { shapes[name] = shape }

    func call(_ node: Node) -> OperatorCall {
        OperatorCall(
            node, types: node.inputs.map { bound.types[$0] }, values: node.inputs.map { bound.graph.initialisers[$0] })
    }

    /// The map that an input of the node is; a map that was only sampled so far is computed now.
    /// - Parameter integers: whether it may be integers, as the node does the same with them.
    mutating func mapInput(
        _ node: Node, _ index: Int, integers: Bool = false
    ) throws(GraphFailure) -> (name: String, shape: MapShape) {
        guard index < node.inputs.count else { throw GraphFailure("input \(index) is missing") }
        let name = node.inputs[index]
        guard integers || bound.types[name]?.element == .float32 else {
            throw GraphFailure("input \(index) (\(name.printable)) is not of 32-bit floats")
        }
        if let sample = samples[name] {
            guard sample.missing == nil else { throw GraphFailure("reads rows or columns that are sampled apart") }
            try select(
                named: name, from: sample.source, stride: sample.stride, before: 0, after: 0, output: name,
                follow: false)
        }
        try arrange(name)
        try requireRows(of: name, index)
        guard let value = map(of: name) else {
            throw GraphFailure("input \(index) (\(name.printable)) is not a map that a step computes")
        }
        return (value, try shape(of: value))
    }

    mutating func alias(_ name: String, to value: String) { aliases[name] = value }
    mutating func sample(_ name: String, _ sample: Sample) { samples[name] = sample }
    func sampled(_ name: String) -> Sample? { samples[name] }

    /// Adds a step whose result, before anything is fused into it, is `value`.
    mutating func append(
        _ node: String, _ work: FusedStep.Work, _ inputs: [String], value: String, _ shape: MapShape,
        _ activation: FusedActivation = .none, follow: Bool = true
    ) throws(GraphFailure) {
        var step = FusedStep(
            name: node, work: work, inputs: inputs, output: value, shape: shape, finish: FusedFinish(activation))
        if follow { try self.follow(&step) }
        add(step)
    }

    mutating func add(_ step: FusedStep) {
        steps.append(step)
        shapes[step.output] = step.shape
        quantizations[step.output] = step.outputQuantization
    }

    /// A 1x1 convolution that picks channels and every `stride`-th pixel, with channels of zeros around them: a
    /// parameter-free shortcut (He et al. 2016, option A) as the kernels know it.
    mutating func select(
        named name: String, from source: String, stride: Int, before: Int, after: Int, output: String,
        follow: Bool = true
    ) throws(GraphFailure) {
        let input = try shape(of: source)
        let channels = before + input.channels + after
        var weights = [Float](repeating: 0, count: channels * input.channels)
        for channel in 0..<input.channels { weights[(before + channel) * input.channels + channel] = 1 }
        let convolution = FusedConvolution(
            window: FusedWindow(kernelHeight: 1, kernelWidth: 1, strideHeight: stride, strideWidth: stride), groups: 1,
            inputChannels: input.channels, outputChannels: channels, weights: weights,
            integers: quantizations[source].map { _ in
                QuantizedWeights(values: weights.map { Int8($0) }, scales: [Float](repeating: 1, count: channels))
            },
            scale: [Float](repeating: 1, count: channels), shift: [Float](repeating: 0, count: channels))
        let shape = MapShape(
            channels: channels, height: (input.height - 1) / stride + 1, width: (input.width - 1) / stride + 1)
        samples[output] = nil
        try append(name, .convolution(convolution), [source], value: output, shape, follow: follow)
    }
}
