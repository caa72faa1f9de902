package import Graphs

/// Rows and columns that are interpolated, cropped, padded or spread.
extension Fusion {
    mutating func fuseResize(_ node: Node) throws(GraphFailure) {
        let input = try mapInput(node, 0)
        guard bound.types[node.inputs[0]]?.rank == 4, let axes = try resizingTaps(call(node)) else {
            throw GraphFailure("is not a resizing of known size")
        }
        guard axes[0] == nil, axes[1] == nil else { throw GraphFailure("resizes something else than rows and columns") }
        try resample(node, input, rows: try FusedTap.taps(axes[2]), columns: try FusedTap.taps(axes[3]))
    }

    /// Rows and columns around a map, or away from it (ONNX `Pad`: constant zeros, reflect and edge).
    mutating func fuseSpatialPad(_ node: Node) throws(GraphFailure) {
        let call = call(node)
        let input = try mapInput(node, 0)
        let mode = try call.text("mode", "constant")
        guard bound.types[node.inputs[0]]?.rank == 4, !call.has(3),
            case .known(let pads) = try call.list("pads", input: 1, since: 11), pads.count == 8,
            pads[0] == 0, pads[1] == 0, pads[4] == 0, pads[5] == 0
        else { throw GraphFailure("is not a padding of rows and columns") }
        let filler = call.has(2) ? call.known(2)?.doubles.first : try call.float("value", 0)
        guard mode != "constant" || filler == 0 else { throw GraphFailure("pads with another number than 0") }
        func taps(_ size: Int, _ before: Int, _ after: Int) throws(GraphFailure) -> [FusedTap] {
            var result: [FusedTap] = []
            for position in -before..<max(-before, size + after) {
                if (0..<size).contains(position) {
                    result.append(FusedTap(position))
                } else if mode == "constant" {
                    result.append(.zero)
                } else if mode == "edge" {
                    result.append(FusedTap(min(max(position, 0), size - 1)))
                } else {
                    let mirrored = position < 0 ? -position : 2 * (size - 1) - position
                    guard mode == "reflect", (0..<size).contains(mirrored) else {
                        throw GraphFailure("pads by \(mode.printable)")
                    }
                    result.append(FusedTap(mirrored))
                }
            }
            return result
        }
        try resample(
            node, input, rows: taps(input.shape.height, pads[2], pads[6]),
            columns: taps(input.shape.width, pads[3], pads[7]))
    }

    /// Part of the channels, rows and columns, in steps.
    mutating func fuseAnySlice(_ node: Node) throws(GraphFailure) {
        guard let type = bound.types[node.inputs[0]], let output = bound.types[node.outputs[0]], type.rank >= 2,
            type.rank <= 4
        else { throw GraphFailure("is not a part of a map") }
        let call = call(node)
        guard case .known(let starts) = try call.list("starts", input: 1, since: 10) else {
            throw GraphFailure("has starts that are not constant")
        }
        var axes = Array(starts.indices), steps = starts.map { _ in 1 }
        switch try call.list("axes", input: 3, since: 10) {
        case .absent: break
        case .known(let stated): axes = stated
        case .unknown: throw GraphFailure("has axes that are not constant")
        }
        if node.opset >= 10 {
            switch try call.list("steps", input: 4, since: 10) {
            case .absent: break
            case .known(let stated): steps = stated
            case .unknown: throw GraphFailure("has steps that are not constant")
            }
        }
        guard axes.count == starts.count, steps.count == starts.count else { throw GraphFailure("is not a slice") }
        var places = output.shape.map { Array(0..<$0) }
        for (index, stated) in axes.enumerated() {
            let axis = stated < 0 ? stated + type.rank : stated
            guard type.shape.indices.contains(axis) else { throw GraphFailure("is not a slice") }
            let size = type.shape[axis]
            let start = starts[index] < 0 ? max(starts[index] + size, 0) : starts[index]
            let first = min(start, steps[index] < 0 ? size - 1 : size)
            places[axis] = (0..<output.shape[axis]).map { first + $0 * steps[index] }
        }
        guard places[0] == [0] else { throw GraphFailure("takes part of a batch") }
        try select(node, places)
    }

    private mutating func select(_ node: Node, _ places: [[Int]]) throws(GraphFailure) {
        var picked = try channels(node, 0)
        guard places.count == 4 || picked.height * picked.width == 1 else { throw GraphFailure("is not a map") }
        let whole = picked
        picked.runs = places[1].flatMap { whole.slice($0..<$0 + 1) }
        let isWhole =
            places.count < 4 || places[2] == Array(0..<whole.height) && places[3] == Array(0..<whole.width)
        let channels = isWhole ? node.outputs[0] : node.outputs[0] + ".channels"
        pick(channels, picked)
        guard !isWhole else { return }
        try arrange(channels)
        guard let map = map(of: channels) else { throw GraphFailure("is not a map") }
        try resample(
            node, (map, try shape(of: map)), rows: places[2].map { FusedTap($0) },
            columns: places[3].map { FusedTap($0) })
    }

    private mutating func resample(
        _ node: Node, _ input: (name: String, shape: MapShape), rows: [FusedTap]?, columns: [FusedTap]?
    ) throws(GraphFailure) {
        let rows = rows ?? (0..<input.shape.height).map { FusedTap($0) }
        let columns = columns ?? (0..<input.shape.width).map { FusedTap($0) }
        guard !rows.isEmpty, !columns.isEmpty else { throw GraphFailure("leaves nothing") }
        try append(
            node.label, .resample(rows: rows, columns: columns), [input.name], value: node.outputs[0],
            MapShape(channels: input.shape.channels, height: rows.count, width: columns.count), follow: false)
    }

    /// A transposed convolution: one convolution for each phase of its stride, all in one, and their pixels interleaved
    /// (the sub-pixel convolution of Shi et al. 2016, in general).
    mutating func fuseTransposedConvolution(_ node: Node) throws(GraphFailure) {
        let input = try mapInput(node, 0)
        let call = call(node)
        guard let weights = constant(node.inputs[1]), let kernel = bound.types[node.inputs[1]]?.shape,
            kernel.count == 4,
            try call.int("group", 1) == 1
        else { throw GraphFailure("has groups, or weights that are not constant") }
        var shift = [Float](repeating: 0, count: kernel[1])
        if call.has(2) {
            guard let bias = constant(node.inputs[2]) else { throw GraphFailure("its bias is not constant") }
            shift = bias
        }
        let geometry = try SpatialWindow(
            transposed: call, input: [input.shape.height, input.shape.width], kernel: Array(kernel[2...]))
        guard geometry.strides[1] == geometry.strides[2], geometry.dilations == [1, 1, 1] else {
            throw GraphFailure("is dilated, or has a stride that is not square")
        }
        let phases = TransposedPhases(geometry, inputs: kernel[0], outputs: kernel[1])
        let shape = geometry.mapShape(channels: kernel[1])
        var step = FusedStep(
            name: node.label,
            work: .affine(scale: [Float](repeating: 1, count: kernel[1]), shift: shift), inputs: [input.name],
            output: node.outputs[0], shape: shape)
        try follow(&step)
        guard case .affine(let scale, let shift) = step.work else { throw GraphFailure("has no scale") }
        let phased = node.outputs[0] + ".phases"
        add(
            FusedStep(
                name: node.label,
                work: .convolution(phases.convolution(weights, scale: scale, shift: shift)), inputs: [input.name],
                output: phased, shape: phases.shape, finish: step.finish))
        add(
            FusedStep(
                name: node.label, work: .interleave(phases.interleave), inputs: [phased], output: step.output,
                shape: shape, outputQuantization: step.outputQuantization))
    }
}

/// Output pixel y of a transposed convolution with stride s, padding p and a kernel of k taps sums input pixel q - m
/// times tap r + s m over m, where y + p = s q + r: for each phase r a convolution of ceil(k / s) taps.
private struct TransposedPhases {
    let window: SpatialWindow
    let inputs: Int
    let outputs: Int
    private let stride: Int
    private let taps: (rows: Int, columns: Int)
    private let size: (rows: Int, columns: Int)

    init(_ window: SpatialWindow, inputs: Int, outputs: Int) {
        self.window = window
        self.inputs = inputs
        self.outputs = outputs
        let stride = window.strides[1]
        self.stride = stride
        func taps(_ axis: Int) -> Int { (window.kernel[axis] + stride - 1) / stride }
        func size(_ axis: Int) -> Int { (window.output[axis] - 1 + window.padsBefore[axis]) / stride + 1 }
        self.taps = (taps(1), taps(2))
        self.size = (max(size(1), window.input[1]), max(size(2), window.input[2]))
    }

    private var padded: Int { FusedInterleave.padded(outputs) }
    var shape: MapShape {
        MapShape(channels: stride * stride * padded, height: size.rows, width: size.columns)
    }
    var interleave: FusedInterleave {
        FusedInterleave(stride: stride, top: window.padsBefore[1], left: window.padsBefore[2])
    }

    /// - Parameter weights: `[input][output][row][column]`
    func convolution(_ weights: [Float], scale: [Float], shift: [Float]) -> FusedConvolution {
        let (height, width) = (window.kernel[1], window.kernel[2])
        let count = taps.rows * taps.columns
        var packed = [Float](repeating: 0, count: shape.channels * inputs * count)
        for phase in 0..<stride * stride {
            for output in 0..<outputs {
                for input in 0..<inputs {
                    for tap in 0..<count {
                        let row = phase / stride + stride * (taps.rows - 1 - tap / taps.columns)
                        let column = phase % stride + stride * (taps.columns - 1 - tap % taps.columns)
                        guard row < height, column < width else { continue }
                        packed[((phase * padded + output) * inputs + input) * count + tap] =
                            weights[((input * outputs + output) * height + row) * width + column]
                    }
                }
            }
        }
        let spare = [Float](repeating: 0, count: padded - outputs)
        return FusedConvolution(
            window: FusedWindow(
                kernelHeight: taps.rows, kernelWidth: taps.columns,
                padding: .init(
                    top: taps.rows - 1, left: taps.columns - 1, bottom: size.rows - window.input[1],
                    right: size.columns - window.input[2])),
            groups: 1, inputChannels: inputs, outputChannels: shape.channels, weights: packed,
            scale: [[Float]](repeating: scale + spare, count: stride * stride).flatMap { $0 },
            shift: [[Float]](repeating: shift + spare, count: stride * stride).flatMap { $0 })
    }
}

extension FusedTap {
    /// What ONNX `Resize` 13 makes of rows and columns.
    /// - Parameters:
    ///   - shape: channels first, a batch of one.
    ///   - size: of the same rank and channels.
    /// - Returns: `nil` where it is not of two rows and columns each.
    package static func resizing(
        _ shape: [Int], to size: [Int], _ attributes: [String: Attribute]
    ) throws(GraphFailure) -> (rows: [FusedTap], columns: [FusedTap])? {
        let node = Node("Resize", opset: 13, inputs: ["x", "", "", "size"], outputs: ["y"], attributes: attributes)
        let sizes = TensorValue(integers: size)
        let call = OperatorCall(
            node, types: [ValueType(.float32, shape), nil, nil, sizes.type], values: [nil, nil, nil, sizes])
        guard let axes = try resizingTaps(call) else { return nil }
        do throws(GraphFailure) {
            return (
                try taps(axes[2]) ?? (0..<shape[2]).map { FusedTap($0) },
                try taps(axes[3]) ?? (0..<shape[3]).map { FusedTap($0) }
            )
        } catch { return nil }
    }

    fileprivate static func taps(_ positions: [[(place: Int, weight: Double)]?]?) throws(GraphFailure) -> [FusedTap]? {
        guard let positions else { return nil }
        var result: [FusedTap] = []
        for position in positions {
            let weights = (position ?? []).reduce(into: [Int: Double]()) { $0[$1.place, default: 0] += $1.weight }
            let taps = weights.filter { $0.value != 0 }.sorted { $0.key < $1.key }
            guard position != nil, taps.count == 1 || taps.count == 2 else {
                throw GraphFailure("mixes \(taps.count) rows or columns; kernels mix two")
            }
            let second = taps.count == 2 ? taps[1] : (key: 0, value: 0)
            result.append(
                FusedTap(
                    taps[0].key, weight: taps.count == 1 ? 1 : Float(taps[0].value), second: second.key,
                    weight: Float(second.value)))
        }
        return result
    }
}
