/// Integers of 8 bits that stand for real values: value = scale * (integer - zeroPoint), one scale for a whole map.
///
/// As in ONNX's QuantizeLinear and DequantizeLinear, versions 10 to 21.
public struct Quantization: Equatable, Hashable, Sendable {
    /// Above zero.
    public let scale: Float
    /// Within `range`.
    public let zeroPoint: Int
    public let isSigned: Bool

    /// - Precondition: the scale is above zero and finite, the zero point within range.
    public init(scale: Float, zeroPoint: Int, isSigned: Bool) {
        precondition(scale > 0 && scale.isFinite, "a scale of \(scale)")
        self.scale = scale
        self.zeroPoint = zeroPoint
        self.isSigned = isSigned
        precondition(range.contains(zeroPoint), "a zero point of \(zeroPoint)")
    }

    public var range: ClosedRange<Int> { isSigned ? -128...127 : 0...255 }

    /// The least and the greatest value that the integers stand for.
    public var values: ClosedRange<Float> { value(of: range.lowerBound)...value(of: range.upperBound) }

    /// The nearest integer, ties to even, saturated; 0 for what is not a number.
    public func integer(of value: Float) -> Int {
        let rounded = (value / scale).rounded(.toNearestOrEven) + Float(zeroPoint)
        if rounded.isNaN { return 0 }
        return Int(min(max(rounded, Float(range.lowerBound)), Float(range.upperBound)))
    }

    public func value(of integer: Int) -> Float { Float(integer - zeroPoint) * scale }

    /// The value after it was an integer.
    public func rounded(_ value: Float) -> Float { self.value(of: integer(of: value)) }
}

/// Weights as integers of 8 bits with zero points of 0: weight = value * scale of its output channel.
public struct QuantizedWeights: Equatable, Sendable {
    /// `[output channel][input channel / groups][row][column]`
    public let values: [Int8]
    /// One for each output channel, above zero.
    public let scales: [Float]

    /// - Precondition: as many values for every scale.
    public init(values: [Int8], scales: [Float]) {
        precondition(!scales.isEmpty && values.count % scales.count == 0, "\(values.count) weights")
        self.values = values
        self.scales = scales
    }

    /// The weights that the integers stand for.
    public var reals: [Float] {
        let perChannel = values.count / scales.count
        return values.indices.map { Float(values[$0]) * scales[$0 / perChannel] }
    }
}

extension FusedStep {
    /// What an activation or a lookup on 8 bits comes to: the result's integer for each of the input's, from the least
    /// one on. `nil` where the step is another one, or its result is not of 8 bits.
    public func table(of input: Quantization) -> [Int]? {
        guard let outputQuantization, finish.residual == nil else { return nil }
        let reals: [Float]
        switch work {
        case .nothing: reals = input.range.map { input.value(of: $0) }
        case .lookup(let values): reals = values
        default: return nil
        }
        return reals.map { outputQuantization.integer(of: finish.activation.value(at: $0)) }
    }
}
