extension Session {
    /// How many values `readFeatures` gives of a plan.
    /// - Returns: `nil` where the last operation reads a map, or the plan needs a larger arena.
    public func featureCount(of plan: Plan) -> Int? {
        guard let last = plan.operations.last, last.input.pixels == 1, plan.arenaCount <= arena.count,
            last.inputElement != .bfloat16
        else { return nil }
        return last.input.channels
    }

    /// Copies the vector that the plan's last layer read in the session's last run: the pooled features of a
    /// classifier. A layer of 8 bits reads bytes: those are given as they are, without scale and zero point.
    /// - Precondition: the plan has features, and room for all of them.
    public func readFeatures(of plan: Plan, into target: UnsafeMutablePointer<Float>) {
        guard let last = plan.operations.last, last.input.pixels == 1, plan.arenaCount <= arena.count else {
            preconditionFailure("the plan's last layer reads a map")
        }
        let (source, count) = (arena.base + last.inputOffset, last.input.channels)
        guard last.inputElement == .uint8 else { return target.update(from: source, count: count) }
        UnsafeRawPointer(source).withMemoryRebound(to: UInt8.self, capacity: count) { bytes in
            for index in 0..<count { target[index] = Float(bytes[index]) }
        }
    }
}
