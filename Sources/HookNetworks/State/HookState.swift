/// Everything that hooks of one network have learned: what `shoal hooks` keeps in one file beside the network's own.
public struct HookState: Equatable, Sendable {
    /// The version that this program writes, and the newest that it reads.
    public static let formatVersion = 1

    /// One place and what was learned there.
    public struct Hook: Equatable, Sendable {
        public var point: AttachmentPoint
        public var gate: Gate?
        public var samples: GateSamples?
        /// The convolution that replaces the parts that a decision leaves out.
        public var substitute: Filter?
        /// The linear layer from pooled features to classes whose answer the gate reads, and an exit gives.
        public var head: Filter?

        public init(_ point: AttachmentPoint) { self.point = point }

        /// The gate, if it passed its validation.
        public var usableGate: Gate? { gate.flatMap { $0.validation.passes ? $0 : nil } }
    }

    /// A linear map with a bias per output.
    public struct Filter: Equatable, Sendable {
        public var weights: [Float]
        public var bias: [Float]

        public init(weights: [Float], bias: [Float]) {
            self.weights = weights
            self.bias = bias
        }
    }

    public struct Statistics: Codable, Equatable, Sendable {
        public var frames = 0
        public var samples = 0
        public var algorithm = TrainingAlgorithm.backpropagation
        public var seed: UInt64 = 0

        public init() {}
    }

    public var kinds: [GateKind]
    /// Of the network's weights, as hexadecimal SHA-256: hooks fit no others.
    public var weightsSHA256: String
    /// Of the smaller network, on the model level.
    public var smallWeightsSHA256: String?
    /// Where the smaller network's package was when the hooks were built.
    public var smallPackage: String?
    public var hooks: [Hook]
    public var statistics = Statistics()

    public init(
        kinds: [GateKind], weightsSHA256: String, smallWeightsSHA256: String? = nil, smallPackage: String? = nil,
        hooks: [Hook]
    ) {
        self.kinds = kinds
        self.weightsSHA256 = weightsSHA256
        self.smallWeightsSHA256 = smallWeightsSHA256
        self.smallPackage = smallPackage
        self.hooks = hooks
    }
}
