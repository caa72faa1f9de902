import Graphs

/// Which step a node begins.
extension Fusion {
    mutating func fuseUsual(_ index: Int) throws(GraphFailure) {
        let node = nodes[index]
        switch node.operatorName {
        case "Conv": try fuseConvolution(node)
        case "Gemm", "MatMul": try fuseMatrix(node)
        case "MaxPool": try fusePool(node) { _ in .maximum }
        case "AveragePool": try fusePool(node) { .average(countsPadding: $0) }
        case "GlobalAveragePool": try fuseGlobalAverage(node)
        case "ReduceMean": try fuseReduceMean(node)
        case "Add": try fuseAddition(node)
        case "Mul": try fuseScaling(node)
        case "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Dropout": try fuseView(node)
        case "Slice": try fuseSlice(node)
        case "Pad": try fusePad(node)
        case "QuantizeLinear": try fuseQuantize(node)
        case "DequantizeLinear": try fuseDequantize(node)
        default:
            guard let activation = try activation(of: node) else { throw GraphFailure("is not covered by kernels") }
            let input = try mapInput(node, 0)
            try append(node.label, .nothing, [input.name], value: node.outputs[0], input.shape, activation)
        }
    }

    private mutating func fuseConvolution(_ node: Node) throws(GraphFailure) {
        let input = try mapInput(node, 0)
        let call = call(node)
        guard let weights = constant(node.inputs[1]), let kernel = bound.types[node.inputs[1]]?.shape, kernel.count == 4
        else { throw GraphFailure("its weights are not constants of two spatial dimensions") }
        let groups = try call.int("group", 1)
        var shift = [Float](repeating: 0, count: kernel[0])
        if call.has(2) {
            guard let bias = constant(node.inputs[2]) else { throw GraphFailure("its bias is not constant") }
            shift = bias
        }
        let geometry = try SpatialWindow(
            call, input: [input.shape.height, input.shape.width], kernel: Array(kernel[2...]))
        let convolution = FusedConvolution(
            window: FusedWindow(geometry), groups: groups, inputChannels: input.shape.channels,
            outputChannels: kernel[0], weights: weights,
            integers: bound.quantizedConstants[node.inputs[1]]?.weights(outputAxis: 0),
            scale: [Float](repeating: 1, count: kernel[0]), shift: shift)
        try append(
            node.label, .convolution(convolution), [input.name], value: node.outputs[0],
            geometry.mapShape(channels: kernel[0]))
    }

    /// A fully connected layer: a convolution whose window is the whole map.
    private mutating func fuseMatrix(_ node: Node) throws(GraphFailure) {
        let isByPixels = isFlatWithChannelsLast(node.inputs[0])
        let input: (name: String, shape: MapShape)
        if isByPixels {
            let map = try anyMap(node, 0)
            input = (map.name, map.shape)
        } else {
            input = try mapInput(node, 0)
        }
        let call = call(node)
        guard bound.types[node.inputs[0]]?.rank == 2, let matrix = constant(node.inputs[1]),
            let shape = bound.types[node.inputs[1]]?.shape, shape.count == 2, try !call.flag("transA")
        else { throw GraphFailure("is not a vector times a constant matrix") }
        let isTransposed = try call.flag("transB")
        let (rows, columns) = isTransposed ? (shape[1], shape[0]) : (shape[0], shape[1])
        let size = input.shape.channels * input.shape.pixels
        guard rows == size else { throw GraphFailure("the matrix has \(rows) rows for \(size) values") }
        let alpha = Float(try call.float("alpha", 1))
        let (channels, pixels) = (input.shape.channels, input.shape.pixels)
        func ordered<Value>(_ values: [Value]) -> [Value] {
            if isTransposed, !isByPixels { return values }
            return (0..<columns * rows).map { index in
                let (column, place) = (index / rows, index % rows)
                let row = isByPixels ? place % pixels * channels + place / pixels : place
                return values[isTransposed ? column * rows + row : row * columns + column]
            }
        }
        let integers = bound.quantizedConstants[node.inputs[1]]?.weights(outputAxis: isTransposed ? 0 : 1)
        let window = FusedWindow(kernelHeight: input.shape.height, kernelWidth: input.shape.width)
        let convolution = FusedConvolution(
            window: window, groups: 1, inputChannels: input.shape.channels, outputChannels: columns,
            weights: ordered(matrix),
            integers: integers.map { QuantizedWeights(values: ordered($0.values), scales: $0.scales) },
            scale: [Float](repeating: alpha, count: columns), shift: try bias(of: call, columns))
        try append(
            node.label, .convolution(convolution), [input.name], value: node.outputs[0],
            MapShape(channels: columns, height: 1, width: 1))
    }

    /// A row of a whole map's values, pixel by pixel.
    private func isFlatWithChannelsLast(_ name: String) -> Bool {
        guard let map = map(of: name), let shape = shapes[map], let type = bound.types[name] else { return false }
        return layout(of: name) == .channelsLast && type.shape == [1, shape.channels * shape.pixels] && shape.pixels > 1
    }

    private func bias(of call: OperatorCall, _ columns: Int) throws(GraphFailure) -> [Float] {
        guard call.node.operatorName == "Gemm", call.has(2) else { return [Float](repeating: 0, count: columns) }
        guard let bias = constant(call.node.inputs[2]), bias.count == columns || bias.count == 1 else {
            throw GraphFailure("its third input is not a constant vector")
        }
        let beta = Float(try call.float("beta", 1))
        return (0..<columns).map { beta * bias[bias.count == 1 ? 0 : $0] }
    }

    private enum Pool {
        case maximum
        case average(countsPadding: Bool)
    }

    private mutating func fusePool(_ node: Node, _ kind: (Bool) -> Pool) throws(GraphFailure) {
        let input = try mapInput(node, 0, integers: node.operatorName == "MaxPool")
        let call = call(node)
        guard node.outputs.dropFirst().allSatisfy(\.isEmpty), let kernel = try call.ints("kernel_shape") else {
            throw GraphFailure("has a second output or no kernel_shape")
        }
        let geometry = try SpatialWindow(call, input: [input.shape.height, input.shape.width], kernel: kernel)
        let shape = geometry.mapShape(channels: input.shape.channels)
        let window = FusedWindow(geometry)
        let work: FusedStep.Work
        switch kind(try call.flag("count_include_pad")) {
        case .maximum: work = .maximum(window)
        case .average(let countsPadding):
            guard geometry.fits || !countsPadding else {
                throw GraphFailure("counts padding, but not that which its last window reaches beyond it")
            }
            let isWhole = kernel == [input.shape.height, input.shape.width] && shape.pixels == 1
            work =
                isWhole && window.padding == .none
                ? .globalAverage : .average(window, countsPadding: countsPadding)
        }
        if bound.types[node.inputs[0]]?.element != .float32 {
            return add(
                FusedStep(
                    name: node.label, work: work, inputs: [input.name], output: node.outputs[0], shape: shape,
                    outputQuantization: quantizations[input.name]))
        }
        try append(node.label, work, [input.name], value: node.outputs[0], shape)
    }

    private mutating func fuseGlobalAverage(_ node: Node) throws(GraphFailure) {
        let input = try mapInput(node, 0)
        try append(
            node.label, .globalAverage, [input.name], value: node.outputs[0],
            MapShape(channels: input.shape.channels, height: 1, width: 1))
    }

    private mutating func fuseReduceMean(_ node: Node) throws(GraphFailure) {
        let rank = bound.types[node.inputs[0]]?.rank ?? 0
        guard rank == 4, case .known(let axes) = try call(node).list("axes", input: 1, since: 18),
            Set(axes.map { $0 < 0 ? $0 + rank : $0 }) == [2, 3]
        else { throw GraphFailure("is not a mean over height and width") }
        try fuseGlobalAverage(node)
    }

    private mutating func fuseAddition(_ node: Node) throws(GraphFailure) {
        let (first, second) = (try mapInput(node, 0), try mapInput(node, 1))
        guard first.shape == second.shape, bound.types[node.inputs[0]]?.shape == bound.types[node.inputs[1]]?.shape
        else { throw GraphFailure("broadcasts") }
        try append(node.label, .addition, [first.name, second.name], value: node.outputs[0], first.shape)
    }

    private mutating func fuseScaling(_ node: Node) throws(GraphFailure) {
        var (map, factors) = (try mapInput(node, 0), try mapInput(node, 1))
        var shapes = node.inputs.map { bound.types[$0]?.shape ?? [] }
        if map.shape.pixels < factors.shape.pixels {
            swap(&map, &factors)
            shapes.swapAt(0, 1)
        }
        if map.shape == factors.shape, shapes[0] == shapes[1] {
            if lookup(factors.name, times: map.name) != nil { swap(&map, &factors) }
            if let table = lookup(map.name, times: factors.name) {
                return try append(node.label, table, [map.name], value: node.outputs[0], map.shape)
            }
        }
        // One dimension for the channels, and it is the channels' of the map.
        let channels = factors.shape.channels
        let padded = [Int](repeating: 1, count: max(0, shapes[0].count - shapes[1].count)) + shapes[1]
        var expected = [Int](repeating: 1, count: shapes[0].count)
        if expected.count > 1 { expected[1] = channels }
        guard factors.shape.pixels == 1, channels == map.shape.channels, padded == expected,
            bound.types[node.outputs[0]]?.shape == shapes[0]
        else { throw GraphFailure("is not a product with one factor per channel") }
        try append(node.label, .scaling, [map.name, factors.name], value: node.outputs[0], map.shape)
    }

    /// Another shape of the same numbers: in the kernels' layout only a single pixel, or a vector that a matrix reads.
    private mutating func fuseView(_ node: Node) throws(GraphFailure) {
        let input = try mapInput(node, 0, integers: true)
        let output = node.outputs[0]
        guard let type = bound.types[output] else { throw GraphFailure("has no shape") }
        let isSame = type.shape == bound.types[node.inputs[0]]?.shape
        let isVector =
            type.count == type.shape.last && type.rank == 2
            || input.shape.pixels == 1 && type.rank == 4
                && type.shape[1] == input.shape.channels
        let readers = readersBeyondRounding(of: output)
        let isRead = !readers.isEmpty && readers.allSatisfy { ["Gemm", "MatMul"].contains(nodes[$0].operatorName) }
        guard isSame || isVector && (input.shape.pixels == 1 || isRead) else {
            throw GraphFailure("changes the order of values")
        }
        alias(output, to: input.name)
    }

    /// Every n-th row and column, from the first on.
    private mutating func fuseSlice(_ node: Node) throws(GraphFailure) {
        guard let steps = try sampling(node), let stride = steps.values.first, steps.values.allSatisfy({ $0 == stride })
        else { throw GraphFailure("is not a sampling of rows and columns") }
        let output = node.outputs[0]
        if let half = sampled(node.inputs[0]), let missing = half.missing {
            guard half.stride == stride, Array(steps.keys) == [missing] else {
                throw GraphFailure("samples rows and columns apart")
            }
            return sample(output, Sample(source: half.source, stride: stride))
        }
        var result = Sample(source: try mapInput(node, 0).name, stride: stride)
        if steps.count == 1, let axis = steps.keys.first {
            // Rows and columns may be sampled by two nodes in a row; the second one makes it a square.
            result.missing = 5 - axis
            let readers = readersBeyondRounding(of: output)
            guard readers.count == 1, nodes[readers[0]].operatorName == "Slice",
                try sampling(nodes[readers[0]]) == [5 - axis: stride]
            else { throw GraphFailure("samples rows or columns only") }
        }
        sample(output, result)
    }

    /// Steps beyond 1 by axis, 2 or 3, of a slice that leaves out nothing else.
    private func sampling(_ node: Node) throws(GraphFailure) -> [Int: Int]? {
        let call = call(node)
        guard let type = bound.types[node.inputs[0]], type.rank == 4, node.opset >= 10,
            case .known(let starts) = try call.list("starts", input: 1, since: 10),
            case .known(let ends) = try call.list("ends", input: 2, since: 10),
            case .known(let axes) = try call.list("axes", input: 3, since: 10),
            case .known(let steps) = try call.list("steps", input: 4, since: 10),
            starts.allSatisfy({ $0 == 0 }), axes.count == starts.count, axes.count == steps.count,
            axes.count == ends.count, Set(axes).count == axes.count,
            zip(axes, ends).allSatisfy({ (0...3).contains($0) && $1 >= type.shape[$0] })
        else { return nil }
        let longer = zip(axes, steps).filter { $0.1 != 1 }
        guard !longer.isEmpty, longer.allSatisfy({ $0.0 >= 2 && $0.1 > 1 }) else { return nil }
        return Dictionary(uniqueKeysWithValues: longer)
    }

    /// Channels of zeros before and after.
    private mutating func fusePad(_ node: Node) throws(GraphFailure) {
        let call = call(node)
        guard try call.text("mode", "constant") == "constant", bound.types[node.inputs[0]]?.rank == 4,
            case .known(let pads) = try call.list("pads", input: 1, since: 11), pads.count == 8, !call.has(3),
            !call.has(2) || call.known(2)?.doubles == [0], try call.float("value", 0) == 0,
            pads.enumerated().allSatisfy({ $0 % 4 == 1 ? $1 >= 0 : $1 == 0 })
        else { throw GraphFailure("is not a padding of channels with zeros") }
        let sample = sampled(node.inputs[0])
        guard sample?.missing == nil else { throw GraphFailure("pads rows or columns that are sampled apart") }
        let source: Sample
        if let sample { source = sample } else { source = Sample(source: try mapInput(node, 0).name, stride: 1) }
        try select(
            named: node.label, from: source.source, stride: source.stride, before: pads[1], after: pads[5],
            output: node.outputs[0])
    }
}

extension Node {
    /// For people.
    var label: String { name.isEmpty ? outputs.first ?? operatorName : name }
}

extension FusedWindow {
    /// With `ceil_mode` a window may reach beyond the padding that is stated, and that padding counts for nothing,
    /// either; or none begins in it, and what only such a window would have read is left out.
    init(_ window: SpatialWindow) {
        func after(_ axis: Int) -> Int {
            let (stated, read) = (window.padsAfter[axis], window.reach(axis) - window.input[axis])
            return stated - read >= window.strides[axis] ? max(0, read) : max(stated, read)
        }
        self.init(
            kernelHeight: window.kernel[1], kernelWidth: window.kernel[2], strideHeight: window.strides[1],
            strideWidth: window.strides[2], dilationHeight: window.dilations[1], dilationWidth: window.dilations[2],
            padding: .init(
                top: window.padsBefore[1], left: window.padsBefore[2], bottom: after(1), right: after(2)))
    }
}

extension SpatialWindow {
    func mapShape(channels: Int) -> MapShape { MapShape(channels: channels, height: output[1], width: output[2]) }

    /// Whether every window lies within the input and its padding.
    var fits: Bool {
        (0..<3).allSatisfy { reach($0) <= input[$0] + padsAfter[$0] }
    }

    /// Where the last window ends, counted from the input's first value.
    func reach(_ axis: Int) -> Int { source(axis, output[axis] - 1, kernel[axis] - 1) + 1 }
}
