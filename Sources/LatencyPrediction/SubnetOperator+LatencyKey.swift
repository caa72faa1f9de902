public import SearchSpace

extension SubnetOperator {
    /// The operator's row in a latency table, in the grammar of Dynamic-OFA's published tables:
    ///
    ///     expanded_conv-input:HxWxC-output:HxWxC-expand:M-kernel:K-stride:S-idskip:0/1-se:0/1-hs:0/1
    ///     Conv-input:HxWxC-output:HxWxC    (also Conv_1, AvgPool2D, Conv_2)
    ///     Logits-input:HxWxC-output:CLASSES
    ///
    /// `expand` is the number of mid channels, `idskip` whether the input is added to the output.
    ///
    /// Source: Dynamic-OFA (Lou et al., CVPRW 2021), code.
    public var latencyKey: String {
        switch kind {
        case .stem: return "Conv" + shapes
        case .finalExpand: return "Conv_1" + shapes
        case .pooling: return "AvgPool2D" + shapes
        case .featureMix: return "Conv_2" + shapes
        case .classifier: return "Logits-input:\(input)-output:\(output.channels)"
        case .block:
            let flags = "idskip:\(bit(hasResidual))-se:\(bit(hasSqueezeExcite))-hs:\(bit(hasHardSwish))"
            return "expanded_conv\(shapes)-expand:\(mid)-kernel:\(kernel)-stride:\(stride)-\(flags)"
        }
    }

    private var shapes: String { "-input:\(input)-output:\(output)" }
    private func bit(_ flag: Bool) -> Int { flag ? 1 : 0 }
}
