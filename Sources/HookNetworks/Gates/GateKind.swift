/// What a gate decides about. The table of kinds: a row here, its place among the attachment points and its session are
/// all that a new kind needs.
public enum GateKind: String, Codable, Sendable, CaseIterable {
    case model, exit, skip, channel, point, bits

    public struct Row: Sendable {
        /// What a decision leaves out.
        public let summary: String
        /// Whether this version builds gates of the kind.
        public let isSupported: Bool
        /// Kinds that decide within one run of one network can share a file.
        public let isWithinNetwork: Bool
    }

    public var row: Row {
        switch self {
        case .model:
            Row(
                summary: "larger networks, where the answer so far will do", isSupported: true,
                isWithinNetwork: false)
        case .exit:
            Row(
                summary: "all blocks after a head whose answer will do", isSupported: true,
                isWithinNetwork: true)
        case .skip:
            Row(summary: "residual blocks, replaced by one convolution", isSupported: true, isWithinNetwork: true)
        case .channel:
            Row(
                summary: "blocks of channels inside a block, what is left makes up for them", isSupported: true,
                isWithinNetwork: true)
        case .point:
            Row(summary: "strips of rows of a residual block", isSupported: true, isWithinNetwork: true)
        case .bits:
            Row(summary: "32 bits, where the answer in 8 will do", isSupported: true, isWithinNetwork: false)
        }
    }
}

extension GateKind {
    /// Whether a decision computes a part of a block.
    var isMasking: Bool { self == .channel || self == .point }
}

/// A place in a network where a gate can decide.
public struct AttachmentPoint: Codable, Equatable, Sendable {
    public var kind: GateKind
    /// The step that the place begins with, or the network that may be left out.
    public var `operator`: String
    /// What a decision saves.
    public var flops: Int
    /// Time that a decision saves on the machine that built the hooks.
    public var microseconds: Double
    /// Parts of the sectioned network that a decision leaves out; empty on the model level.
    public var parts: Range<Int>

    public init(kind: GateKind, operator name: String, flops: Int, microseconds: Double, parts: Range<Int>) {
        self.kind = kind
        self.operator = name
        self.flops = flops
        self.microseconds = microseconds
        self.parts = parts
    }
}

/// Why hooks cannot be built, read or used: one sentence.
public struct HookRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
