import AgentCore
import Synchronization

/// Hands what sensors read to the threads that run models, without a lock: two words of two 32-bit floats each, NaN for
/// none. Which word is read first does not matter: no figure depends on another.
final class BoardConditions: Sendable {
    private let strain = Atomic<UInt64>(BoardConditions.packed(nil, nil))
    private let clock = Atomic<UInt64>(BoardConditions.packed(nil, nil))

    func post(_ conditions: BoardManager.Conditions) {
        strain.store(
            Self.packed(conditions.temperatureCelsius, conditions.memoryPressure), ordering: .relaxed)
        clock.store(
            Self.packed(conditions.clockSlowdown, conditions.isThrottled.map { $0 ? 1 : 0 }), ordering: .relaxed)
    }

    func read() -> BoardManager.Conditions {
        let (strain, clock) = (strain.load(ordering: .relaxed), clock.load(ordering: .relaxed))
        return .init(
            temperatureCelsius: Self.number(strain >> 32), memoryPressure: Self.number(strain),
            clockSlowdown: Self.number(clock >> 32), isThrottled: Self.number(clock).map { $0 > 0 })
    }

    private static func number(_ word: UInt64) -> Double? {
        let number = Double(Float(bitPattern: UInt32(truncatingIfNeeded: word)))
        return number.isNaN ? nil : number
    }

    private static func packed(_ first: Double?, _ second: Double?) -> UInt64 {
        func bits(_ number: Double?) -> UInt64 { UInt64(Float(number ?? .nan).bitPattern) }
        return bits(first) << 32 | bits(second)
    }
}

extension BoardSensors {
    /// Share of the last 10 s in which some program waited for memory, in per cent.
    /// - Parameter text: of `/proc/pressure/memory`.
    static func memoryPressure(_ text: String?) -> Double? {
        let line = (text ?? "").split(separator: "\n").first { $0.hasPrefix("some ") }
        let field = line?.split(separator: " ").first { $0.hasPrefix("avg10=") }
        return field.flatMap { Double($0.dropFirst(6)) }.flatMap { (0...100).contains($0) ? $0 : nil }
    }
}
