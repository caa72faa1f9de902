extension Plan {
    /// int8 where anything is computed in 8 bits; else bf16 where any map is stored so, for some layers of such a plan
    /// may be faster in floats.
    public var precision: Precision {
        if operations.contains(where: { $0.weightElement == .uint8 || $0.outputElement == .uint8 }) { return .int8 }
        let isNarrow = operations.contains { $0.inputElement == .bfloat16 || $0.outputElement == .bfloat16 }
        return isNarrow ? .bf16 : .fp32
    }
}
