import SearchSpace
import Testing

@testable import Graphs

/// A node with values for its inputs, plausible in some ways and odd in others; follows from the seed alone.
struct OperatorCase {
    let node: Node
    /// One per input; `nil` where it is left out.
    let values: [TensorValue?]

    init(_ row: Operator, seed: UInt64) throws {
        var maker = CaseMaker(row, SeededGenerator(seed: seed))
        values = maker.values()
        let outputs = maker.oneIn(4) ? Int.random(in: 1...4, using: &maker.generator) : 1
        node = Node(
            row.name, opset: maker.opset, name: "case", inputs: values.enumerated().map { $1 == nil ? "" : "i\($0)" },
            outputs: (0..<outputs).map { "o\($0)" }, attributes: try maker.attributes())
    }

    /// A graph of the node alone.
    /// - Parameter asked: inputs that callers give; the others are constants.
    func graph(asking asked: Set<Int>) throws(GraphFailure) -> Graph {
        var inputs: [GraphInput] = []
        var constants: [String: TensorValue] = [:]
        for (place, value) in values.enumerated() {
            guard let value else { continue }
            if asked.contains(place) {
                inputs.append(
                    GraphInput(
                        name: "i\(place)", element: value.elements.type, dimensions: value.shape.map { .fixed($0) }))
            } else {
                constants["i\(place)"] = value
            }
        }
        return try Graph(name: "case", inputs: inputs, outputs: ["o0"], initialisers: constants, nodes: [node])
    }

    func inputs(_ asked: Set<Int>) -> [String: TensorValue] {
        var inputs: [String: TensorValue] = [:]
        for place in asked where values.indices.contains(place) { inputs["i\(place)"] = values[place] }
        return inputs
    }
}

/// Draws the parts of a case. Inputs are often alike in type and shape, lists often as long as an operator wants them:
/// what nothing accepts is refused at once and reaches nothing.
private struct CaseMaker {
    var generator: SeededGenerator
    let row: Operator
    let opset: Int
    private let element: ElementType
    private let shape: [Int]
    /// Whether lists, words and inputs are of the kind that the operator reads, so that more than its refusals is seen.
    private let fits: Bool

    private static let sizes = [0, 1, 1, 2, 2, 3, 4]
    private static let odd = [0, -1, 5, 8, -8, 1 << 16, 1 << 24, 1 << 31, .max, .min]

    init(_ row: Operator, _ generator: SeededGenerator) {
        var generator = generator
        (self.row, opset) = (row, Int.random(in: row.opsets, using: &generator))
        let accepted = ElementType.allCases.filter(row.accepts.contains)
        let isOdd = Int.random(in: 0..<10, using: &generator) == 0
        element = (isOdd ? ElementType.allCases : accepted).randomElement(using: &generator) ?? .float32
        fits = Int.random(in: 0..<4, using: &generator) != 0
        let isWindow = OperatorAttributes.names(of: row.name, opset: 21).contains("kernel_shape")
        let rank = Int.random(in: fits && isWindow ? 3...5 : 0...5, using: &generator)
        shape = Self.shape(rank: rank, &generator)
        self.generator = generator
    }

    mutating func oneIn(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &generator) == 0 }

    private static func shape(rank: Int, _ generator: inout SeededGenerator) -> [Int] {
        var shape = (0..<rank).map { _ in sizes.randomElement(using: &generator) ?? 1 }
        // Beside an empty dimension any other may be large.
        if shape.contains(0), Int.random(in: 0..<8, using: &generator) == 0 {
            let place = Int.random(in: 0..<rank, using: &generator)
            if shape[place] != 0 { shape[place] = 1 << 20 }
        }
        return shape
    }

    // MARK: Inputs

    mutating func values() -> [TensorValue?] {
        let most = min(row.inputs.upperBound, 9)
        var count = Int.random(in: row.inputs.lowerBound...max(most, row.inputs.lowerBound), using: &generator)
        if oneIn(30) { count = Int.random(in: 0...9, using: &generator) }
        let recipe = fits ? Self.recipes[row.name] ?? [] : []
        if !recipe.isEmpty { count = min(max(count, recipe.count), row.inputs.upperBound) }
        return (0..<count).map { $0 < recipe.count && !oneIn(12) ? ingredient(recipe[$0]) : value($0) }
    }

    /// What an operator reads in one place, in terms of the first input.
    private enum Ingredient {
        /// Of the same type and shape.
        case same
        /// One value per channel.
        case channels
        /// One value.
        case one
        /// Of a window or product: as many channels in as out.
        case weights
        /// What integers are multiplied by: one number, or one per channel.
        case scale
        /// Numbers of 64 bits.
        case list, indices, index
        /// Two values, four corners, or one factor per axis.
        case pair, boxes, factors
        case nothing
    }

    private static let recipes: [String: [Ingredient]] = [
        "Conv": [.same, .weights, .channels], "ConvTranspose": [.same, .weights, .channels],
        "ConvInteger": [.same, .weights, .one, .one], "MatMulInteger": [.same, .weights, .one, .one],
        "QLinearConv": [.same, .scale, .one, .weights, .one, .one, .one, .one],
        "QLinearMatMul": [.same, .one, .one, .weights, .one, .one, .one, .one],
        "MatMul": [.same, .weights], "Gemm": [.same, .weights, .one],
        "QuantizeLinear": [.same, .scale], "DequantizeLinear": [.same, .scale],
        "BatchNormalization": [.same, .channels, .channels, .channels, .channels],
        "InstanceNormalization": [.same, .channels, .channels], "GroupNormalization": [.same, .channels, .channels],
        "OneHot": [.same, .index, .pair], "Pad": [.same, .list], "Slice": [.same, .list, .list, .list],
        "Gather": [.same, .indices], "GatherElements": [.same, .indices], "GatherND": [.same, .indices],
        "Scatter": [.same, .indices, .same], "ScatterElements": [.same, .indices, .same],
        "ScatterND": [.same, .list, .one], "NonMaxSuppression": [.boxes, .boxes, .index],
        "Resize": [.same, .nothing, .factors], "Upsample": [.same, .factors],
        "Tile": [.same, .list], "Expand": [.same, .list], "Reshape": [.same, .list], "TopK": [.same, .index],
        "Clip": [.same, .one, .one], "Range": [.one, .one, .one],
    ]

    private mutating func ingredient(_ ingredient: Ingredient) -> TensorValue? {
        // A large dimension stands beside an empty one; weights would have none.
        let channels = min(shape.dropFirst().first ?? 1, 4)
        switch ingredient {
        case .same: return tensor(element, shape)
        case .channels: return tensor(element, [channels])
        case .one: return tensor(element, oneIn(2) ? [] : [1])
        case .weights where shape.count < 3: return tensor(element, Array(shape.reversed()))
        case .weights: return tensor(element, [channels, channels] + shape.dropFirst(2).map { min($0, 2) })
        case .scale: return tensor(.float32, oneIn(2) ? [] : [channels])
        case .list: return TensorValue(integers: list())
        case .indices:
            let values = (0..<Shapes.count(shape)).map { _ in oneIn(20) ? Int64(integer()) : 0 }
            return TensorValue(shape: shape, .int64(values))
        case .index: return TensorValue(integers: [Int.random(in: 0...3, using: &generator)])
        case .pair: return tensor(element, [2])
        case .boxes: return tensor(element, [1, 4, 4])
        case .factors:
            let factors = shape.map { _ in [0.5, 1, 1, 2, 1.5].randomElement(using: &generator) ?? Float(1) }
            return TensorValue(shape: [shape.count], .float32(factors))
        case .nothing: return nil
        }
    }

    private mutating func value(_ place: Int) -> TensorValue? {
        if place == 0, !oneIn(30) { return tensor(element, shape) }
        let isRequired = place < row.inputs.lowerBound
        switch Int.random(in: 0..<20, using: &generator) {
        case 0..<6: return tensor(element, shape)
        case 6..<8: return tensor(element, shape.dropFirst().first.map { [$0] } ?? [])
        case 8: return tensor(element, shape.randomElement(using: &generator).map { [$0] } ?? [1])
        case 9: return tensor(.float32, oneIn(2) ? [] : shape.randomElement(using: &generator).map { [$0] } ?? [])
        case 10..<12: return tensor(element, oneIn(2) ? [] : [1])
        case 12..<15: return TensorValue(integers: list())
        case 15: return tensor(.int64, oneIn(2) ? shape : [])
        case 16 where !isRequired || oneIn(4): return nil
        default:
            let other = oneIn(2) ? element : ElementType.allCases.randomElement(using: &generator) ?? .bool
            return tensor(other, Self.shape(rank: Int.random(in: 0...5, using: &generator), &generator))
        }
    }

    private mutating func tensor(_ element: ElementType, _ shape: [Int]) -> TensorValue {
        let count = Shapes.count(shape)
        if element.isFloatingPoint {
            let values = (0..<count).map { _ in
                [0, 1, -1, 0.5, 2, 3, -2.5, 1e30, .infinity, .nan].randomElement(using: &generator) ?? 0
            }
            return TensorValue(shape: shape, Elements(values, as: element))
        }
        let values = (0..<count).map { _ in Int64(integer()) }
        return TensorValue(shape: shape, Elements(values, as: element))
    }

    private mutating func integer() -> Int {
        if oneIn(40) { return Self.odd.randomElement(using: &generator) ?? 0 }
        return [0, 1, 1, 2, 2, 3, -1, -2, 4].randomElement(using: &generator) ?? 0
    }

    /// As long as lists of axes, windows, pads and permutations are.
    private mutating func list() -> [Int] {
        let rank = shape.count
        let count = [rank, rank, max(rank - 2, 0), max(2 * rank - 4, 0), 2 * rank, 1, 2, 0].randomElement(
            using: &generator)
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: return Array(0..<rank).shuffled(using: &generator)
        case 1: return Array(0..<rank)
        case 2: return [Int](repeating: 1, count: count ?? 0)
        default: return (0..<(count ?? 0)).map { _ in integer() }
        }
    }

    // MARK: Attributes

    mutating func attributes() throws -> [String: Attribute] {
        var attributes: [String: Attribute] = [:]
        let names = OperatorAttributes.names(of: row.name, opset: opset)
        let needed: Set = ["kernel_shape", "num_groups", "blocksize", "size", "axes", "starts", "ends", "k"]
        for name in names.sorted() where fits && needed.contains(name) || !oneIn(3) {
            let kinds = try #require(Self.kinds[name], "no kind of attribute \(name) of \(row.name)")
            attributes[name] = attribute(oneIn(60) ? .text : kinds.randomElement(using: &generator) ?? .integer, name)
        }
        // A Constant has one value, whichever.
        if row.inputs.upperBound == 0, let one = attributes.randomElement(using: &generator), !oneIn(10) {
            attributes = [one.key: one.value]
        }
        return attributes
    }

    private mutating func attribute(_ kind: Kind, _ name: String) -> Attribute {
        if fits, !oneIn(12), let fitting = fitting(name) { return fitting }
        switch kind {
        case .integer:
            // Numbers of element types, and axes at and beyond both ends.
            if name == "to" || name == "output_dtype" { return .int(Int.random(in: 0...17, using: &generator)) }
            return .int(oneIn(3) ? Int.random(in: -shape.count - 1...shape.count + 1, using: &generator) : integer())
        case .number: return .float([0, 1, -1, 0.5, 1e30, .infinity, .nan].randomElement(using: &generator) ?? 0)
        case .integers: return .ints(list())
        case .numbers: return .floats(list().map(Float.init))
        case .text: return .string(Self.texts.randomElement(using: &generator) ?? "")
        case .tensor: return .tensor(tensor(ElementType.allCases.randomElement(using: &generator) ?? .bool, [1]))
        }
    }

    /// A value that operators with the attribute may take.
    private mutating func fitting(_ name: String) -> Attribute? {
        let spatial = max(shape.count - 2, 0)
        func small(_ count: Int, _ range: ClosedRange<Int>) -> Attribute {
            .ints((0..<count).map { _ in Int.random(in: range, using: &generator) })
        }
        switch name {
        // Those of convolutions follow from their weights.
        case "kernel_shape":
            return row.inputs.upperBound > 1
                ? .ints(shape.dropFirst(2).map { min($0, 2) })
                : small(spatial, 1...2)
        case "strides", "dilations": return small(spatial, 1...2)
        case "pads" where row.name != "Pad": return small(2 * spatial, 0...1)
        case "output_padding": return small(spatial, 0...1)
        case "perm": return .ints(Array(shape.indices).shuffled(using: &generator))
        case "group", "num_groups", "blocksize": return .int(1)
        case "size": return .int(3)
        case "output_shape", "training_mode": return name == "output_shape" ? .ints([]) : .int(0)
        default:
            let words = Self.words[name].map { $0 + (row.name == "DepthToSpace" ? ["DCR"] : []) }
            return words?.randomElement(using: &generator).map(Attribute.string)
        }
    }

    private static let words: [String: [String]] = [
        "auto_pad": ["NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"],
        "coordinate_transformation_mode": ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"],
        "nearest_mode": ["floor", "ceil", "round_prefer_ceil"], "reduction": ["none", "add", "mul", "min", "max"],
        "approximate": ["none", "tanh"], "keep_aspect_ratio_policy": ["not_larger", "not_smaller"],
    ]

    private enum Kind { case integer, number, integers, numbers, text, tensor }

    private static let texts = [
        "", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER", "constant", "edge", "reflect", "wrap", "DCR", "CRD",
        "nearest",
        "linear", "cubic", "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
        "tf_crop_and_resize", "floor", "ceil", "round_prefer_ceil", "not_larger", "not_smaller", "none", "add", "mul",
        "min", "max", "tanh", "é",
    ]

    private static let kinds: [String: [Kind]] = {
        let names: [(Kind, String)] = [
            (
                .integer,
                """
                allowzero antialias axis batch_dims block_size blocksize ceil_mode center_point_box count_include_pad \
                detect_negative detect_positive end exclude_outside exclusive fmod group k keepdims largest \
                noop_with_empty_axes num_groups num_outputs output_dtype p reverse saturate seed select_last_index \
                size sorted spatial start stash_type storage_order to training_mode transA transB upper value_int
                """
            ),
            (
                .number,
                """
                alpha beta bias cubic_coeff_a epsilon extrapolation_value gamma lambd max min momentum ratio value \
                value_float
                """
            ),
            (
                .integers,
                "axes dilations ends kernel_shape output_padding output_shape pads perm split starts strides value_ints"
            ),
            (.numbers, "scales value_floats"), (.tensor, "value sparse_value"),
            (
                .text,
                """
                approximate auto_pad coordinate_transformation_mode keep_aspect_ratio_policy mode nearest_mode \
                reduction value_string value_strings
                """
            ),
        ]
        var kinds: [String: [Kind]] = [:]
        for (kind, words) in names {
            for word in words.split(separator: " ") { kinds[String(word), default: []].append(kind) }
        }
        return kinds
    }()
}
