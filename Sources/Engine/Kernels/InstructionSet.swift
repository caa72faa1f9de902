import CKernels

/// Instruction sets that kernels are written for, from plainest to fastest of those that one architecture has.
public enum InstructionSet: String, CaseIterable, Sendable {
    case portable
    case avx2
    case avx512
    case neon

    /// Names the set to use instead of the fastest one, for tests and comparisons.
    public static let environmentVariable = "SHOAL_INSTRUCTION_SET"

    var code: ck_instruction_set {
        switch self {
        case .portable: CK_PORTABLE
        case .avx2: CK_AVX2
        case .avx512: CK_AVX512
        case .neon: CK_NEON
        }
    }

    public var isSupported: Bool { ck_is_supported(code) != 0 }

    /// The fastest set that this machine has.
    public static var fastest: InstructionSet { allCases.last { $0.isSupported } ?? .portable }
}

/// An instruction set that was asked for cannot be used.
public struct InstructionSetRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    public let requested: String

    public init(requested: String) { self.requested = requested }

    public var description: String {
        let usable = InstructionSet.allCases.filter(\.isSupported).map(\.rawValue).joined(separator: ", ")
        return "\(InstructionSet.environmentVariable)=\(requested): this machine can run \(usable)"
    }
}
