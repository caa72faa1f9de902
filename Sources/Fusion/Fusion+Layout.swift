import Graphs

/// Values that hold a map's numbers with the channels elsewhere: in the kernels' layout these are the map itself.
extension Fusion {
    /// What is known of values besides the maps that hold their numbers.
    struct Arranged {
        /// Of values whose channels are not in dimension 1.
        var layouts = Journal<String, FusedPort.Layout>()
        /// Values that no step has computed yet.
        var picked = Journal<String, Picked>()
        /// Values that come from outside the steps: the graph's inputs and results of nodes without a kernel.
        var outside = Journal<String, Bool>()

        mutating func commit() {
            layouts.commit()
            picked.commit()
            outside.commit()
        }

        mutating func takeBack() {
            layouts.takeBack()
            picked.takeBack()
            outside.takeBack()
        }
    }

    func layout(of name: String) -> FusedPort.Layout {
        if let layout = arranged.layouts[name] { return layout }
        return dequantizer(of: name).map { layout(of: $0.inputs[0]) } ?? .channelsFirst
    }

    mutating func setLayout(of name: String, _ layout: FusedPort.Layout) {
        arranged.layouts[name] = layout == .channelsFirst ? nil : layout
    }

    /// Refuses a value that a node which needs channels, rows and columns in order cannot read; a map whose pixels are
    /// only counted by other rows and columns is copied.
    mutating func requireRows(of name: String, _ index: Int) throws(GraphFailure) {
        guard layout(of: name) == .channelsFirst else {
            throw GraphFailure("input \(index) (\(name.printable)) has its channels last")
        }
        guard let type = bound.types[name], type.rank == 4, let map = map(of: name), let shape = shapes[map],
            type.shape[2] != shape.height || type.shape[3] != shape.width, type.shape[1] == shape.channels
        else { return }
        let regrouped = MapShape(channels: shape.channels, height: type.shape[2], width: type.shape[3])
        guard regrouped.pixels == shape.pixels else { return }
        let output = name + ".rows"
        add(
            FusedStep(
                name: name, work: .gather([FusedChannels(input: 0, first: 0, count: shape.channels)]), inputs: [map],
                output: output, shape: regrouped))
        alias(name, to: output)
    }

    /// A reshape or transposition that leaves channels apart from pixels and pixels in order.
    mutating func fuseLayout(_ node: Node) throws(GraphFailure) {
        let name = node.inputs[0], output = node.outputs[0]
        try arrange(name)
        guard let map = map(of: name), let shape = shapes[map], let from = bound.types[name]?.shape,
            let to = bound.types[output]?.shape
        else { throw GraphFailure("input 0 (\(name.printable)) is not a map that a step computes") }
        let layout: FusedPort.Layout
        if node.operatorName == "Transpose" {
            let order = try call(node).ints("perm") ?? Array(from.indices.reversed())
            let axis = self.layout(of: name) == .channelsFirst ? 1 : from.count - 1
            let rest = order.filter { $0 != axis && from[$0] != 1 }
            guard order.count == from.count, rest == rest.sorted(), let place = order.firstIndex(of: axis),
                place == order.count - 1 || place == 1 && to[0] == 1
            else { throw GraphFailure("changes the order of pixels") }
            layout = place == order.count - 1 && place != 1 ? .channelsLast : .channelsFirst
        } else if self.layout(of: name) == .channelsFirst, to.count >= 2, to[0] == 1, to[1] == shape.channels {
            layout = .channelsFirst
        } else if to.last == shape.channels, self.layout(of: name) == .channelsLast || shape.pixels == 1 {
            layout = to.count == 2 && to[0] == 1 ? .channelsFirst : .channelsLast
        } else if self.layout(of: name) == .channelsLast, to.count == 2, to[0] == 1, isReadByMatrices(output) {
            // Pixel by pixel: the matrix that follows puts its rows into the order of channels.
            layout = .channelsLast
        } else {
            throw GraphFailure("mixes channels and pixels")
        }
        alias(output, to: map)
        setLayout(of: output, layout)
    }

    /// Whether nothing but products with constant matrices reads the value.
    private func isReadByMatrices(_ name: String) -> Bool {
        let readers = readers(of: name)
        return !readers.isEmpty
            && readers.allSatisfy { index in
                let node = nodes[index]
                return ["MatMul", "Gemm"].contains(node.operatorName) && node.inputs[0] == name
                    && constant(node.inputs[1]) != nil
            }
    }

    /// A matrix of constants times every pixel of a map with its channels last: a 1x1 convolution.
    mutating func fusePixelMatrix(_ node: Node) throws(GraphFailure) {
        let input = try anyMap(node, 0)
        let call = call(node)
        guard let matrix = constant(node.inputs[1]), let shape = bound.types[node.inputs[1]]?.shape, shape.count == 2,
            input.layout == .channelsLast, try !call.flag("transA")
        else { throw GraphFailure("is not a product with a constant matrix") }
        let isTransposed = try call.flag("transB")
        let (rows, columns) = isTransposed ? (shape[1], shape[0]) : (shape[0], shape[1])
        guard rows == input.shape.channels else { throw GraphFailure("the matrix does not fit") }
        var weights = matrix
        if !isTransposed {
            for column in 0..<columns {
                for row in 0..<rows { weights[column * rows + row] = matrix[row * columns + column] }
            }
        }
        var shift = [Float](repeating: 0, count: columns)
        if node.operatorName == "Gemm", call.has(2) {
            let type = bound.types[node.inputs[2]]
            guard let bias = constant(node.inputs[2]), bias.count == 1 || bias.count == columns,
                type?.shape.last == bias.count || bias.count == 1
            else { throw GraphFailure("its third input is not a constant vector") }
            let beta = Float(try call.float("beta", 1))
            shift = (0..<columns).map { beta * bias[bias.count == 1 ? 0 : $0] }
        }
        let alpha = Float(try call.float("alpha", 1))
        setLayout(of: node.outputs[0], .channelsLast)
        try append(
            node.label,
            .convolution(
                FusedConvolution(
                    window: FusedWindow(kernelHeight: 1, kernelWidth: 1), groups: 1, inputChannels: rows,
                    outputChannels: columns, weights: weights, scale: [Float](repeating: alpha, count: columns),
                    shift: shift)), [input.name], value: node.outputs[0],
            MapShape(channels: columns, height: input.shape.height, width: input.shape.width))
    }

    // MARK: From outside

    /// Makes a value that no step computes a map that steps can read, if it can be one.
    mutating func admit(_ name: String) {
        guard let type = bound.types[name], type.element == .float32, type.rank >= 2, type.count > 0 else { return }
        let isImage = type.rank == 4 && type.shape[0] == 1 && !isReadByChannelsLast(name, type)
        arranged.outside[name] = true
        if isImage || type.rank == 2 && type.shape[0] == 1 {
            let size = isImage ? (type.shape[2], type.shape[3]) : (1, 1)
            state(name, MapShape(channels: type.shape[1], height: size.0, width: size.1))
        } else {
            let channels = type.shape[type.rank - 1]
            state(name, MapShape(channels: channels, height: type.count / channels, width: 1))
            setLayout(of: name, .channelsLast)
        }
    }

    /// Sums and products of the value's shape are followed, each once, however many paths lead to it.
    private func isReadByChannelsLast(_ name: String, _ type: ValueType) -> Bool {
        var (names, seen) = ([name], Set([name]))
        while let name = names.popLast() {
            for index in allReaders(of: name) {
                let node = nodes[index]
                switch node.operatorName {
                case "MatMul", "Gemm", "LayerNormalization": if node.inputs[0] == name { return true }
                case "Softmax":
                    let axis = (try? call(node).int("axis", node.opset >= 13 ? -1 : 1)) ?? 1
                    if axis == -1 || axis == type.rank - 1 { return true }
                case "Add", "Mul", "Div":
                    // The scaled scores of an attention, say.
                    let result = node.outputs[0]
                    if bound.types[result] == type, seen.insert(result).inserted { names.append(result) }
                default: break
                }
            }
        }
        return false
    }

    /// Computes the real numbers of a value that was only described or rounded so far; nothing where it is no map.
    mutating func compute(_ name: String) throws(GraphFailure) {
        try arrange(name)
        if let map = map(of: name), quantizations[map] != nil {
            guard bound.types[name]?.element == .float32 else {
                throw GraphFailure("\(name.printable) is not of 32-bit floats")
            }
            let output = name + ".real"
            add(FusedStep(name: name, work: .nothing, inputs: [map], output: output, shape: try shape(of: map)))
            setLayout(of: output, layout(of: name))
            alias(name, to: output)
        }
        if let map = map(of: name), map != name, arranged.outside[map] != nil, let shape = shapes[map] {
            // Another view of a value that no step computes: a copy, whose port states the view.
            let output = name + ".copy"
            let all = FusedChannels(input: 0, first: 0, count: shape.channels)
            add(FusedStep(name: name, work: .gather([all]), inputs: [map], output: output, shape: shape))
            alias(name, to: output)
        }
        guard let sample = sampled(name) else { return }
        guard sample.missing == nil else { throw GraphFailure("rows or columns that are sampled apart") }
        try select(
            named: name, from: sample.source, stride: sample.stride, before: 0, after: 0, output: name, follow: false)
    }

    /// How the graph sees a map.
    func port(_ name: String, _ map: String) -> FusedPort? {
        guard let shape = shapes[map] else { return nil }
        let type = bound.types[name] ?? ValueType(.float32, [1, shape.channels, shape.height, shape.width])
        return FusedPort(name: name, map: map, shape: shape, layout: layout(of: name), type: type)
    }
}
