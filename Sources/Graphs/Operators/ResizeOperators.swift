/// Interpolation, axis by axis. Upsample is the older name, and always what newer versions call asymmetric and floor.
let resizeOperators: [Operator] = [
    Operator("Upsample", 7...9, inputs: 1...2, accepts: .numbers, infer: inferResize, evaluate: evaluateResize),
    Operator("Resize", 10...21, inputs: 1...4, accepts: .anything, infer: inferResize, evaluate: evaluateResize),
]

@Sendable private func inferResize(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    guard let axes = try ResizedAxis.all(call) else { return nil }
    return [ValueType(call.element(0), axes.map(\.output))]
}

@Sendable private func evaluateResize(
    _ call: OperatorCall, _ types: [ValueType]
) throws(GraphFailure) -> [TensorValue] {
    guard let axes = try ResizedAxis.all(call) else { return [] }
    let rule = try Interpolation(call)
    let region = try regionOfInterest(call, axes.count)
    let shape = call.shape(0)
    if rule.mode == .nearest, rule.coordinates != .crop {
        let strides = Shapes.strides(shape)
        let offsets = axes.enumerated().map { index, axis in
            (0..<axis.output).map { position in
                rule.nearest(rule.source(position, axis, region[index]), axis) * strides[index]
            }
        }
        return [TensorValue(shape: types[0].shape, call.value(0).elements.picking(Shapes.places(offsets)))]
    }
    guard types[0].element != .bool else { throw GraphFailure("interpolates truth values") }
    var (values, current) = (call.doubles(0), shape)
    for (index, axis) in axes.enumerated() {
        let taps = (0..<axis.output).map { rule.taps(at: $0, axis, region[index]) }
        if axis.isUnchanged, rule.coordinates != .crop { continue }
        values = interpolate(values, current, along: index, taps, outside: rule.extrapolation)
        current[index] = axis.output
    }
    return [TensorValue(shape: types[0].shape, Elements(values, as: types[0].element))]
}

/// For every axis that changes, what each position is made of; a position of `nil` lies outside the input. `nil` where
/// scales or sizes are not known.
package func resizingTaps(_ call: OperatorCall) throws(GraphFailure) -> [[[(place: Int, weight: Double)]?]?]? {
    guard let axes = try ResizedAxis.all(call) else { return nil }
    let rule = try Interpolation(call)
    guard rule.coordinates != .crop else { throw GraphFailure("crops") }
    return axes.map { axis in
        axis.isUnchanged ? nil : (0..<axis.output).map { rule.taps(at: $0, axis, (0, 1)) }
    }
}

private func interpolate(
    _ values: [Double], _ shape: [Int], along axis: Int, _ taps: [[(place: Int, weight: Double)]?], outside: Double
) -> [Double] {
    let (outer, inner) = (Shapes.count(shape[..<axis]), Shapes.count(shape[(axis + 1)...]))
    var result: [Double] = []
    result.reserveCapacity(outer * taps.count * inner)
    for block in 0..<outer {
        for position in taps {
            guard let position else {
                result.append(contentsOf: repeatElement(outside, count: inner))
                continue
            }
            for index in 0..<inner {
                result.append(
                    position.reduce(0) { sum, tap in
                        sum + tap.weight * values[(block * shape[axis] + tap.place) * inner + index]
                    })
            }
        }
    }
    return result
}

/// Start and end along each axis in fractions of the input.
private func regionOfInterest(_ call: OperatorCall, _ rank: Int) throws(GraphFailure) -> [(Double, Double)] {
    let whole = [(Double, Double)](repeating: (0, 1), count: rank)
    guard call.opset > 10, try call.text("coordinate_transformation_mode", "") == "tf_crop_and_resize" else {
        return whole
    }
    guard call.has(1) else { throw GraphFailure("has no region of interest") }
    let stated = call.doubles(1)
    let axes = try Shapes.axes(try call.ints("axes") ?? Array(0..<rank), rank: rank)
    guard stated.count == 2 * axes.count else { throw GraphFailure("the region of interest does not fit") }
    var region = whole
    for (index, axis) in axes.enumerated() { region[axis] = (stated[index], stated[index + axes.count]) }
    return region
}

/// Sizes along one axis.
private struct ResizedAxis {
    let input: Int
    let output: Int
    let scale: Double

    private static let largestScale = 65_536.0

    var isUnchanged: Bool { input == output && scale == 1 }

    /// - Returns: `nil` where scales or sizes are not known yet.
    static func all(_ call: OperatorCall) throws(GraphFailure) -> [ResizedAxis]? {
        let shape = call.shape(0)
        let axes = try Shapes.axes(try call.ints("axes") ?? Array(shape.indices), rank: shape.count)
        if call.opset > 10, call.has(3), call.type(3).count > 0 {
            guard case .known(let sizes) = try call.list("sizes", input: 3, since: 11) else { return nil }
            guard sizes.count == axes.count else { throw GraphFailure("\(sizes.count) sizes for \(axes.count) axes") }
            return try bySizes(call, shape, axes, sizes)
        }
        guard let scales = try scales(call) else { return nil }
        guard scales.count == axes.count else {
            throw GraphFailure("\(scales.count) scales for \(axes.count) axes")
        }
        if let wrong = scales.first(where: { !($0 > 0 && $0 <= largestScale) }) {
            throw GraphFailure("the scale \(wrong) is not above 0 and at most \(largestScale)")
        }
        var result = shape.map { ResizedAxis(input: $0, output: $0, scale: 1) }
        for (axis, scale) in zip(axes, scales) {
            // In 32 bits, where 0.7 of 10 is 7: in 64 bits the nearest number to 0.7 gives a little less.
            let length = Int(Float(shape[axis]) * Float(scale))
            result[axis] = ResizedAxis(input: shape[axis], output: length, scale: scale)
        }
        return try nonEmpty(result)
    }

    private static func nonEmpty(_ axes: [ResizedAxis]) throws(GraphFailure) -> [ResizedAxis] {
        guard axes.allSatisfy({ $0.input > 0 || $0.output == 0 }) else { throw GraphFailure("resizes nothing") }
        return axes
    }

    private static func scales(_ call: OperatorCall) throws(GraphFailure) -> [Double]? {
        if call.opset < 9 {
            guard case .floats(let scales)? = call.node.attributes["scales"] else {
                throw GraphFailure("states no scales")
            }
            return scales.map(Double.init)
        }
        let input = call.opset < 11 ? 1 : 2
        guard call.has(input) else { throw GraphFailure("states neither scales nor sizes") }
        guard call.type(input).rank == 1, call.element(input).isFloatingPoint else {
            throw GraphFailure("the scales are not a list of numbers")
        }
        return call.known(input)?.doubles
    }

    private static func bySizes(
        _ call: OperatorCall, _ shape: [Int], _ axes: [Int], _ sizes: [Int]
    ) throws(GraphFailure) -> [ResizedAxis]? {
        guard sizes.allSatisfy({ 0...GraphLimits.valueBytes ~= $0 }), axes.allSatisfy({ shape[$0] > 0 }) else {
            throw GraphFailure("sizes \(sizes) do not fit \(shape)")
        }
        let ratios = zip(axes, sizes).map { Double($1) / Double(shape[$0]) }
        let common: Double? =
            switch try call.text("keep_aspect_ratio_policy", "stretch") {
            case "not_larger": ratios.min()
            case "not_smaller": ratios.max()
            default: nil
            }
        var result = shape.map { ResizedAxis(input: $0, output: $0, scale: 1) }
        for (index, axis) in axes.enumerated() {
            let size = common.map { ($0 * Double(shape[axis]) + 0.5).rounded(.down) } ?? Double(sizes[index])
            guard size <= Double(GraphLimits.valueBytes) else { throw GraphFailure("sizes \(sizes) are too large") }
            result[axis] = ResizedAxis(input: shape[axis], output: Int(size), scale: common ?? ratios[index])
        }
        return try nonEmpty(result)
    }
}

/// How a position in the output reads the input.
private struct Interpolation {
    enum Mode: String {
        case nearest, linear, cubic
    }

    enum Coordinates: String {
        case halfPixel = "half_pixel"
        case halfPixelSymmetric = "half_pixel_symmetric"
        case pytorch = "pytorch_half_pixel"
        case alignCorners = "align_corners"
        case asymmetric
        case crop = "tf_crop_and_resize"
        case nearestHalfPixel = "tf_half_pixel_for_nn"
    }

    let mode: Mode
    let coordinates: Coordinates
    let rounding: String
    let coefficient: Double
    let excludesOutside: Bool
    let smooths: Bool
    let extrapolation: Double

    /// Version 10 and before rounds down where it grows, and up where it shrinks.
    let isOld: Bool

    init(_ call: OperatorCall) throws(GraphFailure) {
        let isNew = call.opset > 10
        guard let mode = Mode(rawValue: try call.text("mode", "nearest")),
            let coordinates = Coordinates(
                rawValue: isNew ? try call.text("coordinate_transformation_mode", "half_pixel") : "asymmetric")
        else { throw GraphFailure("the mode is not known") }
        (self.mode, self.coordinates) = (mode, coordinates)
        isOld = !isNew
        rounding = isNew ? try call.text("nearest_mode", "round_prefer_floor") : "floor"
        guard ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"].contains(rounding) else {
            throw GraphFailure("nearest_mode \(rounding.printable) is not known")
        }
        coefficient = try call.float("cubic_coeff_a", -0.75)
        excludesOutside = try call.flag("exclude_outside")
        smooths = try call.flag("antialias")
        extrapolation = try call.float("extrapolation_value", 0)
    }

    /// Where a position lies in the input.
    func source(_ position: Int, _ axis: ResizedAxis, _ region: (Double, Double)) -> Double {
        let (x, size) = (Double(position), Double(axis.input))
        let exact = axis.scale * size
        // Sizes give a quotient of whole numbers: by it positions half-way between two pixels are exactly there.
        let isQuotient = axis.scale == Double(axis.output) / size
        func unscaled(_ position: Double) -> Double {
            isQuotient ? position * size / Double(axis.output) : position / axis.scale
        }
        switch coordinates {
        case .halfPixel: return unscaled(x + 0.5) - 0.5
        case .halfPixelSymmetric:
            return size / 2 * (1 - Double(axis.output) / exact) + unscaled(x + 0.5) - 0.5
        case .pytorch: return axis.output == 1 ? 0 : unscaled(x + 0.5) - 0.5
        case .alignCorners: return axis.output == 1 ? 0 : x * (size - 1) / (exact - 1)
        case .asymmetric: return unscaled(x)
        case .nearestHalfPixel: return unscaled(x + 0.5)
        case .crop:
            let span = (region.1 - region.0) * (size - 1)
            return region.0 * (size - 1) + (axis.output == 1 ? span / 2 : x * span / (exact - 1))
        }
    }

    func nearest(_ source: Double, _ axis: ResizedAxis) -> Int {
        let floor = source.rounded(.down)
        let ratio = source - floor
        let isUp =
            switch rounding {
            case "floor": isOld && axis.scale < 1 && ratio > 0
            case "ceil": ratio > 0
            case "round_prefer_ceil": ratio >= 0.5
            default: ratio > 0.5
            }
        return min(max(Int(saturating: floor) + (isUp ? 1 : 0), 0), axis.input - 1)
    }

    /// What a position is made of; `nil` where it lies outside the input and takes the extrapolation value.
    func taps(at position: Int, _ axis: ResizedAxis, _ region: (Double, Double)) -> [(place: Int, weight: Double)]? {
        let source = source(position, axis, region)
        if coordinates == .crop, !(source >= 0 && source <= Double(axis.input - 1)) { return nil }
        if mode == .nearest { return [(nearest(source, axis), 1)] }
        let floor = source.rounded(.down)
        let ratio = source - floor
        let scale = smooths ? min(axis.scale, 1) : 1
        let radius = mode == .linear ? 1.0 : 2
        let first = Int((-radius / scale).rounded(.down)) + 1
        var taps: [(place: Int, weight: Double)] = []
        for step in first..<2 - first {
            let place = Int(saturating: floor) + step
            let isOutside = place < 0 || place >= axis.input
            let weight = isOutside && excludesOutside ? 0 : kernel((Double(step) - ratio) * scale)
            taps.append((min(max(place, 0), axis.input - 1), weight))
        }
        let sum = taps.reduce(0) { $0 + $1.weight }
        return taps.map { ($0.place, $0.weight / sum) }
    }

    private func kernel(_ distance: Double) -> Double {
        let x = abs(distance)
        if mode == .linear { return max(1 - x, 0) }
        if x <= 1 { return ((coefficient + 2) * x - (coefficient + 3)) * x * x + 1 }
        return x < 2 ? coefficient * (((x - 5) * x + 8) * x - 4) : 0
    }
}
