import CKernels

/// What some kernels need of a processor beyond their instruction set.
public struct ProcessorFeatures: OptionSet, Sendable {
    public let rawValue: Int32

    public init(rawValue: Int32) { self.rawValue = rawValue }

    public static let avx512BF16 = Self(CK_AVX512_BF16)
    public static let avx512VNNI = Self(CK_AVX512_VNNI)
    public static let avxVNNI = Self(CK_AVX_VNNI)
    public static let neonBF16 = Self(CK_NEON_BF16)
    public static let neonDotProduct = Self(CK_NEON_DOTPROD)

    /// Those that this machine has.
    public static var available: Self { Self(rawValue: ck_features()) }

    private init(_ feature: ck_feature) { self.init(rawValue: Int32(bitPattern: feature.rawValue)) }
}
