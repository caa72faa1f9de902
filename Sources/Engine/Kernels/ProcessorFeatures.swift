import CKernels
import Glibc

/// What some kernels need of a processor beyond their instruction set.
public struct ProcessorFeatures: OptionSet, Sendable {
    public let rawValue: Int32

    public init(rawValue: Int32) { self.rawValue = rawValue }

    public static let avx512BF16 = Self(CK_AVX512_BF16)
    public static let avx512VNNI = Self(CK_AVX512_VNNI)
    public static let neonDotProduct = Self(CK_NEON_DOTPROD)
    public static let neonI8MM = Self(CK_NEON_I8MM)
    /// Tiles of bytes, where they passed a trial against the portable kernel.
    public static let amxInt8 = Self(CK_AMX_INT8)

    /// `off` leaves AMX's tiles alone.
    public static let amxVariable = "SHOAL_AMX"

    /// Those that this machine has and may use.
    public static let available: Self = {
        let features = Self(rawValue: ck_features())
        let isOff = getenv(amxVariable).map { String(cString: $0) == "off" } ?? false
        return isOff ? features.subtracting(.amxInt8) : features
    }()

    private init(_ feature: ck_feature) { self.init(rawValue: Int32(bitPattern: feature.rawValue)) }
}
