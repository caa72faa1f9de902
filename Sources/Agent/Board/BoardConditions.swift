import AgentCore
import Synchronization

/// Hands what sensors read to the threads that run models, without a lock: two 32-bit floats in a word, NaN for none.
final class BoardConditions: Sendable {
    private let word = Atomic<UInt64>(BoardConditions.packed(.init()))

    func post(_ conditions: BoardManager.Conditions) { word.store(Self.packed(conditions), ordering: .relaxed) }

    func read() -> BoardManager.Conditions {
        let value = word.load(ordering: .relaxed)
        func number(_ bits: UInt64) -> Double? {
            let number = Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
            return number.isNaN ? nil : number
        }
        return .init(temperatureCelsius: number(value >> 32), memoryPressure: number(value))
    }

    private static func packed(_ conditions: BoardManager.Conditions) -> UInt64 {
        func bits(_ number: Double?) -> UInt64 { UInt64(Float(number ?? .nan).bitPattern) }
        return bits(conditions.temperatureCelsius) << 32 | bits(conditions.memoryPressure)
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
