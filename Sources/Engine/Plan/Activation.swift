import CKernels

/// A function of single values, with its parameters.
public struct Activation: Equatable, Sendable {
    let kind: ck_activation
    let first: Float
    let second: Float

    init(_ kind: ck_activation, _ first: Float = 0, _ second: Float = 0) {
        self.kind = kind
        self.first = first
        self.second = second
    }

    public static let none = Activation(CK_NONE)
    public static let relu = Activation(CK_RELU)
    public static let relu6 = clip(0, 6)
    /// ONNX `HardSwish`: x * hardSigmoid(x).
    public static let hardSwish = Activation(CK_HARD_SWISH)
    /// ONNX `HardSigmoid` with alpha 1/6 and beta 1/2; other parameters are not this function.
    public static let hardSigmoid = Activation(CK_HARD_SIGMOID)
    public static let sigmoid = Activation(CK_SIGMOID)
    /// x * sigmoid(x)
    public static let silu = Activation(CK_SILU)

    /// ONNX `Clip`.
    public static func clip(_ least: Float, _ most: Float) -> Activation { Activation(CK_CLIP, least, most) }

    public static let tanh = Activation(CK_TANH)
    /// x * (1 + erf(x / sqrt(2))) / 2
    public static let gelu = Activation(CK_GELU)
    /// The approximation of GELU by tanh.
    public static let geluTanh = Activation(CK_GELU_TANH)
    /// log(1 + e^x)
    public static let softplus = Activation(CK_SOFTPLUS)
    /// x * tanh(softplus(x))
    public static let mish = Activation(CK_MISH)

    /// x where it is positive, `alpha * (e^x - 1)` elsewhere.
    public static func elu(alpha: Float) -> Activation { Activation(CK_ELU, alpha) }

    /// clamp(slope * x + offset, 0, 1)
    public static func linearGate(slope: Float, offset: Float) -> Activation {
        Activation(CK_LINEAR_GATE, slope, offset)
    }

    /// x where it is positive, `slope * x` elsewhere.
    public static func leakyRelu(slope: Float) -> Activation { Activation(CK_LEAKY_RELU, slope) }
}

extension PlanBuilder.Finish {
    /// - Parameter activatesSum: the activation follows the addition of the residual, as in ResNet.
    public init(
        epilogue: Epilogue, _ activation: Activation, residual: PlanBuilder.Map? = nil, activatesSum: Bool = false,
        normalization: String? = nil
    ) {
        self.init(
            epilogue: epilogue, activation: activation.kind, residual: residual, normalization: normalization)
        self.activatesSum = activatesSum
        parameters = activation
    }
}
