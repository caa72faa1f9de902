import CKernels

/// How a convolution or pooling window moves over a map: extent, stride and dilation, and the zeros around the map. The
/// attributes of ONNX `Conv`, `MaxPool` and `AveragePool`.
public struct Window: Equatable, Sendable {
    /// A number of rows and a number of columns.
    public struct Extent: Equatable, Sendable {
        public var rows: Int
        public var columns: Int

        public init(_ rows: Int, _ columns: Int) {
            self.rows = rows
            self.columns = columns
        }
    }

    /// Rows and columns on each side of a map.
    public struct Border: Equatable, Sendable {
        public var top: Int
        public var left: Int
        public var bottom: Int
        public var right: Int

        public init(top: Int, left: Int, bottom: Int, right: Int) {
            self.top = top
            self.left = left
            self.bottom = bottom
            self.right = right
        }

        public init(_ all: Int) { self.init(top: all, left: all, bottom: all, right: all) }

        public static let none = Border(0)

        func around(_ shape: PlanOperation.Shape) -> PlanOperation.Shape {
            .init(channels: shape.channels, height: top + shape.height + bottom, width: left + shape.width + right)
        }
    }

    public var kernel: Extent
    public var stride: Extent
    public var dilation: Extent
    public var border: Border

    /// - Precondition: extents are positive, borders are not negative.
    public init(
        kernel: Extent, stride: Extent = Extent(1, 1), dilation: Extent = Extent(1, 1), border: Border = .none
    ) {
        for extent in [kernel, stride, dilation] { precondition(extent.rows > 0 && extent.columns > 0, "\(extent)") }
        precondition(min(border.top, border.left, border.bottom, border.right) >= 0, "\(border)")
        self.kernel = kernel
        self.stride = stride
        self.dilation = dilation
        self.border = border
    }

    public init(kernel: Int, stride: Int = 1, padding: Int = 0) {
        self.init(
            kernel: Extent(kernel, kernel), stride: Extent(stride, stride), border: Border(padding))
    }

    public var taps: Int { kernel.rows * kernel.columns }

    /// Shape of the result for a map, or `nil` where the window does not fit in it.
    /// - Parameter roundsUp: ONNX `ceil_mode`: a last window may reach beyond the border, if it begins inside the map
    ///   or the border before it.
    public func output(of input: PlanOperation.Shape, channels: Int, roundsUp: Bool = false) -> PlanOperation.Shape? {
        let height = Self.steps(
            input.height, border.top, border.bottom, kernel.rows, stride.rows, dilation.rows, roundsUp)
        let width = Self.steps(
            input.width, border.left, border.right, kernel.columns, stride.columns, dilation.columns, roundsUp)
        guard let height, let width else { return nil }
        return .init(channels: channels, height: height, width: width)
    }

    private static func steps(
        _ length: Int, _ before: Int, _ after: Int, _ kernel: Int, _ stride: Int, _ dilation: Int, _ roundsUp: Bool
    ) -> Int? {
        let room = before + length + after - (dilation * (kernel - 1) + 1)
        guard room >= 0 else { return nil }
        guard roundsUp else { return room / stride + 1 }
        let steps = (room + stride - 1) / stride + 1
        return (steps - 1) * stride >= before + length ? steps - 1 : steps
    }

    /// For the kernels.
    var call: ck_window {
        ck_window(
            kernel_height: Int32(kernel.rows), kernel_width: Int32(kernel.columns), stride_y: Int32(stride.rows),
            stride_x: Int32(stride.columns), dilation_y: Int32(dilation.rows), dilation_x: Int32(dilation.columns),
            top: Int32(border.top), left: Int32(border.left), bottom: Int32(border.bottom),
            right: Int32(border.right))
    }
}
