/// Which attributes an operator has: those of ONNX's operator schemas, in the opsets in which they stand.
///
/// A file may say more than the opset knows, such as `axes` as an attribute where it has become an input. Whatever is
/// not read would be left out in silence, and the network would compute something else.
package enum OperatorAttributes {
    /// - Throws: where the node has an attribute that its operator does not have in this opset.
    package static func check(_ name: String, of node: Node) throws(GraphFailure) {
        let known = table[node.operatorName] ?? [:]
        guard let opsets = known[name] else {
            throw GraphFailure("attribute \(name.printable) is not known of this operator")
        }
        guard opsets.contains(node.opset) else {
            throw GraphFailure(
                "attribute \(name.printable) exists in opsets \(opsets.lowerBound) to \(opsets.upperBound)")
        }
    }

    /// Those that an operator has in an opset.
    static func names(of name: String, opset: Int) -> Set<String> {
        Set((table[name] ?? [:]).filter { $0.value.contains(opset) }.keys)
    }

    /// By operator, by attribute. An attribute without opsets has been there in all that are read.
    private static let table: [String: [String: ClosedRange<Int>]] = {
        var table: [String: [String: ClosedRange<Int>]] = [:]
        for row in rows.split(separator: "\n") {
            let words = row.split(separator: " ")
            var attributes: [String: ClosedRange<Int>] = [:]
            for word in words.dropFirst() {
                let parts = word.split(separator: ":")
                let opsets = parts.dropFirst().first?.split(separator: "-").compactMap { Int($0) } ?? [7, 21]
                attributes[String(parts[0])] = opsets[0]...opsets[1]
            }
            table[String(words[0])] = attributes
        }
        return table
    }()

    private static let rows = """
        ArgMax axis keepdims select_last_index:12-21
        ArgMin axis keepdims select_last_index:12-21
        AveragePool auto_pad ceil_mode:10-21 count_include_pad dilations:19-21 kernel_shape pads strides
        BatchNormalization epsilon momentum spatial:7-8 training_mode:14-21
        Cast saturate:19-21 to
        CastLike saturate:19-21
        Celu alpha:12-21
        Clip max:7-10 min:7-10
        Concat axis
        Constant sparse_value:11-21 value value_float:12-21 value_floats:12-21 value_int:12-21 \
        value_ints:12-21 value_string:12-21 value_strings:12-21
        ConstantOfShape value:9-21
        Conv auto_pad dilations group kernel_shape pads strides
        ConvInteger auto_pad:10-21 dilations:10-21 group:10-21 kernel_shape:10-21 pads:10-21 strides:10-21
        ConvTranspose auto_pad dilations group kernel_shape output_padding output_shape pads strides
        CumSum exclusive:11-21 reverse:11-21
        DepthToSpace blocksize mode:11-21
        DequantizeLinear axis:13-21 block_size:21-21
        Dropout ratio:7-11 seed:12-21
        Elu alpha
        Flatten axis
        Gather axis
        GatherElements axis:11-21
        GatherND batch_dims:12-21
        Gelu approximate:20-21
        Gemm alpha beta transA transB
        GlobalLpPool p
        GroupNormalization epsilon:18-21 num_groups:18-21 stash_type:21-21
        HardSigmoid alpha beta
        InstanceNormalization epsilon
        IsInf detect_negative:10-21 detect_positive:10-21
        LRN alpha beta bias size
        LayerNormalization axis:17-21 epsilon:17-21 stash_type:17-21
        LeakyRelu alpha
        LogSoftmax axis
        LpNormalization axis p
        LpPool auto_pad ceil_mode:18-21 dilations:18-21 kernel_shape p pads strides
        MaxPool auto_pad ceil_mode:10-21 dilations:10-21 kernel_shape pads storage_order:8-21 strides
        MeanVarianceNormalization axes:9-21
        Mod fmod:10-21
        NonMaxSuppression center_point_box:10-21
        OneHot axis:9-21
        Pad mode pads:7-10 value:7-10
        QLinearConv auto_pad:10-21 dilations:10-21 group:10-21 kernel_shape:10-21 pads:10-21 strides:10-21
        QuantizeLinear axis:13-21 block_size:21-21 output_dtype:21-21 saturate:19-21
        ReduceL1 axes:7-17 keepdims noop_with_empty_axes:18-21
        ReduceL2 axes:7-17 keepdims noop_with_empty_axes:18-21
        ReduceLogSum axes:7-17 keepdims noop_with_empty_axes:18-21
        ReduceLogSumExp axes:7-17 keepdims noop_with_empty_axes:18-21
        ReduceMax axes:7-17 keepdims noop_with_empty_axes:18-21
        ReduceMean axes:7-17 keepdims noop_with_empty_axes:18-21
        ReduceMin axes:7-17 keepdims noop_with_empty_axes:18-21
        ReduceProd axes:7-17 keepdims noop_with_empty_axes:18-21
        ReduceSum axes:7-12 keepdims noop_with_empty_axes:13-21
        ReduceSumSquare axes:7-17 keepdims noop_with_empty_axes:18-21
        Reshape allowzero:14-21
        Resize antialias:18-21 axes:18-21 coordinate_transformation_mode:11-21 cubic_coeff_a:11-21 \
        exclude_outside:11-21 extrapolation_value:11-21 keep_aspect_ratio_policy:18-21 mode:10-21 \
        nearest_mode:11-21
        Scatter axis:9-21
        ScatterElements axis:11-21 reduction:16-21
        ScatterND reduction:16-21
        Selu alpha gamma
        Shape end:15-21 start:15-21
        Shrink bias:9-21 lambd:9-21
        Slice axes:7-9 ends:7-9 starts:7-9
        Softmax axis
        SpaceToDepth blocksize
        Split axis num_outputs:18-21 split:7-12
        Squeeze axes:7-12
        ThresholdedRelu alpha:10-21
        TopK axis k:7-9 largest:11-21 sorted:11-21
        Transpose perm
        Trilu upper:14-21
        Unsqueeze axes:7-12
        Upsample mode scales:7-8
        """
}
