import Glibc

/// How far an answer lies from the full network's.
public enum Divergence {
    /// Total variation distance of the two softmax distributions: the share of probability that moved, 0...1.
    ///
    /// Bounded, so that a mean over a stream is not ruled by its worst inputs, and the chance that two answers drawn
    /// from the distributions differ at best.
    public static func totalVariation(_ full: UnsafeBufferPointer<Float>, _ other: UnsafeBufferPointer<Float>) -> Float
    {
        precondition(full.count == other.count && !full.isEmpty, "\(full.count) and \(other.count) values")
        let (a, b) = (Softmax(full), Softmax(other))
        var sum: Float = 0
        for index in 0..<full.count { sum += abs(a.probability(full[index]) - b.probability(other[index])) }
        return min(1, sum / 2)
    }

    /// The probability, by the full network's own distribution, that is lost by the class that the other answer gives:
    /// 0 where both give the same class. What an answer costs in accuracy as far as the full network knows, no more: an
    /// early head that is less sure of the same class does no damage.
    public static func lostProbability(_ full: UnsafeBufferPointer<Float>, _ other: UnsafeBufferPointer<Float>) -> Float
    {
        precondition(full.count == other.count && !full.isEmpty, "\(full.count) and \(other.count) values")
        var (best, answer) = (0, 0)
        for index in 1..<max(1, full.count) {
            if full[index] > full[best] { best = index }
            if other[index] > other[answer] { answer = index }
        }
        let softmax = Softmax(full)
        return max(0, softmax.probability(full[best]) - softmax.probability(full[answer]))
    }
}

/// Which divergence gates predict and budgets bound.
public enum DamageMeasure: Sendable {
    /// Between networks.
    case totalVariation
    /// Within a network.
    case lostProbability

    public func callAsFunction(
        _ full: UnsafeBufferPointer<Float>, _ other: UnsafeBufferPointer<Float>
    ) -> Float {
        switch self {
        case .totalVariation: Divergence.totalVariation(full, other)
        case .lostProbability: Divergence.lostProbability(full, other)
        }
    }
}

/// The softmax of some logits, without storing it.
struct Softmax {
    private let most: Float
    private let total: Float

    init(_ logits: UnsafeBufferPointer<Float>) {
        var most = -Float.infinity
        for value in logits { most = max(most, value) }
        var total: Float = 0
        for value in logits { total += expf(value - most) }
        (self.most, self.total) = (most, total)
    }

    func probability(_ logit: Float) -> Float { expf(logit - most) / total }
    var logSumExp: Float { most + logf(total) }
    var largest: Float { 1 / total }
}

/// What a gate reads of an answer besides pooled features.
enum AnswerStatistics {
    static let count = 6

    /// Largest probability, its distance to the second as probabilities and as logits, entropy, logarithm of the sum of
    /// exponentials, and the logarithm of what the largest probability leaves.
    static func write(_ logits: UnsafeBufferPointer<Float>, to output: UnsafeMutablePointer<Float>) {
        let softmax = Softmax(logits)
        var (first, second, entropy) = (-Float.infinity, -Float.infinity, Float(0))
        for value in logits {
            if value > first { (first, second) = (value, first) } else { second = max(second, value) }
            let probability = softmax.probability(value)
            if probability > 0 { entropy -= probability * logf(probability) }
        }
        if logits.count == 1 { second = first }
        let (most, next) = (softmax.probability(first), softmax.probability(second))
        output[0] = most
        output[1] = most - next
        output[2] = first - second
        output[3] = entropy
        output[4] = softmax.logSumExp
        output[5] = logf(max(1 - most, 1e-6))
    }
}
