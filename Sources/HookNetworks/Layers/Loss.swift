import Glibc

/// What training minimises, with the gradient by the network's output.
public enum Loss: String, Codable, Sendable, CaseIterable {
    /// Half of the squared difference, summed over the outputs.
    case squaredError
    /// Binary cross-entropy of the logistic function of each output, against targets in 0...1: what it settles on is
    /// the target's mean, so that a damage in 0...1 is predicted without a bias for its heavy tail.
    case logistic
    /// Cross-entropy of the softmax of all outputs, against a distribution.
    case softmax

    public func value(_ output: [Double], _ target: [Double]) -> Double {
        precondition(output.count == target.count, "\(output.count) outputs, \(target.count) targets")
        switch self {
        case .squaredError:
            return zip(output, target).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) / 2 }
        case .logistic:
            return zip(output, target).reduce(0) { $0 + max($1.0, 0) - $1.0 * $1.1 + log1p(exp(-abs($1.0))) }
        case .softmax:
            let total = Self.logSumExp(output)
            return zip(output, target).reduce(0) { $0 + $1.1 * (total - $1.0) }
        }
    }

    public func gradient(_ output: [Double], _ target: [Double]) -> [Double] {
        switch self {
        case .squaredError: return zip(output, target).map { $0 - $1 }
        case .logistic: return zip(output, target).map { Self.logistic($0) - $1 }
        case .softmax:
            let total = Self.logSumExp(output)
            let mass = target.reduce(0, +)
            return zip(output, target).map { exp($0 - total) * mass - $1 }
        }
    }

    public static func logistic(_ value: Double) -> Double { 1 / (1 + exp(-value)) }

    private static func logSumExp(_ values: [Double]) -> Double {
        let most = values.max() ?? 0
        return most + log(values.reduce(0) { $0 + exp($1 - most) })
    }
}
