extension UnsafeBufferPointer<Float> {
    /// Position of the largest value, the first of equals: the predicted class of a row of logits.
    public var indexOfMaximum: Int {
        var best = 0
        for index in 1..<Swift.max(1, count) where self[index] > self[best] { best = index }
        return best
    }
}
