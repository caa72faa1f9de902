import CKernels

/// What depthwise convolutions really multiply: kernels leave out what lies outside the map, and one of them has a
/// method with fewer products.
extension PlanOperation {
    /// Products of four neighbouring results of a row of seven taps in `CKernels/quads.inc`, instead of 28.
    private static let quadProducts = 17
    private static let quadPixels = 4

    /// Twice the multiply-adds that a depthwise operation on floats does, spare lanes left out; the kernel for bytes
    /// multiplies what fills the edges too.
    var executedDepthwiseFlops: Int {
        let rows = Self.tapsInside(input.height, output.height, kernel, stride, window.border.top)
        let usesQuads = rowTile == CK_QUADS && kernel == 7 && stride == 1
        let columns =
            usesQuads
            ? Self.quadProducts(input.width, output.width, window.border.left)
            : Self.tapsInside(input.width, output.width, kernel, stride, window.border.left)
        return 2 * rows * columns * output.channels
    }

    /// Taps along one side that lie on the map, of all windows together.
    private static func tapsInside(
        _ length: Int, _ steps: Int, _ kernel: Int, _ stride: Int, _ before: Int, from first: Int = 0
    ) -> Int {
        (first..<steps).reduce(0) { sum, step in
            let start = step * stride - before
            return sum + max(0, min(start + kernel, length) - max(start, 0))
        }
    }

    /// Products of one row of taps for a row of results. Quadruples take columns outside the map as zeros; one or two
    /// results that are left over by eights are computed by the definition.
    private static func quadProducts(_ length: Int, _ width: Int, _ before: Int) -> Int {
        let singles = (1...2).contains(width % 8) ? width % 8 : 0
        let quads = (width - singles + quadPixels - 1) / quadPixels
        return quads * quadProducts + tapsInside(length, width, 7, 1, before, from: width - singles)
    }
}
