/// How a window moves over one to three spatial dimensions; attributes of convolutions and pooling.
///
/// Kept in three dimensions, leading ones of size 1 added.
package struct SpatialWindow {
    package let input: [Int]
    package let kernel: [Int]
    package let strides: [Int]
    package let dilations: [Int]
    package let padsBefore: [Int]
    package let padsAfter: [Int]
    package let output: [Int]
    /// How many dimensions the operator really has.
    package let rank: Int

    /// For operators that gather: convolution and pooling.
    package init(_ call: OperatorCall, input: [Int], kernel: [Int]) throws(GraphFailure) {
        let attributes = try WindowAttributes(call, input: input, kernel: kernel)
        let roundsUp = try call.flag("ceil_mode")
        var (before, after, output): ([Int], [Int], [Int]) = ([], [], [])
        for axis in input.indices {
            let (size, stride) = (input[axis], attributes.strides[axis])
            let extent = attributes.extent(axis)
            switch attributes.automatic {
            case .none, .valid:
                let (first, last) = attributes.automatic == .none ? attributes.pads(axis) : (0, 0)
                let room = size + first + last - extent
                // Rounding up, a window may reach beyond the padding by less than a stride.
                guard room >= (roundsUp ? 1 - stride : 0) else {
                    throw GraphFailure("a window of \(extent) does not fit \(size + first + last) values")
                }
                var count = (roundsUp ? room + stride - 1 : room) / stride + 1
                // A window must start within the input or the padding before it.
                if roundsUp, (count - 1) * stride >= size + first { count -= 1 }
                (before, after, output) = (before + [first], after + [last], output + [count])
            case .sameUpper, .sameLower:
                let count = (size + stride - 1) / stride
                let total = max((count - 1) * stride + extent - size, 0)
                let first = attributes.automatic == .sameUpper ? total / 2 : total - total / 2
                (before, after, output) = (before + [first], after + [total - first], output + [count])
            }
        }
        self.init(attributes, input, kernel, before, after, output)
    }

    /// For a transposed convolution, whose output is the input of the convolution it transposes.
    package init(transposed call: OperatorCall, input: [Int], kernel: [Int]) throws(GraphFailure) {
        let attributes = try WindowAttributes(call, input: input, kernel: kernel)
        let extra = try WindowAttributes.list(call, "output_padding", input.count, 0, 0...WindowAttributes.limit)
        let shape = try call.ints("output_shape").map { Array($0.suffix(input.count)) }
        guard shape.map({ $0.count == input.count && $0.allSatisfy { 0...WindowAttributes.limit ~= $0 } }) ?? true
        else {
            throw GraphFailure("output_shape is not valid")
        }
        var (before, after, output): ([Int], [Int], [Int]) = ([], [], [])
        for axis in input.indices {
            let full = attributes.strides[axis] * (input[axis] - 1) + extra[axis] + attributes.extent(axis)
            var (first, last) = attributes.automatic == .none ? attributes.pads(axis) : (0, 0)
            let isSame = attributes.automatic == .sameUpper || attributes.automatic == .sameLower
            if shape != nil || isSame {
                let total = max(full - (shape?[axis] ?? input[axis] * attributes.strides[axis]), 0)
                first = attributes.automatic == .sameUpper ? total / 2 : total - total / 2
                last = total - first
            }
            let size = shape?[axis] ?? full - first - last
            guard size > 0, input[axis] > 0 else { throw GraphFailure("the output has no size") }
            (before, after, output) = (before + [first], after + [last], output + [size])
        }
        self.init(attributes, input, kernel, before, after, output)
    }

    private init(
        _ attributes: WindowAttributes, _ input: [Int], _ kernel: [Int], _ before: [Int], _ after: [Int],
        _ output: [Int]
    ) {
        func three(_ values: [Int], _ filler: Int) -> [Int] {
            [Int](repeating: filler, count: 3 - values.count) + values
        }
        (self.input, self.kernel, rank) = (three(input, 1), three(kernel, 1), input.count)
        (strides, dilations) = (three(attributes.strides, 1), three(attributes.dilations, 1))
        (padsBefore, padsAfter, self.output) = (three(before, 0), three(after, 0), three(output, 1))
    }

    /// The output's sizes, without the dimensions that were added.
    package var outputShape: [Int] { Array(output.suffix(rank)) }
    package var inputCount: Int { Shapes.count(input) }
    package var outputCount: Int { Shapes.count(output) }
    package var kernelCount: Int { Shapes.count(kernel) }

    /// Where a window position reads along an axis.
    package func source(_ axis: Int, _ position: Int, _ tap: Int) -> Int {
        position * strides[axis] + tap * dilations[axis] - padsBefore[axis]
    }

    /// The positions whose tap reads inside the input.
    package func positions(_ axis: Int, _ tap: Int) -> Range<Int> {
        let shift = tap * dilations[axis] - padsBefore[axis]
        let first = shift >= 0 ? 0 : (strides[axis] - 1 - shift) / strides[axis]
        let last = input[axis] - 1 - shift
        let end = last < 0 ? 0 : min(last / strides[axis] + 1, output[axis])
        return first..<max(first, end)
    }

    /// The taps that read inside the input at a position.
    package func taps(_ axis: Int, _ position: Int) -> Range<Int> {
        let start = position * strides[axis] - padsBefore[axis]
        let first = start >= 0 ? 0 : (dilations[axis] - 1 - start) / dilations[axis]
        let last = input[axis] - 1 - start
        let end = last < 0 ? 0 : min(last / dilations[axis] + 1, kernel[axis])
        return first..<max(first, end)
    }
}

/// The attributes as they stand, checked: every number small enough that products of two fit.
struct WindowAttributes {
    enum Automatic: String {
        case none = "NOTSET"
        case valid = "VALID"
        case sameUpper = "SAME_UPPER"
        case sameLower = "SAME_LOWER"
    }

    static let limit = 1 << 24

    package let kernel: [Int]
    package let strides: [Int]
    package let dilations: [Int]
    package let automatic: Automatic
    private let pads: [Int]

    package init(_ call: OperatorCall, input: [Int], kernel: [Int]) throws(GraphFailure) {
        let rank = input.count
        guard (1...3).contains(rank), kernel.count == rank else {
            throw GraphFailure("has \(rank) spatial dimensions and a kernel of \(kernel.count); 1 to 3 are supported")
        }
        guard kernel.allSatisfy({ 1...Self.limit ~= $0 }) else { throw GraphFailure("a kernel of \(kernel)") }
        self.kernel = kernel
        strides = try Self.list(call, "strides", rank, 1, 1...Self.limit)
        dilations = try Self.list(call, "dilations", rank, 1, 1...Self.limit)
        pads = try Self.list(call, "pads", 2 * rank, 0, 0...Self.limit)
        let stated = try call.text("auto_pad", "NOTSET")
        guard let automatic = Automatic(rawValue: stated.isEmpty ? "NOTSET" : stated) else {
            throw GraphFailure("auto_pad \(stated.printable) is not known")
        }
        self.automatic = automatic
    }

    package func extent(_ axis: Int) -> Int { (kernel[axis] - 1) * dilations[axis] + 1 }
    package func pads(_ axis: Int) -> (Int, Int) { (pads[axis], pads[axis + pads.count / 2]) }

    static func list(
        _ call: OperatorCall, _ name: String, _ count: Int, _ standard: Int, _ range: ClosedRange<Int>
    ) throws(GraphFailure) -> [Int] {
        guard let values = try call.ints(name), !values.isEmpty else { return [Int](repeating: standard, count: count) }
        guard values.count == count, values.allSatisfy(range.contains) else {
            throw GraphFailure(
                "attribute \(name) is not \(count) numbers from \(range.lowerBound) to \(range.upperBound)")
        }
        return values
    }
}
