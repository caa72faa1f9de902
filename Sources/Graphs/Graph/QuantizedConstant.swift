/// A constant of 8 bits that DequantizeLinear turned into real values before the network runs.
public struct QuantizedConstant: Equatable, Sendable {
    public let shape: [Int]
    /// Less their zero points: -255...255.
    let differences: [Int16]
    /// One for all, or one for each place along `axis`.
    public let scales: [Float]
    public let axis: Int

    /// - Parameter call: of a DequantizeLinear, all values known.
    /// - Returns: `nil` where the integers are of another width, or scales hold for blocks.
    init?(_ call: OperatorCall) {
        guard let values = call.known(0), let scale = call.known(1), case .float32(let scales) = scale.elements,
            scale.shape.count <= 1, !scales.isEmpty, [.int8, .uint8].contains(values.elements.type),
            let axis = try? call.int("axis", 1), (try? call.int("block_size", 0)) == 0
        else { return nil }
        let rank = values.shape.count
        let along = axis < 0 ? axis + rank : axis
        guard scales.count == 1 || (0..<rank).contains(along) && values.shape[along] == scales.count else {
            return nil
        }
        shape = values.shape
        self.scales = scales
        self.axis = scales.count == 1 ? 0 : along
        let zeros = call.has(2) ? call.known(2)?.integers ?? [] : [0]
        guard zeros.count == 1 || zeros.count == scales.count else { return nil }
        let inner = shape.dropFirst(self.axis + 1).reduce(1, *)
        let integers = values.integers
        differences = integers.indices.map {
            let place = scales.count == 1 ? 0 : $0 / inner % scales.count
            return Int16(integers[$0] - zeros[zeros.count == 1 ? 0 : place])
        }
    }

    /// As weights of a layer whose output channels lie along an axis; `nil` where scales lie along another one, or a
    /// difference to the zero point takes more than 8 bits.
    func weights(outputAxis: Int) -> QuantizedWeights? {
        guard scales.count == 1 || axis == outputAxis, scales.allSatisfy({ $0 > 0 && $0.isFinite }) else { return nil }
        let channels = shape[outputAxis]
        let values = differences.compactMap { Int8(exactly: $0) }
        guard values.count == differences.count, channels > 0, !values.isEmpty else { return nil }
        return QuantizedWeights(
            values: values, scales: scales.count == 1 ? [Float](repeating: scales[0], count: channels) : scales)
    }
}
