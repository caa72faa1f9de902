extension BoundGraph {
    /// Twice the multiply-adds of convolutions and matrices in one run; everything else does not count, nor do values
    /// whose shape depends on data.
    public var flops: Int { graph.nodes.reduce(0) { $0 &+ flops(of: $1) } }

    /// Those of one node.
    public func flops(of node: Node) -> Int {
        let output = node.outputs.first.flatMap { types[$0] }?.count ?? 0
        func shape(_ input: Int) -> [Int] { input < node.inputs.count ? types[node.inputs[input]]?.shape ?? [] : [] }
        switch node.operatorName {
        case "Conv", "ConvInteger": return 2 * output &* Shapes.count(shape(1).dropFirst())
        case "QLinearConv": return 2 * output &* Shapes.count(shape(3).dropFirst())
        case "ConvTranspose": return 2 * Shapes.count(shape(0)) &* Shapes.count(shape(1).dropFirst())
        case "MatMul", "MatMulInteger", "QLinearMatMul": return 2 * output &* (shape(0).last ?? 1)
        case "Gemm":
            let columns = shape(1).last ?? 1
            // Whichever side of the second matrix is not the output's.
            let isTransposed = node.attributes["transB"] == .int(1)
            return 2 * output &* (isTransposed ? columns : shape(1).first ?? 1)
        default: return 0
        }
    }
}
