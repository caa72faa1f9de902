public import Fusion
public import Graphs

extension FusedNetwork {
    /// The network as a graph of ONNX's operators, version 14 or the first that has them: rounded maps and weights
    /// between QuantizeLinear and DequantizeLinear. Fused again, it computes the same but for biases rounded to 32-bit
    /// integers where inputs and weights are integers; convolutions, pools, sums and activations become the same steps.
    /// - Throws: where a step has no operators.
    public func graph(named name: String) throws(GraphFailure) -> Graph {
        var writer = GraphWriter(self)
        for step in steps {
            do throws(GraphFailure) { try writer.add(step) } catch {
                throw GraphFailure("\(step.name.printable): \(error.reason)")
            }
        }
        var last = writer.real(output)
        guard inputs.count == 1, outputs.count == 1, (inputs + outputs).allSatisfy({ $0.layout == .channelsFirst })
        else { throw GraphFailure("has several inputs or outputs, or channels that are last") }
        let shape = outputs[0].shape
        if outputType.shape != [1, shape.channels, shape.height, shape.width] {
            let shape = writer.constant("shape", TensorValue(integers: outputType.shape))
            last = writer.node("Reshape", [last, shape], named: output + ".shaped")
        }
        return try Graph(
            name: name,
            inputs: [
                GraphInput(
                    name: input, element: .float32,
                    dimensions: [1, inputShape.channels, inputShape.height, inputShape.width].map { .fixed($0) })
            ], outputs: [last], initialisers: writer.constants, nodes: writer.nodes)
    }
}

/// Writes steps as operators, one after another.
struct GraphWriter {
    let quantizations: [String: Quantization]
    /// Of the network's inputs and of all steps' results.
    let shapes: [String: MapShape]
    private(set) var nodes: [Node] = []
    private(set) var constants: [String: TensorValue] = [:]

    init(_ network: FusedNetwork) {
        quantizations = network.quantizations
        shapes = network.steps.reduce(into: network.inputs.reduce(into: [:]) { $0[$1.map] = $1.shape }) {
            $0[$1.output] = $1.shape
        }
    }

    mutating func constant(_ name: String, _ value: TensorValue) -> String {
        constants[name] = value
        return name
    }

    mutating func node(
        _ operatorName: String, _ inputs: [String], named output: String, _ attributes: [String: Attribute] = [:],
        opset: Int = 14
    ) -> String {
        nodes.append(
            Node(
                operatorName, opset: opset, name: output, inputs: inputs, outputs: [output], attributes: attributes))
        return output
    }

    /// What steps read: what the integers stand for, where the value has any.
    func real(_ value: String) -> String { quantizations[value] == nil ? value : value + ".real" }

    /// Nodes of a step. The last of them is named as its output; those before it have longer names.
    mutating func add(_ step: FusedStep) throws(GraphFailure) {
        let inputs = step.inputs.map(real)
        var left = Self.nodeCount(step)
        func name() -> String {
            left -= 1
            return left == 0 ? step.output : "\(step.output).\(left)"
        }
        var value: String
        switch step.work {
        case .convolution(let convolution): value = convolve(step, convolution, inputs[0], name)
        case .maximum(let window): value = node("MaxPool", inputs, named: name(), window.attributes)
        case .average(let window, let countsPadding):
            let attributes = window.attributes.merging(["count_include_pad": .int(countsPadding ? 1 : 0)]) { $1 }
            // Version 19 takes dilations.
            value = node("AveragePool", inputs, named: name(), attributes, opset: 19)
        case .globalAverage: value = node("GlobalAveragePool", inputs, named: name())
        case .addition: value = node("Add", inputs, named: name())
        case .scaling: value = node("Mul", inputs, named: name())
        case .nothing: value = inputs[0]
        case .lookup: throw GraphFailure("a table of 8 bits is no operator")
        default: value = try rearrange(step, inputs, name)
        }
        let residual = step.finish.residual
        if let residual, residual.isActivated { value = node("Add", [value, real(residual.value)], named: name()) }
        value = activate(value, step.finish.activation, step.output, name)
        if let residual, !residual.isActivated { value = node("Add", [value, real(residual.value)], named: name()) }
        if let quantization = step.outputQuantization { value = round(value, quantization, name()) }
        if value != step.output { _ = node("Identity", [value], named: step.output) }
    }

    /// How many of the nodes' results `add` names by counting down.
    private static func nodeCount(_ step: FusedStep) -> Int {
        var count = step.finish.residual == nil ? 0 : 1
        switch step.work {
        case .convolution(let convolution): count += convolution.isPlain ? 1 : 3
        case .nothing: break
        default: count += 1
        }
        switch step.finish.activation {
        case .none: break
        case .silu: count += 2
        default: count += 1
        }
        return count + (step.outputQuantization == nil ? 0 : 1)
    }

    // MARK: Convolutions

    private mutating func convolve(
        _ step: FusedStep, _ convolution: FusedConvolution, _ input: String, _ name: () -> String
    ) -> String {
        let window = convolution.window
        let shape = [
            convolution.outputChannels, convolution.inputChannels / convolution.groups, window.kernelHeight,
            window.kernelWidth,
        ]
        let weights = write(convolution, step.output + ".weights", shape)
        var attributes = window.attributes
        attributes["group"] = .int(convolution.groups)
        let channels = [convolution.outputChannels]
        if convolution.isPlain {
            let bias = write(shift: convolution, of: step, step.output + ".bias")
            return node("Conv", [input, weights, bias], named: name(), attributes)
        }
        let factors = constant(
            step.output + ".factors", TensorValue(shape: channels + [1, 1], .float32(convolution.scale)))
        let summands = constant(
            step.output + ".summands", TensorValue(shape: channels + [1, 1], .float32(convolution.shift)))
        let sum = node("Conv", [input, weights], named: name(), attributes)
        return node("Add", [node("Mul", [sum, factors], named: name()), summands], named: name())
    }

    private mutating func write(_ convolution: FusedConvolution, _ name: String, _ shape: [Int]) -> String {
        guard let integers = convolution.integers else {
            return constant(name, TensorValue(shape: shape, .float32(convolution.weights)))
        }
        let channels = [convolution.outputChannels]
        let values = constant(name + ".integers", TensorValue(shape: shape, .int8(integers.values)))
        let scales = constant(name + ".scales", TensorValue(shape: channels, .float32(integers.scales)))
        return node("DequantizeLinear", [values, scales], named: name, ["axis": .int(0)])
    }

    /// As 32-bit integers of the sum's own scale where the sum is one of integers and they suffice.
    private mutating func write(shift convolution: FusedConvolution, of step: FusedStep, _ name: String) -> String {
        let channels = [convolution.outputChannels]
        if let integers = convolution.integers, let input = quantizations[step.inputs[0]] {
            let scales = integers.scales.map { $0 * input.scale }
            let values = zip(convolution.shift, scales).compactMap { shift, scale in
                Int32(exactly: (Double(shift) / Double(scale)).rounded(.toNearestOrEven))
            }
            if values.count == convolution.outputChannels {
                let integers = constant(name + ".integers", TensorValue(shape: channels, .int32(values)))
                let scales = constant(name + ".scales", TensorValue(shape: channels, .float32(scales)))
                return node("DequantizeLinear", [integers, scales], named: name, ["axis": .int(0)])
            }
        }
        return constant(name, TensorValue(shape: channels, .float32(convolution.shift)))
    }

    // MARK: Finish

    private mutating func activate(
        _ value: String, _ activation: FusedActivation, _ output: String, _ name: () -> String
    ) -> String {
        switch activation {
        case .none: return value
        case .relu: return node("Relu", [value], named: name())
        case .clippedRelu(let most): return clip(value, 0, most, output, name())
        case .clip(let least, let most): return clip(value, least, most, output, name())
        case .leakyRelu(let slope): return node("LeakyRelu", [value], named: name(), ["alpha": .float(slope)])
        case .hardSigmoid:
            return node("HardSigmoid", [value], named: name(), ["alpha": .float(1 / 6), "beta": .float(0.5)])
        case .hardSwish: return node("HardSwish", [value], named: name())
        case .sigmoid: return node("Sigmoid", [value], named: name())
        case .silu: return node("Mul", [value, node("Sigmoid", [value], named: name())], named: name())
        case .tanh: return node("Tanh", [value], named: name())
        case .softplus: return node("Softplus", [value], named: name())
        case .elu(let alpha): return node("Elu", [value], named: name(), ["alpha": .float(alpha)])
        case .linearGate(let slope, let offset):
            return node("HardSigmoid", [value], named: name(), ["alpha": .float(slope), "beta": .float(offset)])
        case .gelu: return node("Gelu", [value], named: name(), opset: 20)
        case .geluTanh: return node("Gelu", [value], named: name(), ["approximate": .string("tanh")], opset: 20)
        case .mish: return node("Mish", [value], named: name(), opset: 18)
        }
    }

    private mutating func clip(
        _ value: String, _ least: Float, _ most: Float, _ output: String, _ name: String
    ) -> String {
        let bounds = [("least", least), ("most", most)].map { bound, value in
            constant("\(output).\(bound)", TensorValue(shape: [], .float32([value])))
        }
        return node("Clip", [value] + bounds, named: name)
    }

    private mutating func round(_ value: String, _ quantization: Quantization, _ output: String) -> String {
        let zero = quantization.zeroPoint
        let parameters = [
            constant(output + ".scale", TensorValue(shape: [], .float32([quantization.scale]))),
            constant(
                output + ".zero",
                TensorValue(shape: [], quantization.isSigned ? .int8([Int8(zero)]) : .uint8([UInt8(zero)]))),
        ]
        let integers = node("QuantizeLinear", [value] + parameters, named: output)
        _ = node("DequantizeLinear", [integers] + parameters, named: real(output))
        return integers
    }
}

extension FusedConvolution {
    /// Its weights are those of a convolution: no factor comes after the sum.
    fileprivate var isPlain: Bool { scale.allSatisfy { $0 == 1 } }
}

extension FusedWindow {
    fileprivate var attributes: [String: Attribute] {
        [
            "kernel_shape": .ints([kernelHeight, kernelWidth]), "strides": .ints([strideHeight, strideWidth]),
            "pads": .ints([padding.top, padding.left, padding.bottom, padding.right]),
            "dilations": .ints([dilationHeight, dilationWidth]),
        ]
    }
}
