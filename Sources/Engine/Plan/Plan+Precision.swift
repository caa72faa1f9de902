extension Plan {
    /// The format of the weights that most of the arithmetic reads.
    public var precision: Precision {
        var flops: [MapElement: Int] = [:]
        for operation in operations { flops[operation.weightElement, default: 0] += operation.flops }
        return switch flops.max(by: { $0.value < $1.value })?.key {
        case .uint8: .int8
        case .bfloat16: .bf16
        default: .fp32
        }
    }
}
