import Fusion
import Graphs

/// Steps that rearrange, combine and normalise maps, as operators.
extension GraphWriter {
    /// - Parameters:
    ///   - inputs: the values that stand for the step's inputs.
    ///   - name: of the last node; those before it have names of their own.
    mutating func rearrange(
        _ step: FusedStep, _ inputs: [String], _ name: () -> String
    ) throws(GraphFailure) -> String {
        let output = step.output
        switch step.work {
        case .gather(let channels): return try join(step, channels, inputs, name)
        case .resample(let rows, let columns): return try resample(step, rows, columns, inputs[0], name)
        case .interleave(let interleave): return spread(step, interleave, inputs[0], name)
        case .combination(let combination):
            return node(
                combination.kind.operatorName, combination.isReversed ? inputs.reversed() : inputs, named: name())
        case .affine(let scale, let shift):
            let constants = [
                perChannel(output + ".scales", scale), perChannel(output + ".shifts", shift),
                perChannel(output + ".means", shift.map { _ in 0 }),
                perChannel(output + ".variances", shift.map { _ in 1 }),
            ]
            return node("BatchNormalization", inputs + constants, named: name(), ["epsilon": .float(0)])
        case .slopes(let slopes):
            let slopes = constant(output + ".slopes", TensorValue(shape: [slopes.count, 1, 1], .float32(slopes)))
            return node("PRelu", inputs + [slopes], named: name())
        case .softmax: return node("Softmax", inputs, named: name(), ["axis": .int(1)])
        case .layerNorm(let epsilon, let scale, let shift):
            let last = node("Transpose", inputs, named: output + ".last", ["perm": .ints([0, 2, 3, 1])])
            let normal = node(
                "LayerNormalization",
                [last, perChannel(output + ".scales", scale), perChannel(output + ".shifts", shift)],
                named: output + ".normal", ["axis": .int(-1), "epsilon": .float(epsilon)], opset: 17)
            return node("Transpose", [normal], named: name(), ["perm": .ints([0, 3, 1, 2])])
        default: throw GraphFailure("is written as no operator")
        }
    }

    private mutating func perChannel(_ name: String, _ values: [Float]) -> String {
        constant(name, TensorValue(shape: [values.count], .float32(values)))
    }

    private mutating func integers(_ name: String, _ values: [Int]) -> String {
        constant(name, TensorValue(integers: values))
    }

    // MARK: Channels

    /// Runs of channels one after another; where rows and columns are counted otherwise, also a reshape.
    private mutating func join(
        _ step: FusedStep, _ channels: [FusedChannels], _ inputs: [String], _ name: () -> String
    ) throws(GraphFailure) -> String {
        var parts: [String] = []
        var isRegrouped = false
        for (index, run) in channels.enumerated() {
            let part = "\(step.output).part\(index)"
            guard let place = run.input else {
                parts.append(zeros(part, run.count, step.shape))
                continue
            }
            guard let shape = shapes[step.inputs[place]] else { throw GraphFailure("reads what no step computes") }
            isRegrouped = isRegrouped || shape.height != step.shape.height || shape.width != step.shape.width
            let isWhole = run.first == 0 && run.count == shape.channels
            parts.append(isWhole ? inputs[place] : slice(inputs[place], run.first, run.count, named: part))
        }
        let isSingle = parts.count == 1
        guard isRegrouped || isSingle else { return node("Concat", parts, named: name(), ["axis": .int(1)]) }
        let joined = isSingle ? parts[0] : node("Concat", parts, named: step.output + ".joined", ["axis": .int(1)])
        let shape = [1, step.shape.channels, step.shape.height, step.shape.width]
        return node("Reshape", [joined, integers(step.output + ".shape", shape)], named: name())
    }

    private mutating func zeros(_ name: String, _ channels: Int, _ shape: MapShape) -> String {
        let values = [Float](repeating: 0, count: channels * shape.pixels)
        return constant(name, TensorValue(shape: [1, channels, shape.height, shape.width], .float32(values)))
    }

    private mutating func slice(_ value: String, _ first: Int, _ count: Int, named name: String) -> String {
        let bounds = [
            integers(name + ".starts", [first]), integers(name + ".ends", [first + count]),
            integers(name + ".axes", [1]),
        ]
        return node("Slice", [value] + bounds, named: name)
    }

    /// Phases without their spare channels, then channels to pixels, then what of these belongs to the result.
    private mutating func spread(
        _ step: FusedStep, _ interleave: FusedInterleave, _ input: String, _ name: () -> String
    ) -> String {
        let (channels, stride) = (step.shape.channels, interleave.stride)
        let padded = FusedInterleave.padded(channels)
        var phases = input
        if padded != channels {
            let parts = (0..<stride * stride).map {
                slice(input, $0 * padded, channels, named: "\(step.output).phase\($0)")
            }
            phases = node("Concat", parts, named: step.output + ".phases.joined", ["axis": .int(1)])
        }
        let whole = node(
            "DepthToSpace", [phases], named: step.output + ".whole",
            ["blocksize": .int(stride), "mode": .string("DCR")])
        let (top, left) = (interleave.top, interleave.left)
        let bounds = [
            integers(step.output + ".starts", [top, left]),
            integers(step.output + ".ends", [top + step.shape.height, left + step.shape.width]),
            integers(step.output + ".axes", [2, 3]),
        ]
        return node("Slice", [whole] + bounds, named: name())
    }

    // MARK: Pixels

    private mutating func resample(
        _ step: FusedStep, _ rows: [FusedTap], _ columns: [FusedTap], _ input: String, _ name: () -> String
    ) throws(GraphFailure) -> String {
        guard let shape = shapes[step.inputs[0]] else { throw GraphFailure("reads what no step computes") }
        if let rows = TapSlice(rows), let columns = TapSlice(columns) {
            let output = step.output
            let bounds = [
                integers(output + ".starts", [rows.first, columns.first]),
                integers(output + ".ends", [rows.end, columns.end]), integers(output + ".axes", [2, 3]),
                integers(output + ".steps", [rows.step, columns.step]),
            ]
            let hasBorder = rows.before + rows.after + columns.before + columns.after > 0
            let cut = node("Slice", [input] + bounds, named: hasBorder ? output + ".cut" : name())
            guard hasBorder else { return cut }
            let pads = [0, 0, rows.before, columns.before, 0, 0, rows.after, columns.after]
            return node("Pad", [cut, integers(output + ".pads", pads)], named: name())
        }
        let size = [1, shape.channels, rows.count, columns.count]
        for attributes in Self.resizings
        where try FusedTap.resizing([1, shape.channels, shape.height, shape.width], to: size, attributes)
            ?? ([], []) == (rows, columns)
        {
            let sizes = integers(step.output + ".sizes", size)
            return node("Resize", [input, "", "", sizes], named: name(), attributes)
        }
        throw GraphFailure("a Resize, Slice or Pad whose rows and columns no operator gives by their sizes alone")
    }

    /// How `Resize` may have come to its rows and columns.
    private static let resizings: [[String: Attribute]] =
        ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"].flatMap { coordinates in
            ["linear", "floor", "round_prefer_floor", "round_prefer_ceil", "ceil"].map { rounding in
                let mode = rounding == "linear" ? "linear" : "nearest"
                return [
                    "coordinate_transformation_mode": .string(coordinates), "mode": .string(mode),
                    "nearest_mode": .string(mode == "linear" ? "round_prefer_floor" : rounding),
                ]
            }
        }
}

/// Every `step`-th row or column from `first` to before `end`, with zeros before and after them.
private struct TapSlice {
    let first: Int
    let end: Int
    let step: Int
    let before: Int
    let after: Int

    /// - Returns: `nil` for rows or columns that are mixed, repeated or in another order.
    init?(_ taps: [FusedTap]) {
        guard let low = taps.firstIndex(where: { $0 != .zero }), let high = taps.lastIndex(where: { $0 != .zero })
        else {
            return nil
        }
        let places = taps[low...high]
        step = places.count > 1 ? taps[low + 1].first - taps[low].first : 1
        first = taps[low].first
        end = taps[high].first + 1
        (before, after) = (low, taps.count - 1 - high)
        guard step > 0,
            places.indices.allSatisfy({ taps[$0] == FusedTap(first + ($0 - low) * step) })
        else { return nil }
    }
}

extension FusedCombination.Kind {
    fileprivate var operatorName: String {
        switch self {
        case .add: "Add"
        case .subtract: "Sub"
        case .multiply: "Mul"
        case .divide: "Div"
        case .maximum: "Max"
        case .minimum: "Min"
        }
    }
}
