import Glibc

/// Moves parameters against a gradient.
public struct Optimizer: Sendable {
    public enum Method: Codable, Equatable, Sendable {
        case sgd(momentum: Double)
        /// Kingma and Ba 2015, with decoupled weight decay (Loshchilov and Hutter 2019).
        case adam(beta1: Double, beta2: Double, epsilon: Double)

        public static let usualAdam = Method.adam(beta1: 0.9, beta2: 0.999, epsilon: 1e-8)
    }

    public let method: Method
    public var learningRate: Double
    /// Share of a parameter that is lost per step and unit of learning rate.
    public let weightDecay: Double
    private var first: [Double]
    private var second: [Double]
    private var steps = 0

    public init(_ method: Method, learningRate: Double, weightDecay: Double = 0, parameterCount: Int) {
        precondition(learningRate > 0 && weightDecay >= 0, "rate \(learningRate), decay \(weightDecay)")
        self.method = method
        self.learningRate = learningRate
        self.weightDecay = weightDecay
        first = [Double](repeating: 0, count: parameterCount)
        second = first
    }

    public mutating func step(_ parameters: inout [Double], _ gradient: [Double]) {
        precondition(parameters.count == first.count && gradient.count == first.count, "other parameters")
        steps += 1
        switch method {
        case .sgd(let momentum):
            for index in parameters.indices {
                first[index] = momentum * first[index] + gradient[index]
                parameters[index] -= learningRate * (first[index] + weightDecay * parameters[index])
            }
        case .adam(let beta1, let beta2, let epsilon):
            let (unbias1, unbias2) = (1 - pow(beta1, Double(steps)), 1 - pow(beta2, Double(steps)))
            for index in parameters.indices {
                first[index] += (1 - beta1) * (gradient[index] - first[index])
                second[index] += (1 - beta2) * (gradient[index] * gradient[index] - second[index])
                let direction = first[index] / unbias1 / ((second[index] / unbias2).squareRoot() + epsilon)
                parameters[index] -= learningRate * (direction + weightDecay * parameters[index])
            }
        }
    }
}
