/// One layer of a gate: a function of a vector with its own part of a flat list of parameters.
///
/// Gradients are written out by hand and checked against finite differences; there is no automatic differentiation.
public enum Layer: Codable, Equatable, Sendable {
    /// `outputs[o] = sum over i of inputs[i] * parameters[i * outputs + o]`
    case linear(inputs: Int, outputs: Int)
    /// `outputs[i] = inputs[i] + parameters[i]`
    case bias(count: Int)
    /// `outputs[i] = max(inputs[i], 0)`
    case relu(count: Int)
    /// Ba, Kiros, Hinton 2016: mean 0 and deviation 1 over the vector, then gains and shifts.
    case layerNorm(count: Int)

    static let normalisationEpsilon = 1e-5

    public var inputs: Int {
        switch self {
        case .linear(let inputs, _): inputs
        case .bias(let count), .relu(let count), .layerNorm(let count): count
        }
    }

    public var outputs: Int {
        switch self {
        case .linear(_, let outputs): outputs
        case .bias(let count), .relu(let count), .layerNorm(let count): count
        }
    }

    public var parameterCount: Int {
        switch self {
        case .linear(let inputs, let outputs): inputs * outputs
        case .bias(let count): count
        case .relu: 0
        case .layerNorm(let count): 2 * count
        }
    }

    /// Multiply-adds counted as two operations.
    var flops: Int {
        switch self {
        case .linear(let inputs, let outputs): 2 * inputs * outputs
        case .bias(let count): count
        case .relu: 0
        case .layerNorm(let count): 8 * count
        }
    }

    /// - Returns: `false` where sizes are not positive or would overflow.
    var isPlausible: Bool {
        (1...Self.sizeLimit).contains(inputs) && (1...Self.sizeLimit).contains(outputs)
    }

    /// Largest vector of a gate.
    static let sizeLimit = 1 << 14

    /// Fills the layer's parameters: He et al. 2015 for weights, the identity elsewhere.
    func initialise(_ parameters: inout ArraySlice<Double>, using generator: inout some RandomNumberGenerator) {
        switch self {
        case .linear(let inputs, _):
            let deviation = (2 / Double(inputs)).squareRoot()
            for index in parameters.indices { parameters[index] = deviation * generator.normal() }
        case .bias, .relu:
            for index in parameters.indices { parameters[index] = 0 }
        case .layerNorm(let count):
            for offset in 0..<count {
                parameters[parameters.startIndex + offset] = 1
                parameters[parameters.startIndex + count + offset] = 0
            }
        }
    }

    typealias Values = UnsafePointer<Double>
    typealias Results = UnsafeMutablePointer<Double>

    /// In 64-bit floats for training, in 32-bit floats for inference.
    @inline(__always)
    func forward<Scalar: BinaryFloatingPoint>(
        _ parameters: UnsafePointer<Scalar>, _ input: UnsafePointer<Scalar>, _ output: UnsafeMutablePointer<Scalar>
    ) {
        switch self {
        case .linear(let inputs, let outputs):
            output.update(repeating: 0, count: outputs)
            for row in 0..<inputs where input[row] != 0 {
                let (value, weights) = (input[row], parameters + row * outputs)
                for column in 0..<outputs { output[column] += value * weights[column] }
            }
        case .bias(let count):
            for index in 0..<count { output[index] = input[index] + parameters[index] }
        case .relu(let count):
            for index in 0..<count { output[index] = max(input[index], 0) }
        case .layerNorm(let count):
            let (mean, inverse) = Self.moments(input, count)
            for index in 0..<count {
                output[index] = (input[index] - mean) * inverse * parameters[index] + parameters[count + index]
            }
        }
    }

    /// Adds the gradient of the parameters, and writes that of the input.
    func backward(
        _ parameters: Values, _ input: Values, upstream: Values, gradient: Results, inputGradient: Results
    ) {
        switch self {
        case .linear(let inputs, let outputs):
            for row in 0..<inputs {
                let (value, weights, gradients) = (input[row], parameters + row * outputs, gradient + row * outputs)
                var sum = 0.0
                for column in 0..<outputs {
                    gradients[column] += value * upstream[column]
                    sum += weights[column] * upstream[column]
                }
                inputGradient[row] = sum
            }
        case .bias(let count):
            for index in 0..<count {
                gradient[index] += upstream[index]
                inputGradient[index] = upstream[index]
            }
        case .relu(let count):
            for index in 0..<count { inputGradient[index] = input[index] > 0 ? upstream[index] : 0 }
        case .layerNorm(let count):
            let (mean, inverse) = Self.moments(input, count)
            var (sum, product) = (0.0, 0.0)
            for index in 0..<count {
                let normal = (input[index] - mean) * inverse
                gradient[index] += upstream[index] * normal
                gradient[count + index] += upstream[index]
                sum += upstream[index] * parameters[index]
                product += upstream[index] * parameters[index] * normal
            }
            for index in 0..<count {
                let normal = (input[index] - mean) * inverse
                inputGradient[index] =
                    inverse * (upstream[index] * parameters[index] - (sum + normal * product) / Double(count))
            }
        }
    }

    @inline(__always)
    private static func moments<Scalar: BinaryFloatingPoint>(
        _ input: UnsafePointer<Scalar>, _ count: Int
    ) -> (mean: Scalar, inverse: Scalar) {
        var (sum, squares) = (Scalar(0), Scalar(0))
        for index in 0..<count { sum += input[index] }
        let mean = sum / Scalar(count)
        for index in 0..<count { squares += (input[index] - mean) * (input[index] - mean) }
        return (mean, 1 / (squares / Scalar(count) + Scalar(normalisationEpsilon)).squareRoot())
    }
}

extension RandomNumberGenerator {
    /// Uniform in 0..<1.
    mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Standard normal, by Irwin and Hall's sum of twelve uniforms: no tails beyond 6, the same on every platform.
    mutating func normal() -> Double { (0..<12).reduce(-6.0) { sum, _ in sum + uniform() } }
}
