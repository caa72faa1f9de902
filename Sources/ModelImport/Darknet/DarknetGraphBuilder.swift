import Engine
import Graphs

/// Turns one Darknet layer after another into ONNX's operators of one opset.
struct DarknetGraphBuilder {
    private struct Layer {
        let value: String
        let shape: Shape
    }

    private struct Shape: Equatable {
        var channels: Int
        var height: Int
        var width: Int
        var count: Int { channels * height * width }
    }

    private static let opset = 18
    private static let epsilon: Float = 1e-5
    private static let anchorLimit = 65_536

    var weights: DarknetWeights
    private let input: Layer
    private var layers: [Layer] = []
    private var nodes: [Node] = []
    private var initialisers: [String: TensorValue] = [:]
    private var detections: [String] = []

    init(_ network: DarknetConfiguration.Section, _ weights: DarknetWeights) throws(GraphFailure) {
        try DarknetSettings.check(network)
        let shape = Shape(
            channels: try network.int("channels", 0), height: try network.int("height", 0),
            width: try network.int("width", 0))
        guard shape.channels > 0, shape.height > 0, shape.width > 0 else {
            throw GraphFailure("does not state width, height and channels")
        }
        try GraphLimits.checkedCount(of: [shape.channels, shape.height, shape.width], .float32)
        self.weights = weights
        input = Layer(value: "image", shape: shape)
    }

    func graph() throws(GraphFailure) -> Graph {
        guard let last = layers.last else { throw GraphFailure("there are no layers") }
        let shape = [1, input.shape.channels, input.shape.height, input.shape.width]
        return try Graph(
            name: "darknet",
            inputs: [GraphInput(name: input.value, element: .float32, dimensions: shape.map { .fixed($0) })],
            outputs: detections.isEmpty ? [last.value] : detections, initialisers: initialisers, nodes: nodes)
    }

    mutating func append(_ layer: DarknetConfiguration.Section) throws(GraphFailure) {
        try DarknetSettings.check(layer)
        switch layer.type {
        case "convolutional", "conv": try appendConvolution(layer)
        case "connected", "conn": try appendConnected(layer)
        case "maxpool", "max": try appendMaxPool(layer)
        case "avgpool", "avg":
            add("GlobalAveragePool", [current.value], Shape(channels: current.shape.channels, height: 1, width: 1))
        case "upsample": try appendUpsample(layer)
        case "shortcut": try appendShortcut(layer)
        case "route": try appendRoute(layer)
        case "softmax", "soft": try appendSoftmax(layer)
        case "yolo": try appendDetection(layer)
        case "dropout", "cost": layers.append(current)
        default: throw GraphFailure("this layer is not supported")
        }
        if let shape = layers.last?.shape {
            try GraphLimits.checkedCount(of: [shape.channels, shape.height, shape.width], .float32)
        }
    }

    // MARK: Nodes

    private var current: Layer { layers.last ?? input }

    private mutating func node(
        _ name: String, _ inputs: [String], _ attributes: [String: Attribute] = [:]
    ) -> String {
        let value = "value\(nodes.count)"
        nodes.append(
            Node(
                name, opset: Self.opset, name: "layer \(layers.count)", inputs: inputs, outputs: [value],
                attributes: attributes))
        return value
    }

    /// The layer's last node.
    private mutating func add(
        _ name: String, _ inputs: [String], _ shape: Shape, _ attributes: [String: Attribute] = [:]
    ) {
        let value = node(name, inputs, attributes)
        layers.append(Layer(value: value, shape: shape))
    }

    private mutating func constant(_ value: TensorValue, _ name: String) -> String {
        let name = "layer.\(layers.count).\(name)"
        initialisers[name] = value
        return name
    }

    private mutating func activated(
        _ value: String, _ layer: DarknetConfiguration.Section, _ standard: String
    ) throws(GraphFailure) -> String {
        switch layer.values["activation"] ?? standard {
        case "linear": return value
        case "leaky": return node("LeakyRelu", [value], ["alpha": .float(0.1)])
        case "relu": return node("Relu", [value])
        case "logistic": return node("Sigmoid", [value])
        case "tanh": return node("Tanh", [value])
        case "mish": return node("Mish", [value])
        case "swish":
            let gate = node("Sigmoid", [value])
            return node("Mul", [value, gate])
        case let other: throw GraphFailure("the activation \(other.printable) is not supported")
        }
    }

    // MARK: Layers with weights

    /// Scales, means and variances, which the file keeps in this order.
    private mutating func statistics(_ count: Int) throws(GraphFailure) -> [String] {
        var names: [String] = []
        for name in ["scales", "mean", "variance"] { names.append(constant(try weights.next([count]), name)) }
        return names
    }

    private mutating func normalised(_ value: String, _ statistics: [String], bias: String) -> String {
        let inputs = [value, statistics[0], bias, statistics[1], statistics[2]]
        return node("BatchNormalization", inputs, ["epsilon": .float(Self.epsilon)])
    }

    private mutating func appendConvolution(_ layer: DarknetConfiguration.Section) throws(GraphFailure) {
        let (count, size) = (try layer.int("filters", 1, in: 1...65_536), try layer.int("size", 1, in: 1...1_024))
        let (stride, groups) = (try layer.strides(), try layer.int("groups", 1, in: 1...65_536))
        let dilation = try layer.int("dilation", 1, in: 1...1_024)
        // Either is in steps of the dilation.
        let padding = (try layer.int("pad", 0) != 0 ? size / 2 : try layer.int("padding", 0)) * dilation
        let shape = current.shape
        guard shape.channels % groups == 0, count % groups == 0 else {
            throw GraphFailure("\(shape.channels) channels and \(count) filters do not form \(groups) groups")
        }
        func output(_ length: Int, _ stride: Int) -> Int {
            (length + 2 * padding - (size - 1) * dilation - 1) / stride + 1
        }
        guard min(shape.height, shape.width) + 2 * padding > (size - 1) * dilation else {
            throw GraphFailure("its kernel is larger than its input")
        }
        let bias = constant(try weights.next([count]), "biases")
        let isNormalised = try layer.int("batch_normalize", 0) != 0
        // The file has the statistics before the weights.
        let statistics = isNormalised ? try statistics(count) : []
        let kernel = constant(try weights.next([count, shape.channels / groups, size, size]), "weights")
        let attributes: [String: Attribute] = [
            "group": .int(groups), "strides": .ints([stride.y, stride.x]), "dilations": .ints([dilation, dilation]),
            "pads": .ints([Int](repeating: padding, count: 4)), "kernel_shape": .ints([size, size]),
        ]
        var value = node("Conv", [current.value, kernel] + (isNormalised ? [] : [bias]), attributes)
        if isNormalised {
            value = normalised(value, statistics, bias: bias)
        }
        value = try activated(value, layer, "logistic")
        layers.append(
            Layer(
                value: value,
                shape: Shape(
                    channels: count, height: output(shape.height, stride.y), width: output(shape.width, stride.x))))
    }

    private mutating func appendConnected(_ layer: DarknetConfiguration.Section) throws(GraphFailure) {
        let count = try layer.int("output", 1, in: 1...1_048_576)
        let bias = constant(try weights.next([count]), "biases")
        let matrix = constant(try weights.next([count, current.shape.count]), "weights")
        let isNormalised = try layer.int("batch_normalize", 0) != 0
        let flat = node("Flatten", [current.value])
        var value = node("Gemm", [flat, matrix] + (isNormalised ? [] : [bias]), ["transB": .int(1)])
        if isNormalised { value = normalised(value, try statistics(count), bias: bias) }
        value = try activated(value, layer, "logistic")
        layers.append(Layer(value: value, shape: Shape(channels: count, height: 1, width: 1)))
    }

    // MARK: Layers without weights

    /// Padding is the sum of both sides, one less than the window unless stated.
    private mutating func appendMaxPool(_ layer: DarknetConfiguration.Section) throws(GraphFailure) {
        let stride = try layer.strides()
        let size = try layer.int("size", try layer.int("stride", 1, in: 1...1_024), in: 1...1_024)
        let padding = try layer.int("padding", size - 1)
        let shape = current.shape
        func output(_ length: Int, _ stride: Int) -> Int { (length + padding - size) / stride + 1 }
        guard min(shape.height, shape.width) + padding >= size else { throw GraphFailure("its window does not fit") }
        let (before, after) = (padding / 2, padding - padding / 2)
        add(
            "MaxPool", [current.value],
            Shape(
                channels: shape.channels, height: output(shape.height, stride.y), width: output(shape.width, stride.x)),
            [
                "kernel_shape": .ints([size, size]), "strides": .ints([stride.y, stride.x]),
                "pads": .ints([before, before, after, after]),
            ])
    }

    /// Over all values or, `spatial`, over the channels of each pixel.
    private mutating func appendSoftmax(_ layer: DarknetConfiguration.Section) throws(GraphFailure) {
        try layer.require("groups", is: 1)
        let temperature = try layer.float("temperature", 1)
        guard temperature > 0 else { throw GraphFailure("temperature=\(temperature) is not positive") }
        let isSpatial = try layer.int("spatial", 0) != 0
        var value = isSpatial ? current.value : node("Flatten", [current.value])
        if temperature != 1 {
            let divisor = constant(TensorValue(shape: [], .float32([temperature])), "temperature")
            value = node("Div", [value, divisor])
        }
        let shape = isSpatial ? current.shape : Shape(channels: current.shape.count, height: 1, width: 1)
        add("Softmax", [value], shape, ["axis": .int(1)])
    }

    private mutating func appendUpsample(_ layer: DarknetConfiguration.Section) throws(GraphFailure) {
        let factor = try layer.int("stride", 2, in: 1...64)
        guard try layer.float("scale", 1) == 1 else { throw GraphFailure("a scale other than 1 is not supported") }
        var shape = current.shape
        shape.height *= factor
        shape.width *= factor
        let scales = constant(TensorValue(shape: [4], .float32([1, 1, Float(factor), Float(factor)])), "scales")
        add(
            "Resize", [current.value, "", scales], shape,
            ["coordinate_transformation_mode": .string("asymmetric"), "nearest_mode": .string("floor")])
    }

    /// A layer by its number, from the start or, if negative, back from here.
    private func layer(_ number: Int) throws(GraphFailure) -> Layer {
        let index = number < 0 ? layers.count + number : number
        guard layers.indices.contains(index) else { throw GraphFailure("there is no layer \(number) before it") }
        return layers[index]
    }

    private mutating func appendShortcut(_ layer: DarknetConfiguration.Section) throws(GraphFailure) {
        var value = current.value
        let from = try layer.ints("from")
        guard !from.isEmpty else { throw GraphFailure("does not say from where") }
        for number in from {
            let other = try self.layer(number)
            value = node("Add", [value, try fitted(other, to: current.shape)])
        }
        let shape = current.shape
        value = try activated(value, layer, "linear")
        layers.append(Layer(value: value, shape: shape))
    }

    /// As Darknet adds a layer to one of another shape: of a larger map every so many pixels, and the channels that
    /// both have.
    private mutating func fitted(_ other: Layer, to shape: Shape) throws(GraphFailure) -> String {
        let (own, stride) = (other.shape, max(1, other.shape.width / shape.width))
        guard own != shape else { return other.value }
        guard own.width >= shape.width, own.height >= shape.height, own.height / shape.height == stride else {
            throw GraphFailure(
                "adds \(own.height)x\(own.width)x\(own.channels) to "
                    + "\(shape.height)x\(shape.width)x\(shape.channels)")
        }
        var value = other.value
        if (own.height, own.width) != (shape.height, shape.width) {
            let ends = [(shape.height - 1) * stride + 1, (shape.width - 1) * stride + 1]
            let names = [("start", [0, 0]), ("end", ends), ("axes", [2, 3]), ("steps", [stride, stride])].map {
                constant(TensorValue(integers: $1), "\($0).\(nodes.count)")
            }
            value = node("Slice", [value] + names)
        }
        if own.channels > shape.channels { value = channels(0, shape.channels, of: value) }
        if own.channels < shape.channels {
            let pads = [0, 0, 0, 0, 0, shape.channels - own.channels, 0, 0]
            value = node("Pad", [value, constant(TensorValue(integers: pads), "pads.\(nodes.count)")])
        }
        return value
    }

    private mutating func appendRoute(_ layer: DarknetConfiguration.Section) throws(GraphFailure) {
        let (groups, group) = (try layer.int("groups", 1, in: 1...65_536), try layer.int("group_id", 0))
        var (parts, shape): ([String], Shape?) = ([], nil)
        for number in try layer.ints("layers") {
            let source = try self.layer(number)
            guard source.shape.channels % groups == 0, group < groups else {
                throw GraphFailure("\(source.shape.channels) channels do not form \(groups) groups")
            }
            let count = source.shape.channels / groups
            if let known = shape, (known.height, known.width) != (source.shape.height, source.shape.width) {
                throw GraphFailure("joins layers of different sizes")
            }
            shape = Shape(
                channels: (shape?.channels ?? 0) + count, height: source.shape.height, width: source.shape.width)
            parts.append(groups == 1 ? source.value : channels(group * count, (group + 1) * count, of: source.value))
        }
        guard let shape else { throw GraphFailure("does not say which layers") }
        add("Concat", parts, shape, ["axis": .int(1)])
    }

    private mutating func channels(_ start: Int, _ end: Int, of value: String, axis: Int = 1) -> String {
        let names = [("start", start), ("end", end), ("axis", axis)].map { name, number in
            constant(TensorValue(integers: [number]), "\(name).\(nodes.count)")
        }
        return node("Slice", [value] + names)
    }

    /// How many anchors a pixel of the map has: those of the mask, without one all.
    /// - Throws: where `num`, `mask` and `anchors` contradict each other.
    private static func anchorCount(of layer: DarknetConfiguration.Section) throws(GraphFailure) -> Int {
        let (mask, sizes) = (try layer.ints("mask"), try layer.floats("anchors"))
        guard sizes.count % 2 == 0 else { throw GraphFailure("anchors holds \(sizes.count) numbers, not pairs") }
        let isStated = layer.values["num"] != nil
        let count = try layer.int("num", 1, in: 1...Self.anchorLimit)
        if isStated, !sizes.isEmpty, sizes.count != 2 * count {
            throw GraphFailure("num is \(count), but anchors holds \(sizes.count / 2) pairs")
        }
        let known = isStated ? count : sizes.isEmpty ? Self.anchorLimit : sizes.count / 2
        if let number = mask.first(where: { !(0..<known).contains($0) }) {
            throw GraphFailure("mask names anchor \(number), which is not from 0 to \(known - 1)")
        }
        return mask.isEmpty ? count : mask.count
    }

    /// Per anchor: centre (2), size (2), objectness and classes.
    private mutating func appendDetection(_ layer: DarknetConfiguration.Section) throws(GraphFailure) {
        try layer.require("new_coords", is: 0)
        let (shape, anchors) = (current.shape, try Self.anchorCount(of: layer))
        let entry = 5 + (try layer.int("classes", 20))
        guard shape.channels == anchors * entry else {
            throw GraphFailure(
                "reads \(shape.channels) channels, but its mask and classes ask for \(anchors) x (5 + \(entry - 5)) = "
                    + "\(anchors * entry)")
        }
        let parts = constant(
            TensorValue(integers: [0, anchors, entry, shape.height, shape.width]), "parts")
        let boxes = node("Reshape", [current.value, parts])
        var centre = channels(0, 2, of: boxes, axis: 2)
        centre = node("Sigmoid", [centre])
        let spread = try layer.float("scale_x_y", 1)
        if spread != 1 {
            let scale = constant(TensorValue(shape: [], .float32([spread])), "spread")
            let shift = constant(TensorValue(shape: [], .float32([0.5 * (spread - 1)])), "shift")
            centre = node("Mul", [centre, scale])
            centre = node("Sub", [centre, shift])
        }
        let size = channels(2, 4, of: boxes, axis: 2)
        var scores = channels(4, entry, of: boxes, axis: 2)
        scores = node("Sigmoid", [scores])
        let joined = node("Concat", [centre, size, scores], ["axis": .int(2)])
        let whole = constant(TensorValue(integers: [0, shape.channels, shape.height, shape.width]), "whole")
        add("Reshape", [joined, whole], shape)
        detections.append(current.value)
    }
}
