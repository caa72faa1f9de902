import Graphs

/// Nodes of networks beyond plain classifiers.
extension Fusion {
    /// Turns a node into steps: by the usual rules, else by those for maps in general.
    /// - Throws: and changes nothing, where neither covers it.
    mutating func fuse(_ index: Int) throws(GraphFailure) {
        commit()
        do throws(GraphFailure) { try fuseUsual(index) } catch {
            takeBack()
            do throws(GraphFailure) {
                guard try fuseMaps(nodes[index]) else { throw error }
            } catch {
                takeBack()
                throw error
            }
        }
    }

    /// - Returns: `false` for operators that it knows nothing of.
    private mutating func fuseMaps(_ node: Node) throws(GraphFailure) -> Bool {
        guard node.outputs.contains(where: { bound.types[$0]?.element == .float32 }) else { return false }
        switch node.operatorName {
        case "Concat": try fuseConcat(node)
        case "Split": try fuseSplit(node)
        case "Slice": try fuseAnySlice(node)
        case "Reshape": if try !fuseShuffle(node) { try fuseLayout(node) }
        case "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout", "Transpose": try fuseLayout(node)
        case "Pad": try fuseSpatialPad(node)
        case "Resize", "Upsample": try fuseResize(node)
        case "ConvTranspose": try fuseTransposedConvolution(node)
        case "DepthToSpace": try fuseDepthToSpace(node)
        case "SpaceToDepth": try fuseSpaceToDepth(node)
        case "MatMul", "Gemm": try fusePixelMatrix(node)
        default: return try fuseElements(node)
        }
        return true
    }

    private mutating func fuseElements(_ node: Node) throws(GraphFailure) -> Bool {
        switch node.operatorName {
        case "Add", "Sum": try fuseCombination(node, .add)
        case "Sub": try fuseCombination(node, .subtract)
        case "Mul": try fuseCombination(node, .multiply)
        case "Div": try fuseCombination(node, .divide)
        case "Max": try fuseCombination(node, .maximum)
        case "Min": try fuseCombination(node, .minimum)
        case "PRelu": try fuseSlopes(node)
        case "BatchNormalization": try fuseNormalisation(node)
        case "LayerNormalization": try fuseLayerNorm(node)
        case "Softmax": try fuseSoftmax(node)
        case "GlobalMaxPool", "ReduceMax": try fuseReduction(node, isMean: false)
        case "ReduceMean": try fuseReduction(node, isMean: true)
        default: return try fuseActivation(node)
        }
        return true
    }

    // MARK: Activations

    /// Activations beyond those of mobile networks.
    func furtherActivation(of node: Node) throws(GraphFailure) -> FusedActivation? {
        let call = call(node)
        switch node.operatorName {
        case "Tanh": return .tanh
        case "Softplus": return .softplus
        case "Mish": return .mish
        case "Elu": return .elu(alpha: Float(try call.float("alpha", 1)))
        case "Gelu": return try call.text("approximate", "none") == "none" ? .gelu : .geluTanh
        case "HardSigmoid":
            return .linearGate(
                slope: Float(try call.float("alpha", 0.2)), offset: Float(try call.float("beta", 0.5)))
        case "PRelu":
            guard let slopes = constant(node.inputs[1]), slopes.count == 1 else { return nil }
            return .leakyRelu(slope: slopes[0])
        case "Clip":
            func bound(_ name: String, _ input: Int, _ open: Float) throws(GraphFailure) -> Float? {
                if node.opset < 11 { return Float(try call.float(name, open)) }
                guard call.has(input) else { return open }
                return call.known(input)?.doubles.first.map { Float($0) }
            }
            guard let least = try bound("min", 1, -.infinity), let most = try bound("max", 2, .infinity) else {
                return nil
            }
            return .clip(least, most)
        default: return nil
        }
    }

    /// Activations that a graph states in parts: GELU as `x / sqrt(2)`, `Erf`, `+ 1`, `* x`, `/ 2`, and Mish as
    /// `Softplus`, `Tanh`, `* x`.
    mutating func composed(
        _ value: String, _ readers: [Int]
    ) throws(GraphFailure) -> (activation: FusedActivation, output: String)? {
        guard let product = readers.first(where: { nodes[$0].operatorName == "Mul" }),
            let start = readers.first(where: { $0 != product })
        else { return nil }
        if nodes[start].operatorName == "Softplus", let tanh = next(after: start, "Tanh"),
            next(after: tanh, "Mul") == product
        {
            [start, tanh, product].forEach { absorb($0) }
            return (.mish, nodes[product].outputs[0])
        }
        let isHalved = number(in: nodes[product], besides: value) == 0.5
        guard isRootOfHalf(nodes[start], value), let erf = next(after: start, "Erf"),
            let sum = next(after: erf, "Add"), number(in: nodes[sum], besides: nodes[erf].outputs[0]) == 1,
            let first = next(after: sum, "Mul")
        else { return nil }
        // x * ((1 + erf) / 2)
        if number(in: nodes[first], besides: nodes[sum].outputs[0]) == 0.5, next(after: first, "Mul") == product {
            [start, erf, sum, first, product].forEach { absorb($0) }
            return (.gelu, nodes[product].outputs[0])
        }
        // x * (1 + erf) / 2, or (x / 2) * (1 + erf)
        if isHalved, next(after: product, "Mul") == first {
            [start, erf, sum, product, first].forEach { absorb($0) }
            return (.gelu, nodes[first].outputs[0])
        }
        guard first == product, let half = next(after: product, "Mul"),
            number(in: nodes[half], besides: nodes[product].outputs[0]) == 0.5
        else { return nil }
        [start, erf, sum, product, half].forEach { absorb($0) }
        return (.gelu, nodes[half].outputs[0])
    }

    /// The only reader of a node's result, if it has this operator.
    private func next(after index: Int, _ name: String) -> Int? {
        let readers = readers(of: nodes[index].outputs[0])
        return readers.count == 1 && nodes[readers[0]].operatorName == name ? readers[0] : nil
    }

    private func number(in node: Node, besides value: String) -> Float? {
        guard node.inputs.count == 2, let other = node.inputs.first(where: { $0 != value }),
            let constant = constant(other), constant.count == 1
        else { return nil }
        return constant[0]
    }

    private func isRootOfHalf(_ node: Node, _ value: String) -> Bool {
        guard node.inputs.first == value, let factor = number(in: node, besides: value) else { return false }
        let expected: Float = node.operatorName == "Div" ? Float(2).squareRoot() : Float(0.5).squareRoot()
        return ["Div", "Mul"].contains(node.operatorName) && abs(factor - expected) < 1e-5
    }
}
