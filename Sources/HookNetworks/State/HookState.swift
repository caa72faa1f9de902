public import Engine
public import MapPruning
public import SearchSpace
public import NetworkParts

/// Everything that hooks of one network have learned: what `shoal hooks` keeps in one file beside the network's own.
public struct HookState: Equatable, Sendable {
    /// The version that this program writes, and the newest that it reads.
    public static let formatVersion = 5
    /// The oldest version that it reads.
    public static let oldestFormatVersion = 1

    /// One place and what was learned there.
    public struct Hook: Equatable, Sendable {
        public var point: AttachmentPoint
        public var gate: Gate?
        public var samples: GateSamples?
        /// What a decision about channels or points leaves to compute: the parts that it is about, in order, those
        /// between them run in full.
        public var masks: [PartMask] = []
        /// Mean damage of the decision over images that nothing was fitted on; where it is known, it stands for a gate
        /// that there is not, or that is no better.
        public var expectedDamage: Double?
        /// The convolution that replaces the parts that a decision leaves out.
        public var substitute: Filter?
        /// The linear layer from pooled features to classes whose answer the gate reads, and an exit gives.
        public var head: Filter?
        /// Time that the gate takes with all that it reads, on the machine that trained it; `nil`: not measured.
        public var overheadMicroseconds: Double?
        /// Whether the place is left out of every input, without asking a gate, unless hooks are off.
        public var isFixed = false

        public init(_ point: AttachmentPoint) { self.point = point }

        /// The gate, if it passed its validation.
        public var usableGate: Gate? { gate.flatMap { $0.validation.passes ? $0 : nil } }
    }

    /// A smaller network, on the model level.
    public struct Network: Codable, Equatable, Sendable {
        public var weightsSHA256: String
        /// Where its package was when the hooks were built; `nil` for a subnet of the network's own package.
        public var package: String?
        public var subnet: SubnetConfiguration?
        /// Of its graph; `nil` for a subnet, and in files before version 5.
        public var graphSHA256: String?

        public init(
            weightsSHA256: String, package: String? = nil, subnet: SubnetConfiguration? = nil,
            graphSHA256: String? = nil
        ) {
            (self.weightsSHA256, self.package, self.subnet) = (weightsSHA256, package, subnet)
            self.graphSHA256 = graphSHA256
        }
    }

    public typealias Filter = LinearMap

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
    /// Of the network's graph (`NetworkPackage.graphSHA256`): the same weights in another order, or with other strides,
    /// are another network. `nil` for a subnet, whose configuration says it, and in files before version 5.
    public var graphSHA256: String?
    /// What is tried before the network itself, from the smallest up: networks, or subnets of the same supernet.
    public var smaller: [Network]
    /// The network itself, where it is a subnet of a supernet.
    public var subnet: SubnetConfiguration?
    /// Where the statistics of the subnets were when the hooks were built.
    public var statisticsFile: String?
    public var hooks: [Hook]
    /// What all gates read besides the network.
    public var inputs = GateInputs.none
    /// Where gates choose among precisions of the convolutions: one hook for each mask.
    public var precision: PrecisionState?
    public var statistics = Statistics()
    /// What gates decide together; empty where it was not measured, as in files before version 5.
    public var calibrations: [Calibration] = []

    public init(
        kinds: [GateKind], weightsSHA256: String, graphSHA256: String? = nil, smaller: [Network] = [],
        subnet: SubnetConfiguration? = nil,
        statisticsFile: String? = nil, hooks: [Hook]
    ) {
        self.kinds = kinds
        self.weightsSHA256 = weightsSHA256
        self.graphSHA256 = graphSHA256
        self.smaller = smaller
        self.subnet = subnet
        self.statisticsFile = statisticsFile
        self.hooks = hooks
    }

    /// - Returns: in which way the hooks belong to another network than this, `nil` where they do not. Files before
    ///   version 5 say nothing of the graph.
    public func stranger(weightsSHA256: String, graphSHA256: String?) -> String? {
        Network(weightsSHA256: self.weightsSHA256, graphSHA256: self.graphSHA256)
            .stranger(weightsSHA256: weightsSHA256, graphSHA256: graphSHA256)
    }
}

extension HookState.Network {
    /// - Returns: what another network has in place of what this one has; `nil` where it is the same.
    public func stranger(weightsSHA256: String, graphSHA256: String?) -> String? {
        guard self.weightsSHA256 == weightsSHA256 else { return "other weights" }
        guard let known = self.graphSHA256, let graphSHA256 else { return nil }
        return known == graphSHA256 ? nil : "another graph, with the same weights,"
    }
}
