/// Convolutions over one to three dimensions, `[batch, channels, spatial...]`.
let convolutionOperators: [Operator] = [
    Operator(
        "Conv", inputs: 2...3, accepts: .floats, folds: false,
        infer: { (call) throws(GraphFailure) in
            try requireSame(call, 0, 1)
            if call.has(2) { try requireSame(call, 0, 2) }
            return [ValueType(call.element(0), try Convolution(call, 0, 1, bias: 2).outputShape)]
        },
        evaluate: { (call, types) throws(GraphFailure) in
            let convolution = try Convolution(call, 0, 1, bias: 2)
            let result = convolution.run(call.doubles(0), call.doubles(1), call.has(2) ? call.doubles(2) : nil)
            return [TensorValue(shape: types[0].shape, Elements(result, as: types[0].element))]
        }),
    Operator(
        "ConvTranspose", inputs: 2...3, accepts: .floats, folds: false,
        infer: { (call) throws(GraphFailure) in
            try requireSame(call, 0, 1)
            return [ValueType(call.element(0), try Convolution(transposed: call).outputShape)]
        },
        evaluate: { (call, types) throws(GraphFailure) in
            let convolution = try Convolution(transposed: call)
            let result = convolution.runTransposed(
                call.doubles(0), call.doubles(1), call.has(2) ? call.doubles(2) : nil)
            return [TensorValue(shape: types[0].shape, Elements(result, as: types[0].element))]
        }),
    Operator(
        "ConvInteger", 10...21, inputs: 2...4, accepts: .integers, folds: false,
        infer: { (call) throws(GraphFailure) in
            try requireZero(call, 0, zero: 2, axis: 1)
            try requireZero(call, 1, zero: 3, axis: 0)
            return [ValueType(.int32, try Convolution(call, 0, 1, bias: nil).outputShape)]
        },
        evaluate: { (call, types) throws(GraphFailure) in
            let input = try shifted(call, 0, zero: 2, axis: 1)
            let weights = try shifted(call, 1, zero: 3, axis: 0)
            let result = try Convolution(call, 0, 1, bias: nil).run(input, weights, nil)
            return [TensorValue(shape: types[0].shape, Elements(result, as: .int32))]
        }),
    Operator(
        "QLinearConv", 10...21, inputs: 8...9, accepts: .integers, folds: false,
        infer: { (call) throws(GraphFailure) in
            let type = ValueType(call.element(7), try Convolution(call, 0, 3, bias: 8).outputShape)
            try requireScales(call, call.type(0), scale: 1, zero: 2, axis: 1)
            try requireScales(call, call.type(3), scale: 4, zero: 5, axis: 0)
            try requireScales(call, type, scale: 6, zero: 7, axis: 1)
            guard call.type(1).count == 1, [1, call.shape(3)[0]].contains(call.type(4).count) else {
                throw GraphFailure("the scales do not fit")
            }
            return [type]
        },
        evaluate: { (call, types) throws(GraphFailure) in
            let convolution = try Convolution(call, 0, 3, bias: 8)
            let input = try dequantised(call, 0, scale: 1, zero: 2, axis: 1)
            let weights = try dequantised(call, 3, scale: 4, zero: 5, axis: 0)
            // The bias has the scale of input times weight.
            let (inputScale, scales) = (call.doubles(1), call.doubles(4))
            let bias =
                call.has(8)
                ? call.doubles(8).enumerated().map { $1 * inputScale[0] * scales[scales.count == 1 ? 0 : $0] } : nil
            let result = convolution.run(input, weights, bias)
            return [try quantised(result, call, types[0], scale: 6, zero: 7, axis: 1)]
        }),
]

/// Shapes of a convolution. Weights are `[outputs, inputs / groups, kernel...]`; of a transposed one
/// `[inputs, outputs / groups, kernel...]`.
private struct Convolution {
    let batch: Int
    let groups: Int
    let inputs: Int
    let outputs: Int
    let window: SpatialWindow

    init(_ call: OperatorCall, _ input: Int, _ weights: Int, bias: Int?) throws(GraphFailure) {
        let (shape, kernel) = try Self.shapes(call, input, weights)
        groups = try call.int("group", 1)
        (batch, inputs, outputs) = (shape[0], shape[1], kernel[0])
        guard groups > 0, inputs % groups == 0, outputs % groups == 0, kernel[1] == inputs / groups else {
            throw GraphFailure("weights of shape \(kernel) do not fit input \(shape) in \(groups) groups")
        }
        window = try SpatialWindow(call, input: Array(shape[2...]), kernel: Array(kernel[2...]))
        try checkBias(call, bias)
    }

    init(transposed call: OperatorCall) throws(GraphFailure) {
        let (shape, kernel) = try Self.shapes(call, 0, 1)
        groups = try call.int("group", 1)
        guard groups > 0, kernel[1] <= GraphLimits.valueBytes / groups else { throw GraphFailure("\(groups) groups") }
        (batch, inputs, outputs) = (shape[0], shape[1], kernel[1] * groups)
        guard inputs % groups == 0, kernel[0] == inputs else {
            throw GraphFailure("weights of shape \(kernel) do not fit input \(shape) in \(groups) groups")
        }
        window = try SpatialWindow(transposed: call, input: Array(shape[2...]), kernel: Array(kernel[2...]))
        try checkBias(call, 2)
    }

    private static func shapes(
        _ call: OperatorCall, _ input: Int, _ weights: Int
    ) throws(GraphFailure) -> (input: [Int], weights: [Int]) {
        let (shape, kernel) = (call.shape(input), call.shape(weights))
        guard shape.count == kernel.count, (3...5).contains(shape.count) else {
            throw GraphFailure("input \(shape) and weights \(kernel) do not have the same 3 to 5 dimensions")
        }
        if let stated = try call.ints("kernel_shape"), stated != Array(kernel[2...]) {
            throw GraphFailure("kernel_shape \(stated) is not that of the weights, \(kernel)")
        }
        return (shape, kernel)
    }

    private func checkBias(_ call: OperatorCall, _ input: Int?) throws(GraphFailure) {
        guard let input, call.has(input) else { return }
        guard call.shape(input) == [outputs] else {
            throw GraphFailure("a bias of shape \(call.shape(input)) for \(outputs) outputs")
        }
    }

    var outputShape: [Int] { [batch, outputs] + window.outputShape }

    func run(_ input: [Double], _ weights: [Double], _ bias: [Double]?) -> [Double] {
        let window = self.window.flattened
        var result = [Double](repeating: 0, count: batch * outputs * window.outputCount)
        let perGroup = (inputs / groups, outputs / groups)
        for image in 0..<batch {
            for output in 0..<outputs {
                let start = (image * outputs + output) * window.outputCount
                if let bias { for index in start..<start + window.outputCount { result[index] = bias[output] } }
                for channel in 0..<perGroup.0 {
                    let source = image * inputs + output / perGroup.1 * perGroup.0 + channel
                    Self.forEachRow(window, weights, at: (output * perGroup.0 + channel) * window.kernelCount) { row in
                        Self.accumulate(
                            row, from: input, source * window.inputCount + row.input, step: window.strides[2],
                            into: &result, start + row.output, step: 1)
                    }
                }
            }
        }
        return result
    }

    /// The window is that of the forward convolution seen from its output: roles of input and output change.
    func runTransposed(_ input: [Double], _ weights: [Double], _ bias: [Double]?) -> [Double] {
        var result = [Double](repeating: 0, count: batch * outputs * window.outputCount)
        let perGroup = (inputs / groups, outputs / groups)
        let forward = window.reversed
        for image in 0..<batch {
            for output in 0..<outputs {
                let start = (image * outputs + output) * window.outputCount
                if let bias { for index in start..<start + window.outputCount { result[index] = bias[output] } }
                let group = output / perGroup.1
                for channel in group * perGroup.0..<(group + 1) * perGroup.0 {
                    let kernel = (channel * perGroup.1 + output % perGroup.1) * window.kernelCount
                    Self.forEachRow(forward, weights, at: kernel) { row in
                        Self.accumulate(
                            row, from: input, (image * inputs + channel) * window.inputCount + row.output, step: 1,
                            into: &result, start + row.input, step: window.strides[2])
                    }
                }
            }
        }
        return result
    }

    /// One tap over one row of positions: where it starts on both sides, for how many, with which weight.
    struct Row {
        let input: Int
        let output: Int
        let count: Int
        let weight: Double
    }

    private static func forEachRow(
        _ window: SpatialWindow, _ weights: [Double], at kernel: Int, _ body: (Row) -> Void
    ) {
        var tap = kernel
        for depth in 0..<window.kernel[0] {
            for height in 0..<window.kernel[1] {
                for width in 0..<window.kernel[2] {
                    defer { tap += 1 }
                    let columns = window.positions(2, width)
                    guard !columns.isEmpty else { continue }
                    let column = window.source(2, columns.lowerBound, width)
                    for plane in window.positions(0, depth) {
                        for row in window.positions(1, height) {
                            let line = window.source(0, plane, depth) * window.input[1] + window.source(1, row, height)
                            body(
                                Row(
                                    input: line * window.input[2] + column,
                                    output: (plane * window.output[1] + row) * window.output[2] + columns.lowerBound,
                                    count: columns.count, weight: weights[tap]))
                        }
                    }
                }
            }
        }
    }

    @inline(__always)
    private static func accumulate(
        _ row: Row, from input: [Double], _ source: Int, step sourceStep: Int, into result: inout [Double],
        _ target: Int, step targetStep: Int
    ) {
        let count = row.count
        precondition(source >= 0 && source + (count - 1) * sourceStep < input.count, "reads outside its input")
        precondition(target >= 0 && target + (count - 1) * targetStep < result.count, "writes outside its output")
        input.withUnsafeBufferPointer { input in
            result.withUnsafeMutableBufferPointer { result in
                if sourceStep == 1, targetStep == 1 {
                    for index in 0..<count { result[target + index] += row.weight * input[source + index] }
                } else {
                    for index in 0..<count {
                        result[target + index * targetStep] += row.weight * input[source + index * sourceStep]
                    }
                }
            }
        }
    }
}

extension SpatialWindow {
    /// The window with input and output exchanged.
    fileprivate var reversed: SpatialWindow { SpatialWindow(reversing: self) }

    /// A window that reads single elements in order, over one long dimension; any other unchanged.
    fileprivate var flattened: SpatialWindow {
        let isPointwise = kernelCount == 1 && input == output && strides == [1, 1, 1] && padsBefore == [0, 0, 0]
        return isPointwise ? SpatialWindow(flattening: self) : self
    }

    private init(flattening other: SpatialWindow) {
        (input, output, rank) = ([1, 1, other.inputCount], [1, 1, other.outputCount], other.rank)
        (kernel, strides, dilations) = (other.kernel, other.strides, other.dilations)
        (padsBefore, padsAfter) = (other.padsBefore, other.padsAfter)
    }

    private init(reversing other: SpatialWindow) {
        (input, output, rank) = (other.output, other.input, other.rank)
        (kernel, strides, dilations) = (other.kernel, other.strides, other.dilations)
        (padsBefore, padsAfter) = (other.padsBefore, other.padsAfter)
    }
}
