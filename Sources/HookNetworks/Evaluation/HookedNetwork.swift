public import Engine
public import GateCalibration
import SearchSpace

/// How decisions are taken; fixed places take none.
public enum DecisionPolicy: Equatable, Sendable {
    case gates
    /// Each with this probability: a baseline. Among precisions the cheapest ones.
    case random(probability: Double)
    /// Those of these hooks always: a baseline.
    case fixed(Set<Int>)

    /// - Parameter text: gates, random:P, or fixed:A,B.
    public init(_ text: String, hookCount: Int) throws(HookRefusal) {
        if text == "gates" {
            self = .gates
        } else if text.hasPrefix("random:"), let probability = Double(text.dropFirst(7)), (0...1).contains(probability)
        {
            self = .random(probability: probability)
        } else {
            let numbers = text.hasPrefix("fixed:") ? text.dropFirst(6).split(separator: ",").map { Int($0) } : []
            guard !numbers.isEmpty, !numbers.contains(nil) else {
                throw HookRefusal("is none of gates, random:P, fixed:A,B")
            }
            let hooks = Set(numbers.compactMap { $0 })
            if let stranger = hooks.sorted().first(where: { !(0..<hookCount).contains($0) }) {
                throw HookRefusal("there is no hook \(stranger); they are 0 to \(hookCount - 1)")
            }
            self = .fixed(hooks)
        }
    }
}

/// A network with hooks, on one thread: what evaluation, training and applications see of every kind.
public protocol HookedNetwork: AnyObject {
    /// The network without hooks.
    var plain: Plan { get }
    /// What gates read besides the network, to be set before a frame; `nil` where they read nothing else.
    var readings: FrameReadings? { get }
    /// By hook, 1 where the last answer left something out there, else 0. Valid until the next answer.
    var decisions: UnsafeBufferPointer<Float> { get }

    var policy: DecisionPolicy { get set }
    /// Of an answer's damage.
    var measure: DamageMeasure { get }
    /// What gates are held to where a budget is asked for.
    var budgets: BudgetMap { get }

    /// - Parameter budget: damage to be put up with, 0...1; below 0 no gate runs.
    func answer(_ image: UnsafeBufferPointer<Float>, budget: Float) -> HookedAnswer
}

extension HookedNetwork {
    /// Of the last answer, as its budget counts it: nothing where nothing was left out, for then a committee says what
    /// all its networks say.
    public func damage(of answer: HookedAnswer, full: UnsafeBufferPointer<Float>) -> Float {
        decisions.contains { $0 > 0 } ? measure(full, answer.logits) : 0
    }
}

public struct HookedAnswer {
    /// Valid until the next answer.
    public let logits: UnsafeBufferPointer<Float>
    /// What was spent, gates included.
    public let flops: Int
    /// Decisions that left something out, of those that could have.
    public let taken: Int
    public let decisions: Int
    /// Of the answer, by the gate that took the last decision; `nil` where none did.
    public let predictedDamage: Float?

    public init(
        logits: UnsafeBufferPointer<Float>, flops: Int, taken: Int, decisions: Int, predictedDamage: Float? = nil
    ) {
        (self.logits, self.flops, self.taken, self.decisions) = (logits, flops, taken, decisions)
        self.predictedDamage = predictedDamage
    }
}

extension SeededGenerator {
    /// What random decisions draw from: every policy begins with the same numbers.
    static var decisions: SeededGenerator { SeededGenerator(seed: 1) }
}
